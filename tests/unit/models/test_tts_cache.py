"""A clause is rendered once; only what comes twice or was prepared reaches the disk."""

import pytest

from offhook.models.tts.cache import ClauseCache, ClauseKey


def key(text: str = "Hello.", **other) -> ClauseKey:
    return ClauseKey(**{"text": text, "voice": "v", "language": "en-us", "speed": 1.0, "rate_hz": 8000, **other})


def test_what_is_remembered_comes_back_and_nothing_else():
    cache = ClauseCache(None)
    cache.remember(key(), b"abc")
    assert cache.remembered(key()) == b"abc"
    others = [key("Hello"), key(voice="w"), key(language="en-gb"), key(speed=1.1), key(rate_hz=16000)]
    assert [cache.remembered(other) for other in others] == [None] * 5


def test_remembering_writes_no_file(tmp_path):
    ClauseCache(tmp_path).remember(key("Your name is Ada."), b"abc")
    assert list(tmp_path.iterdir()) == []


def test_what_is_stored_survives_the_process(tmp_path):
    ClauseCache(tmp_path).store(key(), b"abc")
    later = ClauseCache(tmp_path)
    assert later.stored(key()) == b"abc"
    assert later.remembered(key()) == b"abc"
    assert later.stored(key("Bye.")) is None


def test_memory_keeps_what_was_used_last():
    cache = ClauseCache(None, memory_bytes=10)
    cache.remember(key("a"), b"1234")
    cache.remember(key("b"), b"1234")
    cache.remembered(key("a"))
    cache.remember(key("c"), b"1234")
    assert [cache.remembered(key(text)) is not None for text in "abc"] == [True, False, True]


def test_the_disk_has_a_limit(tmp_path):
    cache = ClauseCache(tmp_path, disk_bytes=10)
    for text in "abcd":
        cache.store(key(text), b"1234")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10


def test_a_file_name_tells_nothing_of_the_words(tmp_path):
    ClauseCache(tmp_path).store(key("Ada Lovelace"), b"abc")
    (path,) = tmp_path.iterdir()
    assert "Ada" not in path.name


@pytest.mark.parametrize("folder", [None, "new/place"])
def test_the_folder_is_made_when_there_is_one(folder, tmp_path):
    cache = ClauseCache(tmp_path / folder if folder else None)
    cache.store(key(), b"abc")
    assert (cache.stored(key()) is not None) == (folder is not None)
