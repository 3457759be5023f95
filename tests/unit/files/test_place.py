"""Which storage URLs are understood, and where they lead."""

from pathlib import Path

import pytest

from offhook.errors import ConfigurationError
from offhook.files import open_files
from offhook.settings import Settings


def location(url: str | None, under: str | None = None, **values: str) -> str:
    settings = Settings(data_dir=Path("/data"), storage_url=url, **values)
    return open_files(settings, "sources", under=under).location


def test_files_are_in_a_folder_of_their_kind_in_the_data_directory():
    assert location(None) == location(None, under="") == "/data/sources"


def test_a_file_url_is_a_folder():
    assert location("file:///else%20where") == "/else where/sources"
    assert location("file:///else%20where", under="") == "/else where"


def test_an_s3_url_is_a_bucket_and_a_prefix():
    assert location("s3://calls/emea/", under="") == "s3://calls/emea"
    assert location("s3://calls", s3_endpoint="http://127.0.0.1:1/") == "s3://calls/sources at http://127.0.0.1:1/"


@pytest.mark.parametrize("url", ["ftp://example/x", "recordings", "s3://", "s3:///x", "file://host/x", "file:x"])
def test_a_url_that_is_not_understood_names_the_setting(url):
    with pytest.raises(ConfigurationError, match="OFFHOOK_STORAGE_URL"):
        location(url)


def test_an_endpoint_without_a_scheme_names_the_setting():
    with pytest.raises(ConfigurationError, match="OFFHOOK_S3_ENDPOINT"):
        location("s3://calls", s3_endpoint="127.0.0.1:8333")


def test_only_a_bucket_gives_urls():
    store = open_files(Settings(data_dir=Path("/data")), "sources")
    assert store.url("a") is None
    assert store.path("a") == Path("/data/sources/a")
