"""Words, sentences and stems of what a caller said; recognizers differ in case, accents and punctuation."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\u202f": " "})
_WORD = re.compile(r"[a-z0-9]+")
_SENTENCE = re.compile(r"[^.!?…;\n]+[.!?…;]*")
_ABBREVIATION = re.compile(r"\b(a|p)\.\s?m\.?", re.IGNORECASE)
_TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|M|Mme|Mlle)\.", re.IGNORECASE)
_INNER_STOP = re.compile(r"(?<=\w)\.(?=\w)")


def bag(text: str) -> frozenset[str]:
    """The words of a long list, written as one text so that a reader sees it at a glance."""
    return frozenset(text.split())


# The same phrases are compared with every turn, and a turn with every phrase.
@lru_cache(maxsize=2048)
def plain(text: str) -> str:
    """Lower case without accents, quotes and dashes as on a keyboard."""
    text = unicodedata.normalize("NFKD", text.translate(_QUOTES).replace("œ", "oe").replace("Œ", "Oe"))
    return "".join(char for char in text if not unicodedata.combining(char)).lower()


def words(text: str) -> list[str]:
    """Plain words: ``l'heure`` is two, ``p.m.`` is one."""
    return _WORD.findall(_ABBREVIATION.sub(r"\1m", plain(text)))


@lru_cache(maxsize=2048)
def joined(text: str) -> str:
    """Plain words between single spaces, with one at each end, so that ``in`` finds whole words."""
    return f" {' '.join(words(text))} "


def says(text: str, phrase: str) -> bool:
    """Whether the words of a phrase stand in the text, in order and side by side."""
    return joined(phrase) in joined(text)


def sentences(text: str) -> list[str]:
    """Sentences with their stops; ``p.m.``, ``Mr.`` and ``10.30`` end none."""
    text = _INNER_STOP.sub("\0", _TITLE.sub(r"\1", _ABBREVIATION.sub(r"\1m", text.translate(_QUOTES))))
    return [part.replace("\0", ".").strip() for part in _SENTENCE.findall(text) if part.strip(" .!?…;\n")]


_ENDINGS = {
    "en": ("ings", "ing", "edly", "ed", "ies", "es", "s", "e", "y"),
    "fr": ("ements", "ement", "ation", "ations", "aient", "ait", "ent", "ez", "er", "ees", "ee", "es", "e", "s", "x"),
}


def stem(word: str, language: str) -> str:
    """The word without its ending, at least three letters of it: parked, parking and park are one."""
    for ending in _ENDINGS.get(language[:2], _ENDINGS["en"]):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
