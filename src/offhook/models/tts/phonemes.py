"""From espeak's IPA to the symbols Kokoro was trained on. Pure but for the table it reads once.

Kokoro's own phonemes (its front end "misaki") write diphthongs and affricates as one letter each, and American English
without length marks; espeak's IPA as it is makes the voice slur them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_SYMBOLS_FILE = Path(__file__).parent / "data" / "kokoro_symbols.json"
_TIED = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
}  # fmt: skip
_ENGLISH = {
    "ʔˌn\u0329": "tᵊn", "ʔn\u0329": "tᵊn", "ʔn": "tᵊn", "ʔ": "t", "ə^l": "ᵊl", "ʲ": "", "ɚ": "əɹ", "r": "ɹ", "x": "k",
    "ç": "k", "ɐ": "ə", "ɬ": "l", "\u0303": "",
}  # fmt: skip
_AMERICAN = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": "", "ɾ": "T"}
_BRITISH = {"e^ə": "ɛː", "i^ə": "ɪə", "iə": "ɪə"}
# "(en)", tied "(^e^n)", where espeak reads a foreign word by another language's rules; said aloud it is "frais".
_LANGUAGE_SWITCH = re.compile(r"\([a-z^-]+\)")
_PAUSES = ".,;:!?…—"


@cache
def symbols() -> dict[str, int]:
    """Kokoro's symbols and their numbers."""
    table: dict[str, int] = json.loads(_SYMBOLS_FILE.read_text(encoding="utf-8"))["symbols"]
    return table


def to_kokoro(ipa: str, language: str) -> str:
    """Espeak's tied IPA of a clause in Kokoro's symbols; what Kokoro doesn't know is left out."""
    text = _LANGUAGE_SWITCH.sub("", ipa).replace("-", "")
    tables = [_TIED]
    if language.startswith("en"):
        tables += [_ENGLISH, _BRITISH if language == "en-gb" else _AMERICAN]
    for table in tables:
        for written, symbol in sorted(table.items(), key=lambda entry: -len(entry[0])):
            text = text.replace(written, symbol)
    if language.startswith("en"):
        text = re.sub(r"(\S)\u0329", r"ᵊ\1", text)  # a syllabic consonant
        text = re.sub(r"(?<!\S)I(?=\s)", "ˌI", text)  # unstressed, the voice swallows "I" at the beginning
    return "".join(letter for letter in text if letter in symbols())


def split_at_pauses(text: str) -> list[tuple[str, str]]:
    """A text as (words, mark) pairs: espeak drops punctuation, and Kokoro needs it for its pauses and melody."""
    parts = re.split(r"([.,;:!?…—]+(?=\s|$))", text.strip())
    words, marks = parts[::2], [*parts[1::2], ""]
    pairs = [(piece.strip(), mark[:1]) for piece, mark in zip(words, marks, strict=True)]
    return [(piece, mark) for piece, mark in pairs if piece or mark]


def tokens(phonemes: str) -> list[int]:
    """Symbol numbers of phonemes."""
    table = symbols()
    return [table[symbol] for symbol in phonemes if symbol in table]


def ends_in_pause(phonemes: str) -> bool:
    """Whether punctuation closes it."""
    return phonemes.rstrip()[-1:] in set(_PAUSES)
