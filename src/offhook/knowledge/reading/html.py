"""HTML to blocks: what a reader of the page sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from offhook.knowledge.reading.blocks import Block, tidy
from offhook.knowledge.reading.plain import decoded

_HIDDEN = frozenset({"script", "style", "head", "template", "noscript", "svg", "nav", "iframe", "select", "object"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKS = frozenset(
    """
    address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form header
    hr html li main ol p pre section summary table tbody tfoot thead tr ul
    """.split()  # noqa: SIM905 - names, easier to read so
)
_CELLS = frozenset({"td", "th"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)
_LOOK_BYTES = 4096  # where HTML wants its encoding declared, with room


def html_blocks(data: bytes) -> Iterator[Block]:
    """Headings, and paragraphs, list items and table rows (cells joined by `` | ``)."""
    declared = _CHARSET.search(data[:_LOOK_BYTES])
    page = _Page()
    page.feed(decoded(data, declared.group(1).decode() if declared else None))
    page.close()
    page.end_block()
    return iter(page.blocks)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._text: list[str] = []
        self._level = 0
        self._hidden: list[str] = []  # names of open elements that aren't seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.append(tag)
            return
        unseen = tag in _HIDDEN or any(
            name == "hidden" or (name == "aria-hidden" and value == "true") for name, value in attrs
        )
        if tag == "body":
            return
        if unseen and tag not in _VOID:
            self._hidden.append(tag)
        elif tag in _HEADINGS:
            self.end_block()
            self._level = _HEADINGS[tag]
        elif tag in _BREAKS:
            self.end_block()
        elif tag in _CELLS and self._text:
            self._text.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.pop()
            elif tag in ("head", "html") or (tag == "body" and self._hidden[-1] != "body"):
                self._hidden.clear()  # an element nobody closed hides no more than its surroundings
        elif tag in _HEADINGS:
            self.end_block()
            self._level = 0
        elif tag in _BREAKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text.append(data)

    def end_block(self) -> None:
        if clean := tidy("".join(self._text)).strip("| "):
            self.blocks.append(Block(clean, self._level))
        self._text.clear()
