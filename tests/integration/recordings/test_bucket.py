"""Recordings in a bucket: their URLs, a store that fails, and a process that dies while it stores."""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import subprocess
import sys
from typing import Self
from urllib.parse import urlsplit

import httpx2
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from offhook.errors import ConfigurationError, StorageError
from offhook.files import open_files
from offhook.recordings import Published, Recordings
from offhook.server.http import HttpServer

STARTED = 1_700_000_000.0
FILES = ["call-1/channels.ogg", "call-1/mixed.ogg", "call-1/peaks.json"]


class Gateway:
    """Stands before the store. ``verdicts`` say for each request whether it fails with a 500."""

    def __init__(self, endpoint: str) -> None:
        self.verdicts = itertools.repeat(False)
        self.failed = self.passed = 0
        self._http = httpx2.AsyncClient(base_url=endpoint)
        app = Starlette()
        app.add_route("/{path:path}", self._answer, methods=["GET", "PUT", "POST", "DELETE", "HEAD"])
        self._server = HttpServer(app, "127.0.0.1", 0)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.close()
        await self._http.aclose()

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        if next(self.verdicts):
            self.failed += 1
            return Response("<Error><Code>InternalError</Code></Error>", 500)
        self.passed += 1
        path = request.scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        # The Host header is signed: it goes on as it came.
        answer = await self._http.request(request.method, path, headers=request.headers.items(), content=body)
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("transfer-encoding", "connection")
        }
        return Response(answer.content, answer.status_code, kept)


@pytest.fixture
async def gateway(s3_settings):
    async with Gateway(s3_settings.s3_endpoint) as gateway:
        yield gateway


@pytest.fixture
async def recordings(s3_settings, gateway, tmp_path, monkeypatch):
    monkeypatch.setattr("offhook.recordings.archive.RETRY_FIRST_S", 0.01)
    settings = s3_settings.model_copy(update={"s3_endpoint": gateway.endpoint})
    made = Recordings(tmp_path, open_files(settings, "recordings", under=""), "secret", "http://phone.example")
    yield made
    await made.close()


@pytest.fixture
def in_bucket(s3_server, s3_settings):
    def keys() -> list[str]:
        found = s3_server.keys(urlsplit(s3_settings.storage_url).netloc)
        return [key.removeprefix("emea/") for key in found]

    return keys


def sound(content: bytes) -> tuple[int, int]:
    info = soundfile.info(io.BytesIO(content))
    return info.frames, info.channels


async def test_a_recording_is_heard_by_its_url_without_a_key(recordings, play, chirps, in_bucket):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    await recordings.finish(tape)
    assert in_bucket() == FILES
    async with httpx2.AsyncClient() as http:
        mixed = await http.get(recordings.mixed_url("call-1", secure=True))
        channels = await http.get(recordings.channels_url("call-1", secure=True))
    assert (sound(mixed.content), sound(channels.content)) == ((48_000, 1), (48_000, 2))
    assert mixed.headers["content-type"] == "audio/ogg"


async def test_a_stable_url_leads_to_one_that_the_private_bucket_answers(recordings, play, chirps):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    stored = await recordings.finish(tape)

    async def lookup(call_id):
        return Published((stored.mixed, stored.channels), secure=False)

    stable = recordings.mixed_url("call-1", secure=False)
    assert stable == "http://phone.example/recordings/call-1/mixed.ogg"
    server = httpx2.ASGITransport(app=Starlette(routes=recordings.routes(lookup)))
    async with httpx2.AsyncClient(transport=server) as us, httpx2.AsyncClient() as bucket:
        answer = await us.get(stable)
        assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
        assert sound((await bucket.get(answer.headers["location"])).content) == (48_000, 1)
        head = await us.head(stable)
        assert (await bucket.head(head.headers["location"])).status_code == 200
        wav = await us.get(stable, params={"format": "wav"})
        assert (wav.status_code, sound(wav.content)) == (200, (48_000, 1))


async def test_a_store_that_fails_half_of_the_time_loses_nothing(recordings, gateway, play, chirps, in_bucket):
    gateway.verdicts = itertools.cycle([True, False])
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    assert (await recordings.finish(tape)).duration_ms == 6000
    assert (in_bucket(), gateway.failed > 0) == (FILES, True)


