"""Phone numbers as they are said: in digits or words, in groups, over one turn or several."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.models.llm.rules.numbers import read_number, tokens

COMPLETE_DIGITS = 10  # a French or North American number; a British one with its 0 has 10 or 11
LEAST_DIGITS = 7  # a local number, taken when the caller adds nothing to it
MOST_DIGITS = 15  # E.164

_ZERO = {"oh", "o", "nought", "zero"}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
# Heard inside numbers without ending them.
_BETWEEN = {
    "-", ".", ",", "/", "(", ")", "and", "then", "dash", "hyphen", "point", "tiret", "et", "puis", "uh", "um", "er",
    "euh", "ensuite", "space", "espace", "the", "le",
}  # fmt: skip
_PLUS = {"plus", "+"}


@dataclass(frozen=True, slots=True)
class Phone:
    """What is known of a number: all of it in ``number``, or only the digits so far."""

    number: str | None
    digits: str


def parse_phone(turns: list[str], language: str) -> Phone:
    """The number in the caller's turns, oldest first; digits of several turns are put together.

    A turn with a whole number begins again: that is how people correct themselves.
    """
    digits, added = "", False
    for turn in turns:
        run = longest_run(turn, language)
        added = bool(run)
        begins_anew = len(run.lstrip("+")) >= COMPLETE_DIGITS or len((digits + run).lstrip("+")) > MOST_DIGITS
        digits = run if begins_anew else digits + run
    count = len(digits.lstrip("+"))
    complete = COMPLETE_DIGITS <= count <= MOST_DIGITS or (count >= LEAST_DIGITS and not added)
    return Phone(digits if complete else None, digits)


def longest_run(text: str, language: str) -> str:
    """The longest run of digits in a text, spoken or written; ``+`` stays at its head."""
    parts = tokens(text)
    best, run, at = "", "", 0
    while at < len(parts):
        word = parts[at]
        found = _digits_at(parts, at, language)
        if found is not None:
            run, at = run + found[0], found[1]
            continue
        if word in _PLUS:
            run = "+"
        elif word not in _BETWEEN:
            best, run = max(best, run, key=len), ""
        at += 1
    best = max(best, run, key=len)
    return best if len(best) >= 2 else ""


def _digits_at(parts: list[str], at: int, language: str) -> tuple[str, int] | None:
    word = parts[at]
    if word in _ZERO:
        return "0", at + 1
    if word in _TIMES:
        after = _digits_at(parts, at + 1, language) if at + 1 < len(parts) else None
        return (after[0] * _TIMES[word], after[1]) if after and len(after[0]) == 1 else None
    if word.isdigit():
        return word, at + 1
    read = read_number(parts, at, language)
    return None if read is None else (str(read[0]), read[1])
