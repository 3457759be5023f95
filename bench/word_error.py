"""Word error rate between what was said and what was written down, with numbers spelt out alike on both sides."""

from __future__ import annotations

import re
import unicodedata

_EN_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_EN = f"zero one two three four five six seven eight nine {_EN_TEENS}".split()
_EN_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_FR_TEENS = "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
_FR = f"zéro un deux trois quatre cinq six sept huit neuf {_FR_TEENS}".split()
_FR_TENS = "_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt".split()  # noqa: SIM905
_SHORT_FORMS = {"n't": " not", "i'm": "i am", "'ll": " will", "that's": "that is", "ninth": "nine", "wanna": "want to"}


def errors(said: str, written: str, language: str) -> tuple[int, int]:
    """(wrong words, words said)."""
    reference, hypothesis = tokens(said, language), tokens(written, language)
    return _distance(reference, hypothesis), len(reference)


def tokens(text: str, language: str) -> list[str]:
    """Words in small letters, without accents and punctuation, numbers as words."""
    lower = text.lower().replace("’", "'")
    if language == "fr":
        lower = re.sub(r"(\d)\s?h\b\s?", r"\1 heures ", lower).replace("1er", "premier")
        spelt = re.sub(r"\d+", lambda match: f" {_french(match[0])} ", lower)
        spelt = re.sub(r"\bo k\b|\bokay\b", "ok", spelt)
    else:
        lower = re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", lower)
        spelt = re.sub(r"\d+", lambda match: f" {_english(match[0])} ", lower)
        for short, long in (
            ("n't", " not"),
            ("i'm", "i am"),
            ("'ll", " will"),
            ("that's", "that is"),
            ("ninth", "nine"),
        ):
            spelt = spelt.replace(short, long)
        spelt = spelt.replace("ca not", "can not").replace("cannot", "can not")
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(letter))
    return re.findall(r"[a-z]+", plain)


def _english(digits: str) -> str:
    if len(digits) > 2 or digits[0] == "0":
        return " ".join(_EN[int(digit)] for digit in digits)
    number = int(digits)
    if number < 20:
        return _EN[number]
    return _EN_TENS[number // 10] + (f" {_EN[number % 10]}" if number % 10 else "")


def _french(digits: str) -> str:
    if len(digits) > 2:
        return " ".join(_french(digits[start : start + 2]) for start in range(0, len(digits), 2))
    if len(digits) == 2 and digits[0] == "0":
        return f"zéro {_FR[int(digits[1])]}"
    number = int(digits)
    if number < 20:
        return _FR[number]
    ten, rest = divmod(number, 10)
    if ten in (7, 9):
        rest += 10
    return _FR_TENS[ten] + (f" {_FR[rest]}" if rest else "")


def _distance(reference: list[str], hypothesis: list[str]) -> int:
    row = list(range(len(hypothesis) + 1))
    for index, word in enumerate(reference, 1):
        previous, row[0] = row[0], index
        for column, other in enumerate(hypothesis, 1):
            cost = previous + (word != other)
            previous, row[column] = row[column], min(cost, row[column] + 1, row[column - 1] + 1)
    return row[-1]
