"""The sound of a call, for who has a key, and what a recording's URL answers in the envelope."""

import dataclasses
import io

import httpx2
import numpy as np
import pytest
import soundfile

from offhook.api.app import create_app
from offhook.files import folder_files
from offhook.recordings import Recordings
from offhook.server.web import PublishedRecordings
from offhook.store.calls import Calls
from offhook.store.keys import Scope

SECONDS = 2


def opus(channels: int) -> bytes:
    tone = (8000 * np.sin(np.arange(8000 * SECONDS * channels) / 9)).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, tone.reshape(-1, channels), 8000, format="OGG", subtype="OPUS")
    return file.getvalue()


@pytest.fixture
async def recorded(site, tmp_path):
    """A call whose recording is in a folder, behind the application that serves it."""
    call = await site.call(recorded=True)
    store = folder_files(tmp_path / "recordings")
    await store.put("m", opus(1))
    await store.put("c", opus(2))
    recordings = Recordings(tmp_path, store, "secret", "http://test")
    deps = site.app.state.resources.deps
    routes = recordings.routes(PublishedRecordings(Calls(site.database)))
    app = create_app(dataclasses.replace(deps, links=recordings, routes=routes))
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test", headers=site.http.headers) as http,
    ):
        yield http, f"/v1/calls/{call.call_id}/recording"


async def test_the_recording_is_opus_mixed_unless_asked_otherwise(recorded):
    http, path = recorded
    plain = await http.get(path)
    assert (plain.status_code, plain.headers["content-type"]) == (200, "audio/ogg")
    assert soundfile.info(io.BytesIO(plain.content)).channels == 1
    split = await http.get(path, params={"channels": "split"})
    assert soundfile.info(io.BytesIO(split.content)).channels == 2


async def test_wav_is_the_same_sound(recorded):
    http, path = recorded
    wav = await http.get(path, params={"format": "wav", "channels": "split"})
    assert wav.headers["content-type"] == "audio/wav"
    assert int(wav.headers["content-length"]) == len(wav.content)
    sound = soundfile.info(io.BytesIO(wav.content))
    assert (sound.format, sound.channels, sound.frames) == ("WAV", 2, 8000 * SECONDS)
    assert wav.headers["content-disposition"].endswith('.wav"')


async def test_parts_and_head_work_with_a_key_too(recorded):
    http, path = recorded
    whole = (await http.get(path)).content
    part = await http.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    head = await http.head(path)
    assert (int(head.headers["content-length"]), head.content) == (len(whole), b"")
    beyond = await http.get(path, headers={"Range": "bytes=99999999-"})
    assert (beyond.status_code, beyond.json()["error"]["status"]) == (416, 416)


async def test_who_may_not_gets_the_envelope(recorded, site):
    http, path = recorded
    assert (await http.get(path, headers={"X-Api-Key": ""})).status_code == 401
    other = site.key(organization_id=site.other_organization())
    assert (await http.get(path, headers={"X-Api-Key": other})).json()["error"]["type"] == "not_found"
    agents_only = site.key(Scope.AGENTS_READ)
    assert (await http.get(path, headers={"X-Api-Key": agents_only})).json()["error"]["type"] == "permission_error"


async def test_a_format_that_is_not_there_is_named(recorded):
    http, path = recorded
    for query in ({"format": "mp3"}, {"channels": "left"}, {"kind": "wav"}):
        error = (await http.get(path, params=query)).json()["error"]
        assert (error["status"], error["details"][0]["field"]) == (422, next(iter(query)))


async def test_a_call_without_a_recording_says_so(recorded, site):
    http, _ = recorded
    bare = await site.call()
    error = (await http.get(f"/v1/calls/{bare.call_id}/recording")).json()["error"]
    assert (error["status"], error["type"]) == (404, "not_found")
    assert "no recording" in error["message"]


async def test_a_changed_url_is_refused_in_the_envelope(recorded):
    http, path = recorded
    url = (await http.get(path.removesuffix("/recording"))).json()["data"]["recording_url"]
    for method, wrong in (("GET", url[:-1] + ("0" if url[-1] != "0" else "1")), ("PUT", url), ("HEAD", url)):
        answer = await http.request(method, wrong, headers={"X-Api-Key": ""})
        assert answer.status_code == 403
        if method != "HEAD":
            assert answer.json()["error"]["type"] == "permission_error"
