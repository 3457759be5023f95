"""Secrets at rest open with the same key, for the same purpose, unchanged, and not otherwise."""

import pytest

from offhook.errors import SealError
from offhook.store.sealing import Sealer


def test_what_was_sealed_opens_again_also_after_a_restart():
    sealed = Sealer("key").seal("whsec_ünïcode", "webhook:1")
    assert "whsec" not in sealed
    assert Sealer("key").open(sealed, "webhook:1") == "whsec_ünïcode"


def test_the_same_text_never_looks_the_same():
    assert Sealer("key").seal("text", "p") != Sealer("key").seal("text", "p")


@pytest.mark.parametrize(
    ("key", "purpose", "change"),
    [
        ("other", "p", lambda sealed: sealed),
        ("key", "other", lambda sealed: sealed),
        ("key", "p", lambda sealed: sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]),
        ("key", "p", lambda sealed: sealed[:10]),
        ("key", "p", lambda sealed: "v1."),
        ("key", "p", lambda sealed: "plain text"),
        ("key", "p", lambda sealed: "v1.%%%"),
    ],
)
def test_anything_else_is_refused_with_the_remedy(key, purpose, change):
    sealed = Sealer("key").seal("a secret", "p")
    with pytest.raises(SealError):
        Sealer(key).open(change(sealed), purpose)
