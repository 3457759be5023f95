"""Give words that sound like an expected name its spelling: "off hook" → "Offhook", "Siouzan" → "Suzanne". Pure.

The recognizer is told the vocabulary too; this mends what it hears nearly right.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

_LEAST_LETTERS = 4  # shorter terms are one slip away from half of the dictionary
_LEAST_LIKENESS = 0.82  # one letter in five or six differs; below, "matin" became "Martin"
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
# Letters that sound alike in English and French, after accents are off.
_ALIKE = (
    ("ph", "f"), ("qu", "k"), ("ck", "k"), ("eau", "o"), ("au", "o"), ("ou", "u"), ("oo", "u"), ("ee", "i"),
    ("ch", "sh"), ("x", "ks"), ("y", "i"), ("z", "s"), ("q", "k"), ("c", "k"), ("w", "v"), ("h", ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Term:
    spelling: str
    words: int
    sound: str


def correct(text: str, vocabulary: Iterable[str]) -> str:
    """The text with near misses of vocabulary terms spelt as the vocabulary has them."""
    # Longest first, so that "Anna Lindqvist" is taken before "Anna".
    terms = sorted((_term(term) for term in vocabulary if term.strip()), key=lambda term: -len(term.sound))
    for term in terms:
        if len(term.sound) >= _LEAST_LETTERS:
            text = _with_term(text, term)
    return text


def _term(spelling: str) -> _Term:
    return _Term(spelling.strip(), max(1, len(_WORD.findall(spelling))), _sound(spelling))


def _with_term(text: str, term: _Term) -> str:
    matches = list(_WORD.finditer(text))
    position = 0
    pieces: list[str] = []
    index = 0
    while index < len(matches):
        taken = _span_like(text, matches, index, term)
        if taken:
            pieces += [text[position : matches[index].start()], term.spelling]
            position = matches[index + taken - 1].end()
        index += max(1, taken)
    return "".join([*pieces, text[position:]])


def _span_like(text: str, matches: list[re.Match[str]], index: int, term: _Term) -> int:
    """How many words from ``index`` on sound like the term; 0 when none do."""
    best, best_count = _LEAST_LIKENESS, 0
    # A name is often heard as one word more or one less than it has.
    for count in range(max(1, term.words - 1), term.words + 2):
        if index + count > len(matches):
            break
        said = text[matches[index].start() : matches[index + count - 1].end()]
        if re.search(r"[.?!;:]\s", said):
            break
        likeness = _likeness(_sound(said), term.sound)
        # Whisper writes names with a capital; "matin" is one letter from "Martin" and yet no name.
        if count == term.words == 1 and likeness < 1 and said.islower():
            continue
        if likeness > best:
            best, best_count = likeness, count
    return best_count


def _likeness(said: str, term: str) -> float:
    # The first sound is hardly ever misheard, and asking for it keeps "later" from becoming "Peter".
    if not said or said[0] != term[0]:
        return 0.0
    return SequenceMatcher(None, said, term, autojunk=False).ratio()


def _sound(text: str) -> str:
    """A crude key by sound: no accents, no spaces, like letters made one, doubled letters single."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    key = "".join(letter for letter in plain if letter.isalnum())
    for letters, sound in _ALIKE:
        key = key.replace(letters, sound)
    key = re.sub(r"(.)\1+", r"\1", key)
    return key.removesuffix("e")
