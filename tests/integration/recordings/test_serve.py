"""What a browser does with a recording's URL: play, seek, resume; and what a stranger can't do."""

import asyncio
import io
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import numpy as np
import pytest
import soundfile
from starlette.applications import Starlette

from offhook.files import folder_files
from offhook.recordings import Published, Recordings

STARTED = 1_700_000_000.0


@dataclass
class Site:
    """A stored recording behind a client; a test may change what the record says of it."""

    client: httpx2.AsyncClient
    published: Published
    url: str
    stable: str
    whole: bytes


@pytest.fixture(scope="module")
def stored(tmp_path_factory, play, chirps):
    """A data directory with one recording, which no test changes, and where it is."""
    data_dir = tmp_path_factory.mktemp("data")

    async def record():
        recordings = Recordings(data_dir, folder_files(data_dir / "recordings"), "secret", "")
        tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
        play(tape, chirps)
        stored = await recordings.finish(tape)
        await recordings.close()
        return data_dir, stored

    return asyncio.run(record())


@pytest.fixture
def recordings(stored):
    return Recordings(stored[0], folder_files(stored[0] / "recordings"), "secret", "http://phone.example:8000/")


@pytest.fixture
async def site(recordings, stored):
    async def lookup(call_id):
        return site.published if call_id == "call-1" else None

    mixed, channels = stored[1].mixed, stored[1].channels
    app = Starlette(routes=recordings.routes(lookup))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        site = Site(
            client,
            Published((mixed, channels), secure=True),
            recordings.mixed_url("call-1", secure=True),
            recordings.mixed_url("call-1", secure=False),
            await recordings.store.read(mixed),
        )
        yield site


async def get(site, url=None, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    parts = urlsplit(url or site.url)
    return await site.client.request(method, f"{parts.path}?{parts.query}", headers=named)


async def test_the_url_stands_on_the_public_address(site):
    assert site.url.startswith("http://phone.example:8000/recordings/call-1/mixed.ogg?X-Offhook-")
    assert site.stable == "http://phone.example:8000/recordings/call-1/mixed.ogg"


async def test_a_signed_url_gives_the_whole_file(site):
    answer = await get(site)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(site.whole)
    assert answer.content == site.whole


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=10-10", 10, 11)],
)
async def test_a_range_is_answered_with_that_part(site, asked, start, end):
    answer = await get(site, range=asked)
    assert answer.status_code == 206
    assert answer.content == site.whole[start:end]
    first = start % len(site.whole)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(site.whole)}"


async def test_a_range_past_the_end_is_cut(site):
    answer = await get(site, range="bytes=100-99999999")
    assert answer.status_code == 206
    assert answer.content == site.whole[100:]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
async def test_a_range_beyond_the_end_is_416_and_tells_the_size(site, asked):
    answer = await get(site, range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(site.whole)}"


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "seconds=1-2", "bytes=0-1,4-5", "bytes=٣-٤"]
)
async def test_a_range_not_understood_gives_the_whole_file(site, asked):
    parts = urlsplit(site.url)
    answer = await site.client.get(f"{parts.path}?{parts.query}", headers={"range": asked.encode()})
    assert answer.status_code == 200
    assert answer.content == site.whole


async def test_if_range_resumes_only_the_same_file(site):
    etag = (await get(site)).headers["etag"]
    assert (await get(site, range="bytes=5-9", if_range=etag)).status_code == 206
    assert (await get(site, range="bytes=5-9", if_range='"other"')).status_code == 200


async def test_an_unchanged_file_is_not_sent_again(site):
    etag = (await get(site)).headers["etag"]
    answer = await get(site, if_none_match=etag)
    assert (answer.status_code, answer.content) == (304, b"")


async def test_head_tells_the_size_without_the_sound(site, recordings):
    path = urlsplit(site.url).path
    answer = await get(site, recordings._linker.signed(path, time.time(), method="HEAD"), "HEAD")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(site.whole)
    assert answer.content == b""


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_url_signed_for_get_is_refused_for_another_method(site, method):
    assert (await get(site, method=method)).status_code == 403


async def test_a_changed_or_expired_url_is_refused(site, recordings):
    path = urlsplit(site.url).path
    assert (await get(site, site.url[:-1] + ("0" if site.url[-1] != "0" else "1"))).status_code == 403
    assert (await get(site, site.url.replace("Expires=3600", "Expires=36000"))).status_code == 403
    assert (await get(site, site.url.replace("mixed.ogg", "channels.ogg"))).status_code == 403
    assert (await get(site, site.url + "&x=1")).status_code == 403
    assert (await get(site, site.stable)).status_code == 403
    assert (await get(site, recordings._linker.signed(path, time.time() - 3601))).status_code == 403


async def test_a_call_that_is_not_secure_needs_no_signature_and_keeps_its_url(site):
    site.published = Published(site.published.keys, secure=False)
    assert (await get(site, site.stable)).content == site.whole
    assert (await get(site, site.stable, "HEAD")).status_code == 200
    assert (await get(site, site.stable, "DELETE")).status_code == 405


async def test_who_has_no_permission_does_not_learn_what_exists(site):
    for path in ("call-1/mixed.ogg", "call-1/nothing.ogg", "nobody/mixed.ogg", "call-1/..%2f..%2fsecret_key"):
        assert (await get(site, f"/recordings/{path}")).status_code in (403, 404)
    assert (await get(site, "/recordings/nobody/mixed.ogg")).status_code == 403


async def test_a_deleted_recording_is_not_found(site, recordings):
    site.published = Published(("org-1/2023/11/call-1/gone.ogg",), secure=True)
    assert (await get(site)).status_code == 404
    assert (await get(site, recordings.channels_url("call-1", secure=True))).status_code == 404
    site.published = None
    assert (await get(site)).status_code == 404


async def test_wav_on_request_is_the_same_sound(site, chirps):
    answer = await get(site, site.url + "&format=wav")
    assert answer.headers["content-type"] == "audio/wav"
    assert int(answer.headers["content-length"]) == len(answer.content) == 44 + 2 * len(chirps)
    wav, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    opus, _ = soundfile.read(io.BytesIO(site.whole), dtype="int16")
    assert rate == 8000
    np.testing.assert_array_equal(wav, opus)


async def test_wav_can_be_read_in_parts(site):
    whole = (await get(site, site.url + "&format=wav")).content
    for start, end in ((0, 10), (30, 60), (45, 100), (16_044, 20_001)):
        part = await get(site, site.url + "&format=wav", range=f"bytes={start}-{end - 1}")
        assert part.status_code == 206
        assert part.content == whole[start:end]


async def test_an_unknown_format_is_named(site):
    answer = await get(site, site.url + "&format=mp3")
    assert answer.status_code == 422
    assert "format" in answer.text
