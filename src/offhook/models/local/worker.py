"""The inside of a local model's process: a queue by priority, a few threads that work it off, cancelling by id.

It ends when the call process does: the socket's end of file is seen at once by a thread that does nothing else.
"""

from __future__ import annotations

import heapq
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from offhook.errors import OffhookError
from offhook.models.local.wire import (
    HEADER,
    Failed,
    FromWorker,
    Piece,
    Ready,
    Submit,
    ToWorker,
    Unfit,
    body_bytes,
    pack,
    raw,
)

Cancelled = Callable[[], bool]
_EXIT_UNFIT = 3


class Model(Protocol):
    """What a worker program serves. ``work`` runs in several threads at once."""

    def work(self, job: msgspec.Raw, cancelled: Cancelled) -> Iterator[object]:
        """Answer a job piece by piece; stops early, or not, when ``cancelled()``."""


def serve(load: Callable[[], Model], connection: socket.socket, threads: int) -> None:
    """Load the model, say so, and work until the other side is gone; then the process ends."""
    # Ctrl-C is the call process's business: it closes the socket when its calls have ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    outlet = _Outlet(connection)
    try:
        model = load()
    except OffhookError as error:
        outlet.send(Unfit(error.code, str(error)))
        sys.exit(_EXIT_UNFIT)
    jobs = JobQueue()
    for number in range(threads):
        threading.Thread(target=_work, args=(model, jobs, outlet), name=f"job-{number}", daemon=True).start()
    outlet.send(Ready())
    _read(connection, jobs)
    # At once: a job running in native code would hold a normal exit for as long as it takes.
    os._exit(0)


class JobQueue:
    """Jobs by priority, then by age. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Submit]] = []
        self._count = 0
        self._live: set[int] = set()
        self._changed = threading.Condition()

    def put(self, submit: Submit) -> None:
        """Add a job."""
        with self._changed:
            self._count += 1
            self._live.add(submit.id)
            heapq.heappush(self._waiting, (submit.priority, self._count, submit))
            self._changed.notify()

    def cancel(self, job_id: int) -> None:
        """Forget a job, waiting or running."""
        with self._changed:
            self._live.discard(job_id)

    def get(self) -> Submit:
        """Wait for the next job that is still wanted."""
        with self._changed:
            while True:
                while not self._waiting:
                    self._changed.wait()
                submit = heapq.heappop(self._waiting)[2]
                if submit.id in self._live:
                    return submit

    def wanted(self, job_id: int) -> bool:
        """Whether nobody cancelled it."""
        return job_id in self._live

    def done(self, job_id: int) -> None:
        """The job was answered."""
        with self._changed:
            self._live.discard(job_id)


class _Outlet:
    """Sends messages from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def send(self, message: FromWorker) -> None:
        try:
            with self._lock:
                self._connection.sendall(pack(message))
        except ConnectionError:
            os._exit(0)  # nobody is left to work for


def _work(model: Model, jobs: JobQueue, outlet: _Outlet) -> None:
    while True:
        submit = jobs.get()
        for answer in _answers(model, submit, jobs):
            if jobs.wanted(submit.id):
                outlet.send(answer)
        jobs.done(submit.id)


def _answers(model: Model, submit: Submit, jobs: JobQueue) -> Iterator[FromWorker]:
    try:
        for value in model.work(submit.job, lambda: not jobs.wanted(submit.id)):
            yield Piece(submit.id, last=False, value=raw(value))
    except Exception as error:  # noqa: BLE001 - whatever a job trips over is its answer; the process serves the others
        yield Failed(submit.id, f"{type(error).__name__}: {error}")
    else:
        yield Piece(submit.id, last=True, value=raw(None))


def _read(connection: socket.socket, jobs: JobQueue) -> None:
    decoder = msgspec.msgpack.Decoder(ToWorker)
    while header := _exactly(connection, HEADER.size):
        message = decoder.decode(_exactly(connection, body_bytes(header)))
        if isinstance(message, Submit):
            jobs.put(message)
        else:
            jobs.cancel(message.id)


def _exactly(connection: socket.socket, size: int) -> bytes:
    """``size`` bytes, or nothing when the other side is gone."""
    parts = bytearray()
    while len(parts) < size:
        try:
            block = connection.recv(min(size - len(parts), 1 << 20))
        except ConnectionError:
            return b""
        if not block:
            return b""
        parts += block
    return bytes(parts)


def connection_from(argument: str) -> socket.socket:
    """The socket whose descriptor number the call process put on the command line."""
    return socket.socket(fileno=int(argument))
