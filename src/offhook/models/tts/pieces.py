"""Cut a text into pieces that are rendered one after the other, the first short so that it is heard soon. Pure."""

from __future__ import annotations

import re

# A clause of two words takes 0.6 CPU-s to render, a sentence of fifteen three seconds of silence on the line; while two
# words are heard, with the pause after them, the next four are ready.
_FIRST_LEAST_WORDS = 2
_BREATH_LEAST_WORDS = 3  # where no punctuation hides the seam
_FIRST_MOST_WORDS = 8
_LAST_LEAST_WORDS = 2  # a lone word has a melody of its own
_GROWTH = 2  # a second of speech takes half a second to render
_BREATH_AFTER_WORDS = 6
_PIECE_MOST_WORDS = 25  # well below the model's 510 symbols
_BOUNDARY = re.compile(r"(?<=[.,;:!?…—])\s+")
# Words a speaker may draw breath before.
_BREATHS_EN = "and but or so because that which who if when while for with at in on from to about before after until"
_BREATHS_FR = "et mais ou donc car parce que qui si quand pendant pour avec à dans sur de depuis avant après jusqu"
_BREATHS = frozenset(f"{_BREATHS_EN} {_BREATHS_FR}".split())


def pieces(text: str) -> list[str]:
    """The text in order, cut at punctuation; a long beginning without any, before a word that allows a breath."""
    clauses = [clause for clause in _BOUNDARY.split(text.strip()) if clause]
    if not clauses:
        return []
    first = clauses[0].split()
    joined = 1
    while joined < len(clauses) and len(first) < _FIRST_LEAST_WORDS:
        first += clauses[joined].split()
        joined += 1
    rest = [word for clause in clauses[joined:] for word in clause.split()]
    cut = _breath(first) if len(first) > _FIRST_MOST_WORDS else len(first)
    return [" ".join(first[:cut]), *_grouped([*first[cut:], *rest], cut)]


def _breath(words: list[str]) -> int:
    """Where to cut a long beginning: at the first breath after three words, else where it gets too long."""
    for index in range(_BREATH_LEAST_WORDS, len(words) - 1):
        if words[index].lower().split("'")[0] in _BREATHS:
            return index
    return min(len(words), _PIECE_MOST_WORDS)


def _grouped(words: list[str], heard: int) -> list[str]:
    """Sentences, cut into pieces that grow: each is rendered while the one before it (``heard`` words) is heard."""
    groups: list[str] = []
    start = 0
    for index, word in enumerate(words):
        length = index + 1 - start
        following = words[index + 1].lower().split("'")[0] if index + 1 < len(words) else ""
        if (
            word[-1] in ".!?…"
            or (word[-1] in ",;:—" and length >= heard)
            or (following in _BREATHS and length >= max(_BREATH_AFTER_WORDS, _GROWTH * heard))
            or length >= _PIECE_MOST_WORDS
        ):
            groups.append(" ".join(words[start : index + 1]))
            heard, start = length, index + 1
    if start < len(words):
        groups.append(" ".join(words[start:]))
    if len(groups) > 1 and len(groups[-1].split()) < _LAST_LEAST_WORDS:
        groups[-2:] = [" ".join(groups[-2:])]
    return groups