async def test_a_store_that_is_away_gets_the_recording_when_it_is_back(recordings, gateway, play, chirps, in_bucket):
    told = asyncio.get_running_loop().create_future()

    async def on_stored(stored):
        told.set_result(stored)
        return True

    keeping = asyncio.create_task(recordings.keep_storing(on_stored))
    gateway.verdicts = itertools.repeat(True)
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    with pytest.raises(StorageError):
        await recordings.finish(tape)
    assert (tape.folder / "heard.s16").stat().st_size == 6 * 16_000
    assert in_bucket() == []
    gateway.verdicts = itertools.repeat(False)
    stored = await asyncio.wait_for(told, 60)
    assert (stored.duration_ms, in_bucket()) == (6000, FILES)
    keeping.cancel()


CRASHES = {
    "after the first file": "put_after = 1",
    "after the last file": "put_after = 3",
    "before the record knows": "put_after = 99",
}
VICTIM = """
import asyncio, os, signal, sys
from pathlib import Path
from offhook.files import open_files
from offhook.recordings import Recordings
from offhook.settings import Settings

async def main():
    settings = Settings.model_validate_json(sys.argv[1])
    recordings = Recordings(Path(sys.argv[2]), open_files(settings, "recordings", under=""), "secret", "")
    put, count = recordings.store.put, 0
    async def deadly(*arguments):
        nonlocal count
        await put(*arguments)
        count += 1
        if count == put_after:
            os.kill(os.getpid(), signal.SIGKILL)
    recordings.store.put = deadly
    tape = recordings.open_tape("call-1", "org-1", 8000, 1.7e9)
    for index in range(100):
        tape.append(index, b"\\1\\2" * 160, None)
    await recordings.finish(tape)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", CRASHES)
async def test_a_crash_while_storing_gives_no_loss_and_no_double(moment, s3_settings, tmp_path, in_bucket):
    code = f"{CRASHES[moment]}\n{VICTIM}"
    arguments = [sys.executable, "-c", code, s3_settings.model_dump_json(), str(tmp_path)]
    died = await asyncio.to_thread(subprocess.run, arguments, env=os.environ, timeout=60)
    assert died.returncode == -9
    after_restart = Recordings(tmp_path, open_files(s3_settings, "recordings", under=""), "secret", "")
    told = []

    async def on_stored(stored):
        told.append(stored.duration_ms)
        return True

    for _ in range(2):
        assert await after_restart.recover(on_stored) == 0
    assert (told, in_bucket()) == ([2000], FILES)
    assert list((tmp_path / "tapes").iterdir()) == []
    assert sound(await after_restart.store.read("call-1/mixed.ogg")) == (16_000, 1)
    await after_restart.close()


# ---------------------------------------------------------------------- the watch


async def test_the_watch_tells_of_a_store_that_fails_and_that_it_is_back(recordings, gateway):
    await recordings.watch.first()
    assert recordings.watch.problem is None
    gateway.verdicts = itertools.repeat(True)
    await recordings.watch.check()
    assert "could not be stored" in recordings.watch.problem
    gateway.verdicts = itertools.repeat(False)
    await recordings.watch.check()
    assert recordings.watch.problem is None


async def test_a_start_with_a_missing_bucket_says_what_to_do(s3_settings, tmp_path):
    settings = s3_settings.model_copy(update={"storage_url": "s3://nobody-made-this-one"})
    recordings = Recordings(tmp_path, open_files(settings, "recordings", under=""), "secret", "")
    with pytest.raises(ConfigurationError, match="no such bucket; make it"):
        await recordings.watch.first()


async def test_a_start_without_the_store_goes_on_and_is_not_ready(s3_settings, tmp_path, monkeypatch):
    monkeypatch.setattr("offhook.recordings.watch.FIRST_LIMIT_S", 0.2)
    settings = s3_settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:1"})
    recordings = Recordings(tmp_path, open_files(settings, "recordings", under=""), "secret", "")
    await recordings.watch.first()
    assert "http://127.0.0.1:1" in recordings.watch.problem
