"""The process that reads one file: ``python -m offhook.knowledge.reading.program KIND PATH TITLE``.

It lowers its own limits before it opens anything, answers on its standard output, and ends. Whatever the file does to
it (swells, never ends, crashes a library), the server only sees a process that ended.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from offhook.knowledge.reading.blocks import Block, Kind, UnreadableError

MEMORY_BYTES = 1 << 30  # PDFium with a large file takes 300 MB
CPU_S = 60  # a thousand pages take 10 s
MAX_OUTPUT_BYTES = 64 << 20
MAX_TEXT_CHARS = 5_000_000  # 1,500 dense pages; more is no knowledge base for a telephone
_NICE = 10  # calls go first


class ReadPassage(msgspec.Struct, array_like=True, frozen=True):
    """A passage as it is stored."""

    position: int
    page: int | None
    headings: str
    text: str
    terms: str


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """What became of the file: its passages, or the reason why there are none."""

    passages: list[ReadPassage]
    reason: str | None = None


def main() -> None:
    """Read the file named on the command line."""
    _limit()
    kind, path, title = Kind(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    # Libraries may print; what counts goes out by a descriptor of its own.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _answer(out, _outcome(kind, path, title))
    # At once: what the file left in memory needs no tidying.
    os._exit(0)


def _limit() -> None:
    os.nice(_NICE)
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for name, value in limits.items():
        _, most = resource.getrlimit(name)
        allowed = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(name, (allowed, allowed))


def _outcome(kind: Kind, path: Path, title: str) -> Outcome:
    try:
        return Outcome(_passages(_bounded(blocks_of(kind, path)), title))
    except UnreadableError as error:
        return Outcome([], str(error))
    except MemoryError:
        return Outcome([], f"reading it took more than {MEMORY_BYTES >> 20} MB of memory")
    except Exception as error:  # noqa: BLE001 - a file that trips a library is a broken file
        return Outcome([], f"it could not be read ({type(error).__name__}: {str(error)[:200]})")


def blocks_of(kind: Kind, path: Path) -> Iterable[Block]:
    """The blocks of a file. Raises UnreadableError; anything else means a file that its reader didn't expect."""
    # Imported when needed: each file pays for its own reader only.
    from offhook.knowledge.reading import plain  # noqa: PLC0415

    if kind is Kind.PDF:
        from offhook.knowledge.reading.pdf import pdf_blocks  # noqa: PLC0415

        return pdf_blocks(path)
    if kind is Kind.DOCX:
        from offhook.knowledge.reading.docx import docx_blocks  # noqa: PLC0415

        return docx_blocks(path)
    if kind is Kind.HTML:
        from offhook.knowledge.reading.html import html_blocks  # noqa: PLC0415

        return html_blocks(path.read_bytes())
    text = plain.decoded(path.read_bytes())
    return plain.markdown_blocks(text) if kind is Kind.MARKDOWN else plain.text_blocks(text)


def _bounded(blocks: Iterable[Block]) -> Iterator[Block]:
    chars = 0
    for block in blocks:
        chars += len(block.text)
        if chars > MAX_TEXT_CHARS:
            raise UnreadableError(f"it has more than {MAX_TEXT_CHARS:,} characters of text; split it")
        yield block


def _passages(blocks: Iterable[Block], title: str) -> list[ReadPassage]:
    from offhook.knowledge.reading.passages import passages  # noqa: PLC0415 - as above
    from offhook.knowledge.terms import index_terms  # noqa: PLC0415

    found = []
    for each in passages(blocks):
        headings = " › ".join(part for part in (title, each.headings) if part)
        terms = index_terms(f"{headings} {each.text}")
        found.append(ReadPassage(each.position, each.page, headings, each.text, terms))
    if not found:
        raise UnreadableError("it has no text")
    return found


def _answer(out: IO[bytes], outcome: Outcome) -> None:
    encoded = msgspec.msgpack.encode(outcome)
    if len(encoded) > MAX_OUTPUT_BYTES:
        encoded = msgspec.msgpack.encode(Outcome([], "it has too much text; split it"))
    out.write(encoded)
    out.flush()


if __name__ == "__main__":
    main()
