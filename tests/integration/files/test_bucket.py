"""Files in a bucket of a real S3 server."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from offhook.errors import NotFoundError, StorageError, StorageSetupError
from offhook.files import FileStore, open_files
from offhook.settings import Settings

SOUND = bytes(range(256)) * 40
# The contract of a secure recording URL, in this order.
PARAMETERS = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
]


@pytest.fixture
def files(s3_settings) -> FileStore:
    return open_files(s3_settings, "recordings", under="")


@pytest.fixture
async def url(files) -> str:
    await files.put("org/2024/12/call/mixed.ogg", SOUND, "audio/ogg")
    return files.url("org/2024/12/call/mixed.ogg")


@pytest.fixture
async def http():
    """A client that knows nothing of S3."""
    async with httpx2.AsyncClient() as client:
        yield client


async def test_what_was_put_is_under_the_prefix_and_read_whole_and_in_part(files, s3_server, s3_settings, tmp_path):
    source = tmp_path / "x"
    source.write_bytes(SOUND)
    await files.put("a/b é.ogg", source, "audio/ogg")
    bucket = urlsplit(s3_settings.storage_url).netloc
    assert s3_server.keys(bucket) == ["emea/a/b é.ogg"]
    assert (await files.find("a/b é.ogg")).size == len(SOUND)
    assert await files.read("a/b é.ogg") == SOUND
    assert b"".join([part async for part in files.stream("a/b é.ogg", 100, 5000)]) == SOUND[100:5000]
    await files.delete("a/b é.ogg")
    await files.delete("a/b é.ogg")
    assert s3_server.keys(bucket) == []
    with pytest.raises(NotFoundError):
        await files.read("a/b é.ogg")


async def test_a_large_file_goes_up_in_parts(files, tmp_path):
    source = tmp_path / "hour"
    source.write_bytes(SOUND * 1200)  # 12 MB: three parts
    await files.put("hour", source)
    assert (await files.find("hour")).size == len(SOUND) * 1200
    assert await files.read("hour") == source.read_bytes()


async def test_a_url_has_exactly_the_parameters_of_the_contract(url):
    query = parse_qsl(urlsplit(url).query, strict_parsing=True)
    assert [name for name, _ in query] == PARAMETERS
    values = dict(query)
    assert values["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert values["X-Amz-Expires"] == "3600"
    assert values["X-Amz-SignedHeaders"] == "host"


@pytest.mark.parametrize("key", ["org/call/mixed.ogg", "a b/é+~'(1)!*.ogg"])
async def test_the_signature_is_the_one_that_aws_makes(files, s3_server, s3_settings, key):
    ours = urlsplit(files.url(key))
    signed_at = datetime.strptime(dict(parse_qsl(ours.query))["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    where = {"Bucket": urlsplit(s3_settings.storage_url).netloc, "Key": f"emea/{key}"}
    with mock.patch("botocore.auth.get_current_datetime", return_value=signed_at.replace(tzinfo=None)):
        theirs = urlsplit(s3_server.client.generate_presigned_url("get_object", Params=where, ExpiresIn=3600))
    assert (ours.netloc, dict(parse_qsl(ours.query))) == (theirs.netloc, dict(parse_qsl(theirs.query)))


async def test_a_url_gives_the_file_and_parts_of_it_to_who_has_no_key(url, http):
    whole = await http.get(url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, SOUND, "audio/ogg")
    part = await http.get(url, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, SOUND[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(SOUND)}"
    last = await http.get(url, headers={"Range": "bytes=-10"})
    assert (last.status_code, last.content) == (206, SOUND[-10:])


async def test_a_url_is_good_for_its_own_method_only(files, url, http):
    for method in ("HEAD", "PUT", "DELETE"):
        assert (await http.request(method, url)).status_code == 403, method
    head = files.url("org/2024/12/call/mixed.ogg", "HEAD")
    assert (await http.head(head)).headers["content-length"] == str(len(SOUND))
    assert (await http.get(head)).status_code == 403
    assert await files.read("org/2024/12/call/mixed.ogg") == SOUND


@pytest.mark.parametrize("name", PARAMETERS)
async def test_a_changed_parameter_is_refused(url, http, name):
    base, _, query = url.partition("?")
    values = dict(parse_qsl(query))
    last = values[name][-1]
    values[name] = values[name][:-1] + ("1" if last != "1" else "2")
    assert (await http.get(base, params=values)).status_code in {400, 403}


async def test_another_file_is_refused(files, url, http):
    await files.put("org/2024/12/call/channels.ogg", SOUND)
    assert (await http.get(url.replace("mixed.ogg", "channels.ogg"))).status_code == 403


async def test_an_expired_url_is_refused(s3_server, s3_settings, files, url, http):
    where = {"Bucket": urlsplit(s3_settings.storage_url).netloc, "Key": "emea/org/2024/12/call/mixed.ogg"}
    two_hours_ago = datetime.now(UTC).replace(tzinfo=None).timestamp() - 7200
    with mock.patch("botocore.auth.get_current_datetime", return_value=datetime.fromtimestamp(two_hours_ago, UTC)):
        old = s3_server.client.generate_presigned_url("get_object", Params=where, ExpiresIn=3600)
    assert (await http.get(old)).status_code == 403


async def test_a_session_token_is_part_of_the_url(s3_settings, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "passing/by==")
    query = dict(parse_qsl(urlsplit(open_files(s3_settings, "recordings").url("a")).query))
    assert query["X-Amz-Security-Token"] == "passing/by=="


# ---------------------------------------------------------------------- what a probe tells


async def test_a_probe_of_a_good_store_leaves_nothing(files, s3_server, s3_settings):
    await files.probe()
    assert s3_server.keys(urlsplit(s3_settings.storage_url).netloc) == []


async def probed(settings: Settings, **changes: str) -> None:
    await open_files(settings.model_copy(update=changes), "recordings").probe()


async def test_a_missing_bucket_says_to_make_it(s3_settings):
    with pytest.raises(StorageSetupError, match="no such bucket; make it, or mend OFFHOOK_STORAGE_URL"):
        await probed(s3_settings, storage_url="s3://nobody-made-this-one")


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "unknown"), ("AWS_ACCESS_KEY_ID", "reader")],
)
async def test_a_key_that_is_refused_is_named(s3_settings, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(StorageSetupError, match="mend AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        await probed(s3_settings)


async def test_a_store_that_is_away_is_an_error_that_may_pass(s3_settings):
    with pytest.raises(StorageError, match=r"s3://.*/recordings at http://127.0.0.1:1: .* could not be stored"):
        await probed(s3_settings, s3_endpoint="http://127.0.0.1:1")
