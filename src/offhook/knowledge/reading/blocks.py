"""What every reader makes of a file: headings and paragraphs, in their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_BLANKS = re.compile(r"\s+")
# Control characters, and halves of characters: neither database takes them all.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Kind(StrEnum):
    """How a file is read."""

    PDF = "pdf"
    DOCX = "docx"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Block:
    """A heading (``level`` 1 is the highest) or a paragraph (``level`` 0); ``page`` counts from 1."""

    text: str
    level: int = 0
    page: int | None = None


class UnreadableError(Exception):
    """The file can't be used; the message says why, for the person who uploaded it."""


def tidy(text: str) -> str:
    """One line, with single blanks, without what no database takes."""
    return _BLANKS.sub(" ", _UNFIT.sub(" ", text)).strip()
