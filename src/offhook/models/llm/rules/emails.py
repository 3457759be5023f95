"""E-mail addresses, written or said."""

from __future__ import annotations

import re

from offhook.models.llm.rules.text import plain

_ADDRESS = re.compile(r"[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_SAID = (
    (re.compile(r"\s*\b(?:at sign|arobase|arrobas|at)\b\s*"), "@"),
    (re.compile(r"\s*\b(?:dot|point|full stop)\b\s*"), "."),
    (re.compile(r"\s*\b(?:underscore|tiret bas|souligne)\b\s*"), "_"),
    (re.compile(r"\s*\b(?:dash|hyphen|tiret)\b\s*"), "-"),
)


def parse_email(text: str) -> str | None:
    """The address in a text: ``john.smith@example.com``, ``claire arobase exemple point fr``."""
    text = plain(text)
    if found := _ADDRESS.search(text):
        return found[0].rstrip(".")
    for said, sign in _SAID:
        text = said.sub(sign, text)
    found = _ADDRESS.search(text)
    return found[0] if found else None
