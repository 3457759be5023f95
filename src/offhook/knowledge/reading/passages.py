"""Blocks to passages: pieces of one section, small enough to mean one thing and large enough to be understood alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from offhook.knowledge.reading.blocks import Block

# The embedding model reads 256 word pieces; a passage of this many tokens with its headings mostly fits.
TARGET_TOKENS = 200
OVERLAP_TOKENS = 30  # a sentence or two of the piece before: what is cut apart can still be found
_MAX_HEADINGS_CHARS = 300
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'»”’)]*\s+|(?<=[。！？])")
# Han, kana, hangul, Thai: written without blanks, so that every sign counts.
_TOKEN = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u0e00-\u0e7f\u3040-\u9fff]+|[^\w\s]")
_CHARS_A_TOKEN = 5  # longer words are several word pieces in any vocabulary


@dataclass(frozen=True, slots=True)
class Passage:
    """``headings`` is the path of headings it stands under, joined by `` › ``."""

    position: int
    page: int | None
    headings: str
    text: str


def tokens_in(text: str) -> int:
    """About how many tokens a model sees, whatever the language."""
    return sum(-(-len(match.group()) // _CHARS_A_TOKEN) for match in _TOKEN.finditer(text))


def passages(blocks: Iterable[Block]) -> Iterator[Passage]:
    """Cut at every heading, and within a section after ``TARGET_TOKENS``."""
    position = 0
    for section in _sections(blocks):
        for page, text in _pieces(section.paragraphs):
            yield Passage(position, page, section.headings[:_MAX_HEADINGS_CHARS], text)
            position += 1


@dataclass(slots=True)
class _Section:
    headings: str
    paragraphs: list[Block] = field(default_factory=list)


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    path: list[Block] = []
    section = _Section("")
    bare: Block | None = None  # a heading that nothing stands under yet
    for block in blocks:
        if block.level == 0:
            section.paragraphs.append(block)
            bare = None
            continue
        if section.paragraphs:
            yield section
        elif bare is not None and block.level <= bare.level:
            # A heading alone says something too: "Closed on Mondays".
            yield _Section(section.headings, [Block(bare.text, 0, bare.page)])
        path = [*(each for each in path if each.level < block.level), block]
        section, bare = _Section(" › ".join(each.text for each in path)), block
    if bare is not None and not section.paragraphs:
        section.paragraphs.append(Block(bare.text, 0, bare.page))
    if section.paragraphs:
        yield section


def _pieces(paragraphs: list[Block]) -> Iterator[tuple[int | None, str]]:
    """Texts of about ``TARGET_TOKENS``, each with the page it begins on."""
    taken: list[tuple[str, str]] = []  # what stands before a sentence, and the sentence
    size, page, fresh = 0, None, False
    for paragraph in paragraphs:
        for number, sentence in enumerate(_sentences(paragraph.text)):
            tokens = tokens_in(sentence)
            if fresh and size + tokens > TARGET_TOKENS:
                yield page, _joined(taken)
                taken = _tail(taken)
                size, fresh = sum(tokens_in(text) for _, text in taken), False
            if not fresh:
                page = paragraph.page
            taken.append(("\n" if number == 0 else " ", sentence))
            size, fresh = size + tokens, True
    if fresh:
        yield page, _joined(taken)


def _joined(taken: list[tuple[str, str]]) -> str:
    return "".join(before + text for before, text in taken).strip()


def _tail(taken: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The last sentences that fit into the overlap."""
    tail: list[tuple[str, str]] = []
    size = 0
    for before, text in reversed(taken):
        size += tokens_in(text)
        if size > OVERLAP_TOKENS:
            break
        tail.insert(0, (before, text))
    return tail


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(text):
        if sentence and sentence.strip():
            yield from _bounded(sentence.strip())


def _bounded(sentence: str) -> Iterator[str]:
    """A sentence that is longer than a passage (a table, a list without stops), in parts."""
    if tokens_in(sentence) <= TARGET_TOKENS:
        yield sentence
        return
    part: list[str] = []
    size = 0
    # A sign is a token at most.
    for match in re.finditer(rf"\S{{1,{TARGET_TOKENS}}}", sentence):
        word = match.group()
        tokens = tokens_in(word)
        if part and size + tokens > TARGET_TOKENS:
            yield " ".join(part)
            part, size = [], 0
        part.append(word)
        size += tokens
    if part:
        yield " ".join(part)
