"""Read a file in a process of its own, within bounds of memory, computing time, output and time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from offhook.knowledge.reading.blocks import Kind, UnreadableError
from offhook.knowledge.reading.program import CPU_S, MAX_OUTPUT_BYTES, Outcome, ReadPassage

LIMIT_S = 180.0  # thrice its computing time: calls go first
# Nothing of the server's own settings and keys goes into a process that opens strangers' files.
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
_CHUNK_BYTES = 1 << 20
_decoder = msgspec.msgpack.Decoder(Outcome)


async def read_file(kind: Kind, path: Path, title: str = "", limit_s: float = LIMIT_S) -> list[ReadPassage]:
    """The passages of a file, all under ``title`` if there is one.

    Raises UnreadableError with the reason, whatever the file did.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "offhook.knowledge.reading.program", kind.value, str(path), title,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(limit_s):
            answer = await _output(process)
            code = await process.wait()
    except TimeoutError as error:
        raise UnreadableError(f"reading it took longer than {limit_s:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        raise UnreadableError(_how_it_ended(code))
    try:
        outcome = await asyncio.to_thread(_decoder.decode, answer)
    except msgspec.MsgspecError as error:
        raise UnreadableError("it broke the program that reads it (no answer)") from error
    if outcome.reason is not None:
        raise UnreadableError(outcome.reason)
    return outcome.passages


async def _output(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for above
    parts = bytearray()
    while block := await process.stdout.read(_CHUNK_BYTES):
        parts += block
        if len(parts) > MAX_OUTPUT_BYTES:
            raise UnreadableError("it has too much text; split it")
    return bytes(parts)


def _how_it_ended(code: int) -> str:
    if -code in {signal.SIGXCPU, signal.SIGKILL}:
        return f"reading it took more than {CPU_S} s of computing, or the machine had no memory left"
    if code < 0:
        return f"it broke the program that reads it ({signal.Signals(-code).name})"
    return f"it broke the program that reads it (exit code {code})"
