"""The background process that encodes tapes, seen from the server: one process, one tape at a time."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from offhook.errors import StorageError

# An idle core encodes 100 times faster than real time; on a busy one a nice process may get a fiftieth of it.
# A minute is for the start and the shortest call.
PATIENCE_BASE_S = 60.0
PATIENCE_PER_TAPE_S = 1.0
IDLE_S = 20.0  # its 40 MB are given back between bursts of calls


class Encoder:
    """Starts the process when there is work and ends it when there was none for a while."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[int]] = set()

    async def encode(self, tape: Path, tape_s: float) -> int:
        """Encode a tape of ``tape_s`` seconds in its folder; answers its duration in ms.

        Raises StorageError when it can't be done; the tape is untouched then.
        """
        async with self._turn:
            self._cancel_idle()
            try:
                async with asyncio.timeout(PATIENCE_BASE_S + PATIENCE_PER_TAPE_S * tape_s):
                    answer = await self._ask(tape)
            except TimeoutError as error:
                await self._end()
                raise StorageError(f"{tape}: the encoder did not finish in time") from error
            except asyncio.CancelledError:
                await self._end()
                raise
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._let_go)
        if "error" in answer:
            raise StorageError(f"{tape}: could not be encoded: {answer['error']}")
        return int(answer["duration_ms"])

    async def close(self) -> None:
        """End the process; a tape it was at stays for the next start."""
        self._cancel_idle()
        await self._end()
        await asyncio.gather(*self._leaving)

    async def _ask(self, tape: Path) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None  # noqa: S101 - both are pipes by construction
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps({"tape": str(tape)}).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        except ConnectionError:
            line = b""
        if not line:
            code = await process.wait()
            self._process = None
            return {"error": f"the encoder ended with code {code}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "offhook.recordings.encode", stdin=PIPE, stdout=PIPE
            )
        return self._process

    def _let_go(self) -> None:
        """End the idle process the gentle way: it reads the end of its input."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            gone = asyncio.create_task(process.wait())
            self._leaving.add(gone)
            gone.add_done_callback(self._leaving.discard)

    def _cancel_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
