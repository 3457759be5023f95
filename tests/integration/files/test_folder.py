"""Files in a folder."""

from pathlib import Path

import pytest

from offhook.errors import ConfigurationError, NotFoundError
from offhook.files import FileStore, folder_files


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return folder_files(tmp_path / "files")


async def test_what_was_put_is_found_and_read_whole_and_in_part(files, tmp_path):
    source = tmp_path / "x"
    source.write_bytes(b"0123456789")
    await files.put("a/b.ogg", source, "audio/ogg")
    assert (await files.find("a/b.ogg")).size == 10
    assert await files.read("a/b.ogg") == (tmp_path / "files/a/b.ogg").read_bytes() == b"0123456789"
    assert [part async for part in files.stream("a/b.ogg", 2, 5)] == [b"234"]
    await files.put("a/b.ogg", b"new")
    assert await files.read("a/b.ogg") == b"new"


async def test_what_is_not_there_is_said_so_and_can_be_removed_again(files):
    with pytest.raises(NotFoundError, match="no file a"):
        await files.find("a")
    await files.put("a", b"1")
    await files.delete("a")
    await files.delete("a")
    with pytest.raises(NotFoundError):
        await files.read("a")


async def test_a_probe_leaves_nothing(files, tmp_path):
    await files.probe()
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=str(tmp_path / "file")):
        folder_files(tmp_path / "file" / "below")
