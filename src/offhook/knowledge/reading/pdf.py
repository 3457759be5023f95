"""PDF to blocks, with PDFium: lines gathered to paragraphs, larger lines taken for headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from pypdfium2 import raw

from offhook.knowledge.reading.blocks import Block, UnreadableError, tidy

MAX_PAGES = 3000
_HEADING_RATIO = 1.15  # headings are set at least a step of type larger than the text: 12 on 10, 14 on 12
_LONGEST_HEADING = 120
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u00ad]$")
# PDFium's own mark for a hyphen at the end of a line, whose next line it appends.
_JOINED = re.compile("[\ufffe\u0002](.?)", re.DOTALL)
_PARAGRAPH_END = re.compile(r"[.!?:;…。！？]$")
_ITEM = re.compile(r"\s*(?:[•▪◦‣●○■□–—*]|-\s|\d{1,3}[.)]\s|[a-z][.)]\s)")
_ENCRYPTED = 4  # FPDF_ERR_PASSWORD


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    page: int


def pdf_blocks(path: Path) -> Iterator[Block]:
    """Headings and paragraphs, each with its page."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(_why(error)) from error
    pages = len(document)
    if pages > MAX_PAGES:
        raise UnreadableError(f"it has {pages} pages; {MAX_PAGES} are the most, so split it")
    lines = [line for number in range(pages) for line in _lines(document, number)]
    if pages and not lines:
        raise UnreadableError("it has no text: pages that are pictures must go through text recognition (OCR) first")
    return _blocks(lines)


def _why(error: pypdfium2.PdfiumError) -> str:
    if getattr(error, "err_code", None) == _ENCRYPTED or "password" in str(error).lower():
        return "it is protected by a password"
    return f"it is no PDF that can be read ({error})"


def _lines(document: pypdfium2.PdfDocument, number: int) -> Iterator[_Line]:
    try:
        text_page = document[number].get_textpage()
    except pypdfium2.PdfiumError:
        return  # one broken page; a document of only such pages has no text, which is said
    try:
        text = text_page.get_text_range(errors="replace")
        at = 0
        for line in re.split(r"(?<=\n)", text):
            if line.strip():
                # Counted in UTF-16, as PDFium counts; the first letter tells the size of the line.
                first = at + len(line) - len(line.lstrip())
                size = raw.FPDFText_GetFontSize(text_page, min(first, max(0, text_page.count_chars() - 1)))
                yield _Line(_JOINED.sub(_joined, line.rstrip()), round(size, 1), number + 1)
            at += len(line.encode("utf-16-le", "replace")) // 2
    finally:
        text_page.close()


def _joined(match: re.Match[str]) -> str:
    """A word that was cut is whole again; one with a hyphen of its own keeps it."""
    return match[1] if match[1].islower() else f"-{match[1]}"


def _blocks(lines: list[_Line]) -> Iterator[Block]:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted({line.size for line in lines if _is_heading(line, body)}, reverse=True)
    levels = {size: min(6, level) for level, size in enumerate(larger, 1)}
    paragraph: list[_Line] = []
    for line in lines:
        heading = _is_heading(line, body)
        if paragraph and (heading or _ends(paragraph[-1], line, heading=_is_heading(paragraph[-1], body))):
            yield from _gathered(paragraph, levels, body)
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield from _gathered(paragraph, levels, body)


def _is_heading(line: _Line, body: float) -> bool:
    return line.size >= body * _HEADING_RATIO and len(line.text) <= _LONGEST_HEADING


def _ends(last: _Line, line: _Line, *, heading: bool) -> bool:
    """Whether a paragraph ends between two lines. Blank lines don't survive in a PDF, so its words must tell."""
    if heading or _ITEM.match(line.text):
        return True
    first = line.text.lstrip()[:1]
    return bool(_PARAGRAPH_END.search(last.text)) and not first.islower()


def _gathered(lines: list[_Line], levels: dict[float, int], body: float) -> Iterator[Block]:
    text = ""
    for line in lines:
        if text and _HYPHEN.search(text):
            text = _HYPHEN.sub("", text) + line.text.lstrip() if line.text.lstrip()[:1].islower() else text + line.text
        else:
            text = f"{text} {line.text}"
    if clean := tidy(text):
        level = levels.get(lines[0].size, 0) if _is_heading(lines[0], body) else 0
        yield Block(clean, level, lines[0].page)
