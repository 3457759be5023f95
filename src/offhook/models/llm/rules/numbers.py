"""Numbers that were said: as words or digits, English and French."""

from __future__ import annotations

import re
from decimal import Decimal

from offhook.models.llm.rules.text import plain

_EN_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_EN_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_FR_UNITS = {
    "zero": 0, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8,
    "neuf": 9, "dix": 10, "onze": 11, "douze": 12, "treize": 13, "quatorze": 14, "quinze": 15, "seize": 16,
}  # fmt: skip
# The Belgian and Swiss septante, huitante and nonante are regular.
_FR_TENS = {
    "vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60, "septante": 70, "huitante": 80,
    "octante": 80, "nonante": 90,
}  # fmt: skip
_WORD = re.compile(r"[a-z]+|\d+|[^a-z\d\s]")


def tokens(text: str) -> list[str]:
    """Plain words, runs of digits, and marks one by one; hyphens inside words part them."""
    return _WORD.findall(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", plain(text)))


def read_number(parts: list[str], at: int, language: str) -> tuple[int, int] | None:
    """The number below a hundred that begins at a token, and the index after it; digits count as they stand."""
    if at >= len(parts):
        return None
    if parts[at].isdigit():
        return int(parts[at]), at + 1
    return _read_fr(parts, at) if language.startswith("fr") else _read_en(parts, at)


def _read_en(parts: list[str], at: int) -> tuple[int, int] | None:
    word = parts[at]
    if word in _EN_UNITS:
        return _EN_UNITS[word], at + 1
    if word not in _EN_TENS:
        return None
    unit = _EN_UNITS.get(parts[at + 1], 0) if at + 1 < len(parts) else 0
    return (_EN_TENS[word] + unit, at + 2) if 1 <= unit <= 9 else (_EN_TENS[word], at + 1)


def _read_fr(parts: list[str], at: int) -> tuple[int, int] | None:
    word, after = parts[at], parts[at + 1 : at + 2]
    if word == "quatre" and after and after[0] in {"vingt", "vingts"}:
        return _with_unit(parts, at + 2, 80, most=19)
    if word in _FR_TENS:
        return _with_unit(parts, at + 1, _FR_TENS[word], most=19 if word == "soixante" else 9)
    if word == "dix" and after and _FR_UNITS.get(after[0]) in {7, 8, 9}:
        return 10 + _FR_UNITS[after[0]], at + 2
    return (_FR_UNITS[word], at + 1) if word in _FR_UNITS else None


def _with_unit(parts: list[str], at: int, tens: int, most: int) -> tuple[int, int]:
    """Tens with the unit that follows (``et`` between them belongs to 1 and 11)."""
    if parts[at : at + 1] == ["et"] and parts[at + 1 : at + 2] in (["un"], ["une"], ["onze"]):
        return tens + _FR_UNITS[parts[at + 1]], at + 2
    unit = _read_fr(parts, at) if at < len(parts) and parts[at] in _FR_UNITS else None
    if unit is not None and 1 <= unit[0] <= most:
        return tens + unit[0], unit[1]
    return tens, at


_HUNDRED = {"hundred": 100, "cent": 100, "cents": 100}
_THOUSAND = {"thousand": 1000, "mille": 1000}
_POINT = {"point", "virgule", ".", ","}


def parse_number(text: str, language: str) -> int | float | None:
    """The first number of the text: ``-3``, ``2,5``, ``1 200``, ``two hundred and five``, ``vingt et un``."""
    figures = re.search(r"(?<![\w.])-?\d+(?:[ \u00a0,]\d{3}(?!\d))*(?:[.,]\d+)?", text)
    if figures:
        return _figures(figures[0])
    parts = tokens(text)
    for at in range(len(parts)):
        if parts[at] in _HUNDRED or parts[at] in _THOUSAND or read_number(parts, at, language):
            return _spelled(parts, at, language)
    return None


def _figures(text: str) -> int | float:
    text = re.sub(r"[ \u00a0,](?=\d{3}(?:\D|$))", "", text).replace(",", ".")
    return float(text) if "." in text else int(text)


def _spelled(parts: list[str], at: int, language: str) -> int | float:
    total, current = 0, 0
    while at < len(parts):
        word = parts[at]
        read = read_number(parts, at, language)
        if word in _HUNDRED:
            current, at = max(current, 1) * 100, at + 1
        elif word in _THOUSAND:
            total, current, at = total + max(current, 1) * 1000, 0, at + 1
        elif read:
            current, at = current + read[0], read[1]
        elif word in {"and", "et"} and read_number(parts, at + 1, language):
            at += 1
        elif word in _POINT and (fraction := read_number(parts, at + 1, language)):
            return float(Decimal(total + current) + Decimal(f"0.{fraction[0]}"))
        else:
            break
    return total + current
