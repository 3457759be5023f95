"""Bytes to text, and plain text and Markdown to blocks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from offhook.knowledge.reading.blocks import Block, UnreadableError, tidy

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Of a text in a western European language written in Windows-1252 fewer than one byte in six is past ASCII.
_MOST_HIGH = 6
_ATX = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)\s*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+")
_RULE = re.compile(r"\s*(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$|\s*\|?[\s:|-]+\|[\s:|-]*$")
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}(?:\s+\"[^\"]{0,500}\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|(?<!\w)_|_(?!\w)|~~|`)")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]{0,500}>", re.DOTALL)
_BLANK_LINES = re.compile(r"\n\s*\n")


def decoded(data: bytes, declared: str | None = None) -> str:
    """The text: by its byte order mark, what it declares, UTF-8, or Windows-1252 where that makes sense."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _as(data, encoding)
    if declared is not None:
        try:
            return data.decode(declared)
        except (LookupError, UnicodeDecodeError, ValueError):
            pass  # declared wrongly, as often; what it is shows below
    if b"\0" in data[:4096]:
        raise UnreadableError("this is no text: it has zero bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        high = sum(byte > 0x7F for byte in data)
        if high * _MOST_HIGH < len(data):
            return data.decode("cp1252", "replace")
    raise UnreadableError("its encoding isn't known; save it as UTF-8")


def _as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it says that it is {encoding} and isn't: {error.reason}") from error


def text_blocks(text: str) -> Iterator[Block]:
    """Paragraphs stand between empty lines."""
    for paragraph in _BLANK_LINES.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        if clean := tidy(paragraph):
            yield Block(clean)


def markdown_blocks(text: str) -> Iterator[Block]:
    """Headings, and paragraphs, list items and table rows without their marks."""
    lines: list[str] = []
    fenced = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        if fenced:
            lines.append(line)
        elif heading := _ATX.match(line):
            yield from _paragraph(lines)
            yield from _block(heading.group(2), len(heading.group(1)))
        elif lines and (under := _SETEXT.match(line)):
            title = lines.pop()
            yield from _paragraph(lines)
            yield from _block(title, 1 if under.group(1)[0] == "=" else 2)
        elif not line.strip() or _RULE.match(line):
            yield from _paragraph(lines)
        else:
            if _ITEM.match(line) or line.lstrip().startswith("|"):
                yield from _paragraph(lines)
            lines.append(_ITEM.sub("", line, count=1).strip(" |"))
    yield from _paragraph(lines)


def _paragraph(lines: list[str]) -> Iterator[Block]:
    if lines:
        yield from _block(" ".join(lines), 0)
        lines.clear()


def _block(text: str, level: int) -> Iterator[Block]:
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", _TAG.sub(" ", text)))
    if clean := tidy(text):
        yield Block(clean, level)
