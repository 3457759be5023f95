"""Words of transcripts, and what a user who looks for some has typed; pure, and the same for both databases.

The databases' own parsers differ, and know few languages: text is cut into words here, case and diacritics put aside
(``Hélène`` is found by ``helene``), and handed over as words. Scripts without blanks between words are cut into
single characters, which a search finds side by side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_WORD_CHARS = 60  # longer "words" are ids and addresses; their beginning finds them
# PostgreSQL keeps a megabyte of a text's words, and of their places the first 16,383: a talk of two hours.
MAX_TEXT_BYTES = 400_000
MAX_PLACE, MAX_PLACES_A_WORD = 16_383, 256
MAX_QUERY_WORDS = 50

_RUN = re.compile(r"[^\W_]+")
# Thai, Lao, Myanmar, Khmer, kana, Han: written without blanks.
_UNSPACED = re.compile(
    r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff])"
)
_CHUNK = re.compile(r'"([^"]*)"?|([^\s"]+)')


def words(text: str) -> list[str]:
    """The words of a text in their order, as many as both databases can keep."""
    found, size = [], 0
    for word in _words(text):
        size += len(word.encode()) + 1
        if size > MAX_TEXT_BYTES:
            break
        found.append(word)
    return found


def _words(text: str) -> Iterator[str]:
    plain = text.casefold()
    if plain.isascii():
        yield from (run[:MAX_WORD_CHARS] for run in _RUN.findall(plain))
        return
    plain = "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))
    for run in _RUN.findall(unicodedata.normalize("NFKC", plain)):
        for piece in _UNSPACED.split(run):
            if piece:
                yield piece[:MAX_WORD_CHARS]


def tsvector(found: Iterable[str]) -> str:
    """Words as PostgreSQL's ``tsvector`` literal. They are letters and digits only, so nothing needs quoting."""
    places: dict[str, list[int]] = {}
    for number, word in enumerate(found, 1):
        places.setdefault(word, []).append(min(number, MAX_PLACE))
    return " ".join(f"'{word}':{','.join(map(str, at[:MAX_PLACES_A_WORD]))}" for word, at in places.items())


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side; with ``prefix`` the last one is a beginning."""

    words: tuple[str, ...]
    prefix: bool = False


def parse(text: str) -> list[Phrase]:
    """What a user looks for: every word, in any order; ``"words in quotes"`` side by side; ``begin*``.

    Any text is a search: what has no meaning here (a lone quote, brackets, operators) only parts words.
    """
    phrases: list[Phrase] = []
    for quoted, plain in _CHUNK.findall(text):
        found = tuple(words(quoted or plain)[:MAX_QUERY_WORDS])
        if found:
            phrases.append(Phrase(found, prefix=plain.endswith("*")))
    return phrases[:MAX_QUERY_WORDS]


def tsquery(phrases: Iterable[Phrase]) -> str:
    """The search as PostgreSQL's ``tsquery`` literal."""

    def one(phrase: Phrase) -> str:
        quoted = [f"'{word}'" for word in phrase.words]
        return f"({' <-> '.join(quoted)}{':*' if phrase.prefix else ''})"

    return " & ".join(one(phrase) for phrase in phrases)


def fts5(phrases: Iterable[Phrase]) -> str:
    """The search in the language of SQLite's FTS5."""
    return " ".join(f'"{" ".join(phrase.words)}"{"*" if phrase.prefix else ""}' for phrase in phrases)
