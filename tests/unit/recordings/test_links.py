"""A signed URL lets in exactly what it was made for, until its term is over."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from offhook.recordings.links import EXPIRES_S, Linker

NOW = 1_800_000_000.0
PATH = "/recordings/5b7c/mixed.ogg"


def split(url: str) -> tuple[str, list[tuple[str, str]]]:
    parts = urlsplit(url)
    return parts.path, parse_qsl(parts.query)


@pytest.fixture
def linker() -> Linker:
    return Linker("a secret")


def test_a_signed_url_is_good_for_an_hour_and_says_so(linker):
    path, query = split(linker.signed(PATH, NOW))
    assert dict(query)["X-Offhook-Expires"] == "3600"
    assert linker.allows("GET", path, query, NOW)
    assert linker.allows("GET", path, query, NOW + EXPIRES_S - 1)
    assert not linker.allows("GET", path, query, NOW + EXPIRES_S)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused(linker, method):
    path, query = split(linker.signed(PATH, NOW))
    assert not linker.allows(method, path, query, NOW)


def test_a_url_can_be_signed_for_head(linker):
    path, query = split(linker.signed(PATH, NOW, method="HEAD"))
    assert linker.allows("HEAD", path, query, NOW)
    assert not linker.allows("GET", path, query, NOW)


def test_another_path_is_refused(linker):
    _, query = split(linker.signed(PATH, NOW))
    assert not linker.allows("GET", PATH.replace("mixed", "channels"), query, NOW)
    assert not linker.allows("GET", PATH.replace("5b7c", "5b7d"), query, NOW)


@pytest.mark.parametrize("name", ["X-Offhook-Algorithm", "X-Offhook-Date", "X-Offhook-Expires", "X-Offhook-Signature"])
@pytest.mark.parametrize("change", ["changed", "emptied", "left out", "doubled"])
def test_a_changed_parameter_is_refused(linker, name, change):
    path, query = split(linker.signed(PATH, NOW))
    values = dict(query)
    if change == "left out":
        del values[name]
    elif change == "emptied":
        values[name] = ""
    elif change == "changed":
        last = values[name][-1]
        values[name] = values[name][:-1] + ("1" if last != "1" else "2")
    pairs = [*values.items(), (name, values[name])] if change == "doubled" else list(values.items())
    assert not linker.allows("GET", path, pairs, NOW)


@pytest.mark.parametrize("value", ["é", "\udcff", "0" * 64, "x" * 10_000])
def test_a_nonsense_signature_is_refused_quietly(linker, value):
    path, query = split(linker.signed(PATH, NOW))
    assert not linker.allows("GET", path, [*dict(query, **{"X-Offhook-Signature": value}).items()], NOW)


def test_another_parameter_is_refused_but_the_format_may_be_chosen(linker):
    path, query = split(linker.signed(PATH, NOW))
    assert not linker.allows("GET", path, [*query, ("x", "1")], NOW)
    assert linker.allows("GET", path, [*query, ("format", "wav")], NOW)


def test_another_servers_url_is_refused(linker):
    path, query = split(Linker("another secret").signed(PATH, NOW))
    assert not linker.allows("GET", path, query, NOW)


def test_no_signature_is_no_permission(linker):
    assert not linker.allows("GET", PATH, [], NOW)
