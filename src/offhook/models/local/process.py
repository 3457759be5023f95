"""A local model in a process of its own, seen from the call process: jobs in, answers out, restarted when it dies.

Everything here runs on the loop and never blocks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from offhook.errors import ModelFilesError, ProviderError, ProviderTimeoutError
from offhook.models.local.wire import (
    HEADER,
    Cancel,
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

log = structlog.get_logger(__name__)

START_LIMIT_S = 60.0  # loading takes 1-2 s; a cold disk under load ten times that
RESTART_WAITS_S = (0.0, 1.0, 5.0, 15.0)  # before each new try; then the last one again and again
CLOSE_LIMIT_S = 5.0
READ_AHEAD_BYTES = 4 << 20  # some minutes of spoken audio
# Jobs at once, before new ones are refused: at 0.2-1 s of work each, the last of so many comes too late to be of use.
MAX_PENDING = 64


@dataclass(frozen=True, slots=True)
class Reply:
    """A piece of the answer (``value``: msgpack), its end (``last``), or the reason why none comes (``error``)."""

    value: msgspec.Raw | None = None
    last: bool = False
    error: str | None = None


OnReply = Callable[[Reply], None]


class LocalProcess:
    """Runs ``python -m MODULE FD ARGUMENTS``; ``name`` is what errors call it."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], max_pending: int = MAX_PENDING) -> None:
        self._name, self._module, self._arguments = name, module, tuple(arguments)
        self._max_pending = max_pending
        self._ids = itertools.count(1)
        self._pending: dict[int, OnReply] = {}
        self._held: list[bytes] = []  # jobs that came while the process restarts
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the present process."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Load the model; whoever asks again waits for the same loading.

        Raises ModelFilesError, ProviderError or ProviderTimeoutError.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name=f"start-{self._name}")
        try:
            await asyncio.shield(self._starting)
        except (ProviderError, ModelFilesError):
            self._starting = None  # what was missing may be there the next time
            raise

    async def _start(self) -> None:
        reader = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(reader), name=f"local-{self._name}")

    def submit(self, job: object, on_reply: OnReply, priority: int = 0) -> int:
        """Queue a job and return its id; ``on_reply`` is called on the loop, last with ``last`` or ``error``.

        Lower ``priority`` goes first. Raises ProviderError when too many jobs wait or it was never started.
        """
        if self._keeper is None:
            raise ProviderError(f"the local {self._name} is not started")
        if len(self._pending) >= self._max_pending:
            raise ProviderError(f"the local {self._name} is behind by {len(self._pending)} jobs")
        job_id = next(self._ids)
        self._pending[job_id] = on_reply
        self._send(Submit(job_id, priority, raw(job)))
        return job_id

    def cancel(self, job_id: int) -> None:
        """Forget a job; nothing more is said about it."""
        if self._pending.pop(job_id, None) is not None:
            self._send(Cancel(job_id))

    def later(self, on_reply: OnReply, reply: Reply) -> None:
        """Give a reply from the loop, so that a fault in a caller's code doesn't end the reading of answers."""
        asyncio.get_running_loop().call_soon(on_reply, reply)

    async def close(self) -> None:
        """End the process; jobs still waiting fail."""
        tasks, self._starting, self._keeper = (self._starting, self._keeper), None, None
        for task in filter(None, tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ProviderError, ModelFilesError):
                await task
        await self._end_process()
        self._fail_pending("was closed")

    def _send(self, message: ToWorker) -> None:
        packed = pack(message)
        if self._writer is None:
            self._held.append(packed)
        else:
            self._writer.write(packed)

    async def _spawn(self) -> asyncio.StreamReader:
        """Start the process and wait until it is ready; its reader."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module, str(theirs.fileno()), *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "OMP_NUM_THREADS": "1"},  # or its pool fights for cores
                start_new_session=True,
            )  # fmt: skip
        reader, writer = await asyncio.open_connection(sock=ours, limit=READ_AHEAD_BYTES)
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await self._await_ready(reader)
        except TimeoutError as error:
            await self._end_process(writer)
            raise ProviderTimeoutError(f"the local {self._name} did not load within {START_LIMIT_S:.0f} s") from error
        except BaseException:
            await self._end_process(writer)
            raise
        self._writer = writer
        held, self._held = self._held, []
        writer.writelines(held)
        return reader

    async def _await_ready(self, reader: asyncio.StreamReader) -> None:
        message = await _receive(reader)
        if isinstance(message, Ready):
            return
        if isinstance(message, Unfit):
            raise (ModelFilesError if message.code == ModelFilesError.code else ProviderError)(message.message)
        raise ProviderError(f"the local {self._name} ended while it was loading; its own message is above in the log")

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        """Hand out answers; bring the process back whenever it dies."""
        while True:
            while (message := await _receive(reader)) is not None:
                self._take(message)
            code = await self._end_process()
            log.error("local_model_died", model=self._name, code=code, pending=len(self._pending))
            self._fail_pending(f"ended with code {code} and is being restarted")
            reader = await self._restart()

    async def _restart(self) -> asyncio.StreamReader:
        for wait_s in itertools.chain(RESTART_WAITS_S, itertools.repeat(RESTART_WAITS_S[-1])):
            await asyncio.sleep(wait_s)
            try:
                return await self._spawn()
            except (ProviderError, ModelFilesError) as error:
                log.exception("local_model_restart_failed", model=self._name)
                self._fail_pending(f"could not be restarted: {error}")
        raise AssertionError  # the chain above has no end

    def _take(self, message: FromWorker) -> None:
        if isinstance(message, Piece):
            on_reply = self._pending.pop(message.id, None) if message.last else self._pending.get(message.id)
            if on_reply is not None:
                self.later(on_reply, Reply(None if message.last else message.value, last=message.last))
        elif isinstance(message, Failed):
            on_reply = self._pending.pop(message.id, None)
            if on_reply is not None:
                self.later(on_reply, Reply(error=f"the local {self._name} failed: {message.message}"))

    def _fail_pending(self, why: str) -> None:
        pending, self._pending, self._held = self._pending, {}, []
        for on_reply in pending.values():
            self.later(on_reply, Reply(error=f"the local {self._name} {why}"))

    async def _end_process(self, writer: asyncio.StreamWriter | None = None) -> int | None:
        """Close the socket, which ends the process, and wait for that; its exit code."""
        for open_writer in (writer, self._writer):
            if open_writer is not None:
                open_writer.close()
        self._writer = None
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            return await asyncio.wait_for(process.wait(), CLOSE_LIMIT_S)
        except TimeoutError:
            process.kill()
            return await process.wait()


_decoder: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


async def _receive(reader: asyncio.StreamReader) -> FromWorker | None:
    """The next message, or None when the process is gone."""
    try:
        size = body_bytes(await reader.readexactly(HEADER.size))
        return _decoder.decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
