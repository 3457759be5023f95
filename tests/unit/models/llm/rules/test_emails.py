from __future__ import annotations

import pytest

from offhook.models.llm.rules.emails import parse_email


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("It's john.smith@example.com.", "john.smith@example.com"),
        ("John dot Smith at example dot com", "john.smith@example.com"),
        ("claire tiret dubois arobase exemple point fr", "claire-dubois@exemple.fr"),
        ("a underscore b at mail dot example dot org", "a_b@mail.example.org"),
    ],
)
def test_addresses_written_and_said(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize("text", ["meet me at ten", "I don't have one", ""])
def test_no_address(text: str) -> None:
    assert parse_email(text) is None
