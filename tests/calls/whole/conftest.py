"""A whole server in a process of its own, with providers of fixed delays, and sipp's side of a call."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import pytest_asyncio
import soxr

from offhook.audio.g711 import ulaw_encode

NUMBER = "+33123456789"
PROGRAM = ("-m", "offhook.testing.fixed_server")
SAMPLE = Path(__file__).parents[3] / "src/offhook/agents/samples/appointment.en.agent.yaml"


class Server:
    """One server on one data directory; it can be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options
        self.key = ""
        self.http = self.sip = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(
        self, program: tuple[str, ...] = ("-m", "offhook.testing.fixed_server"), **environment: str
    ) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *program, "--data-dir", str(self.folder / "data"),
                *self._options, stdout=asyncio.subprocess.PIPE, stderr=log,
                env={**os.environ, "OFFHOOK_LOG_LEVEL": "info", **environment},
            )  # fmt: skip
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        assert line, self.log()
        ready = json.loads(line)
        self.http, self.sip = ready["http"], ready["sip"]
        self.key = ready["api_key"] or self.key

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.sip.rsplit(":", 1)
        return host, int(port)

    async def end(self, number: int = signal.SIGTERM) -> int:
        if self._process is None or self._process.returncode is not None:
            return 0
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), 30)

    async def ask(self, method: str, path: str, **body: Any) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=self.http, headers={"X-Api-Key": self.key}) as client:
            return await client.request(method, path, json=body or None)

    async def calls(self) -> list[dict]:
        return (await self.ask("GET", "/v1/calls")).json()["data"]

    async def call(self, call_id: str) -> dict:
        return (await self.ask("GET", f"/v1/calls/{call_id}")).json()["data"]

    async def only_call(self, ready: Callable[[dict], object], limit_s: float = 20) -> dict:
        """The one call there is, as soon as it is so."""
        async with asyncio.timeout(limit_s):
            while True:
                calls = await self.calls()
                assert len(calls) <= 1
                if calls and ready(calls[0]):
                    return await self.call(calls[0]["id"])
                await asyncio.sleep(0.1)

    async def wait_for(self, call_id: str, ready: Callable[[dict], object], limit_s: float = 20) -> dict:
        async with asyncio.timeout(limit_s):
            while not ready(call := await self.call(call_id)):
                await asyncio.sleep(0.1)
        return call

    def offhook(self, *words: str) -> dict:
        """Run a command on this server."""
        done = subprocess.run(
            [sys.executable, "-m", "offhook", *words, "--url", self.http, "--api-key", self.key, "--json"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest_asyncio.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """A server with the sample agent on NUMBER."""
    options = getattr(request, "param", ())
    one = Server(tmp_path, *options)
    await one.start()
    one.agent_id = one.offhook("agents", "apply", str(SAMPLE), "--deploy")["id"]
    one.offhook("numbers", "add", NUMBER, "--agent", one.agent_id)
    yield one
    await one.end()


@pytest.fixture
def make_server(tmp_path: Path) -> Callable[[str], Server]:
    """Makes servers, each on a data directory of its own name; who starts one ends it."""

    def make(name: str) -> Server:
        (tmp_path / name).mkdir()
        return Server(tmp_path / name)

    return make


@pytest.fixture(scope="session")
def caller_audio(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Ten seconds of µ-law: silence while the agent greets, a spoken sentence, silence for the answer."""
    path = tmp_path_factory.mktemp("voice") / "spoken.wav"
    subprocess.run(["espeak-ng", "-w", str(path), "I would like an appointment please."], check=True)
    with wave.open(str(path)) as spoken:
        voice = np.frombuffer(spoken.readframes(spoken.getnframes()), "<i2")
        phone = soxr.resample(voice, spoken.getframerate(), 8000)
    return ulaw_encode(np.pad(phone, (34000, 46000 - len(phone))).astype("<i2").tobytes())
