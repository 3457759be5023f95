"""Word files to blocks: paragraphs with their heading styles, and rows of tables.

A .docx is a zip of XML (ECMA-376): both can be made to swell to any size, so both are read within bounds.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from offhook.knowledge.reading.blocks import Block, UnreadableError, tidy

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_MAX_XML_BYTES = 100 * 1024 * 1024  # a thousand pages of Word's XML are 20 MB
_HEADING = re.compile(r"(?:heading|titre|überschrift|título|titolo|kop)\s*(\d)", re.IGNORECASE)
_MAX_LEVEL = 6


def docx_blocks(path: Path) -> Iterator[Block]:
    """Headings and paragraphs of the main text; a table's row is one paragraph, its cells joined by `` | ``."""
    try:
        with zipfile.ZipFile(path) as archive:
            levels = _style_levels(archive)
            yield from _body(archive, levels)
    except (zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise UnreadableError(f"it is no Word document (.docx): {error}") from error
    except ParseError as error:
        raise UnreadableError(f"its XML is broken: {error}") from error
    except DefusedXmlException as error:
        raise UnreadableError("its XML declares entities, which no Word document does") from error


class _Bounded:
    """A member of the archive, refused once more comes out than it may hold, whatever its header says."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        info = archive.getinfo(name)
        if info.flag_bits & 1:
            raise UnreadableError("it is protected by a password")
        self._left = _MAX_XML_BYTES
        self._check(info.file_size)
        self._file = archive.open(info)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        self._check(0)
        return data

    def _check(self, more: int) -> None:
        if self._left < more:
            raise UnreadableError(f"it unpacks to more than {_MAX_XML_BYTES >> 20} MB")


def _style_levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Style id → heading level, of the styles that are headings."""
    if "word/styles.xml" not in archive.namelist():
        return {}
    levels: dict[str, int] = {}
    for _, element in iterparse(_Bounded(archive, "word/styles.xml"), events=("end",)):
        if _local(element) != "style":
            continue
        name = _value(element, "name") or ""
        outline = next((_attribute(each) for each in element.iter() if _local(each) == "outlineLvl"), None)
        if name.lower() == "title":
            levels[_attribute(element, "styleId") or ""] = 1
        elif match := _HEADING.match(name):
            levels[_attribute(element, "styleId") or ""] = max(1, min(_MAX_LEVEL, int(match.group(1))))
        elif outline is not None and outline.isdigit() and int(outline) < _MAX_LEVEL:
            levels[_attribute(element, "styleId") or ""] = int(outline) + 1
        element.clear()
    return levels


def _body(archive: zipfile.ZipFile, levels: dict[str, int]) -> Iterator[Block]:
    if "word/document.xml" not in archive.namelist():
        raise UnreadableError("it is no Word document: word/document.xml is missing")
    tables = _Tables()
    for event, element in iterparse(_Bounded(archive, "word/document.xml"), events=("start", "end")):
        name = _local(element)
        if event == "start":
            tables.begin(name)
            continue
        if name == "p":
            text = tidy(_text(element))
            if not tables.take(text) and text:
                yield Block(text, levels.get(_paragraph_style(element), 0))
        elif name == "tr" and (row := tables.end_row()):
            yield Block(row)
        if name in {"p", "tr"}:
            element.clear()


class _Tables:
    """The rows under way, of a table and those in its cells."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []

    def begin(self, name: str) -> None:
        if name == "tr":
            self._rows.append([])
        elif name == "tc" and self._rows:
            self._rows[-1].append("")

    def take(self, text: str) -> bool:
        """Put a paragraph into the cell it stands in; False outside of tables."""
        if not self._rows:
            return False
        if self._rows[-1]:
            self._rows[-1][-1] = f"{self._rows[-1][-1]} {text}".strip()
        return True

    def end_row(self) -> str:
        return " | ".join(cell for cell in self._rows.pop() if cell)


def _text(paragraph: Element) -> str:
    parts = []
    for element in paragraph.iter():
        name = _local(element)
        if name == "t":
            parts.append(element.text or "")
        elif name in {"tab", "br", "cr"}:
            parts.append(" ")
    return "".join(parts)


def _paragraph_style(paragraph: Element) -> str:
    return next((_attribute(each) or "" for each in paragraph.iter() if _local(each) == "pStyle"), "")


def _value(element: Element, child: str) -> str | None:
    return next((_attribute(each) for each in element if _local(each) == child), None)


def _attribute(element: Element, name: str = "val") -> str | None:
    return element.get(_W + name) or element.get(_STRICT + name)


def _local(element: Element) -> str:
    """The element's name, where it is one of Word's."""
    tag = str(element.tag)
    return tag.rpartition("}")[2] if tag.startswith((_W, _STRICT)) else ""
