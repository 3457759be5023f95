"""The one thread that writes all tapes of the process, so that a slow disk never holds up a call."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import structlog

from offhook.recordings.tape import TapeWriter

# kill -9 may lose the last second of audio at most; five rounds a second leave room for a busy disk.
ROUND_S = 0.2
log = structlog.get_logger(__name__)


class TapeDeck:
    """Writes what its tapes were given, a round every 200 ms."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tapes: dict[TapeWriter, Future[None] | None] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def insert(self, tape: TapeWriter) -> None:
        """Write this tape from now on."""
        with self._lock:
            self._tapes[tape] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tapes", daemon=True)
                self._thread.start()

    def eject(self, tape: TapeWriter) -> Future[None]:
        """Write the rest of a tape and let go of it; done when its files are closed."""
        ejected: Future[None] = Future()
        with self._lock:
            if tape in self._tapes:
                self._tapes[tape] = ejected
            else:
                ejected.set_result(None)
        self._wake.set()
        return ejected

    def close(self) -> None:
        """Eject every tape and end the thread. Blocks until the disk has them."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(ROUND_S)
            self._wake.clear()
            self._round()
        self._round(last=True)

    def _round(self, last: bool = False) -> None:
        with self._lock:
            tapes = list(self._tapes.items())
        for tape, ejected in tapes:
            faulty_before = tape.fault is not None
            if last or ejected is not None:
                self._finish(tape, ejected)
            else:
                tape.flush()
            if tape.fault is not None and not faulty_before:
                log.error("tape_not_written", call_id=tape.call_id, fault=tape.fault)

    def _finish(self, tape: TapeWriter, ejected: Future[None] | None) -> None:
        tape.close()
        with self._lock:
            ejected = ejected or self._tapes.get(tape)
            self._tapes.pop(tape, None)
        if ejected is not None:
            ejected.set_result(None)
