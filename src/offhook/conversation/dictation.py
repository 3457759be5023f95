"""Whether a caller is in the middle of a number, a spelling or an e-mail address, told from how the words end."""

from __future__ import annotations

import re

from offhook.conversation.words import words_of

_TRAILING_DIGITS = re.compile(r"(?:\+?\d[\s.,\-]*)+$")
# "10:30", "at 8:05.", "14h", "10 h 30": times, not numbers being dictated.
_CLOCK = re.compile(r"\d\s*(?::|h\b)\s*\d{0,2}\W*$", re.IGNORECASE)
_NUMBER_ANNOUNCED = re.compile(
    r"\b(?:phone|mobile|cell|telephone|my number|number is|numéro|téléphone|portable)\b", re.IGNORECASE
)
# "my number is", "mon numéro, c'est le": people look it up before they begin.
_NUMBER_NEXT = re.compile(
    r"\b(?:number|phone|numéro|téléphone|portable)\b.{0,20}\b(?:is|est|c['’]est)(?: le)?\W*$", re.IGNORECASE
)
_HALF_EMAIL = re.compile(r"(?:@|\barobase\b)\s*[\w-]*\.?$", re.IGNORECASE)
_ZERO = {"zero", "oh", "o", "zéro"}
_NUMBERS = {
    1: "zero oh o one two three four five six seven eight nine zéro un deux trois quatre cinq six sept huit neuf",
    2: "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty "
    "sixty seventy eighty ninety "
    "dix onze douze treize quatorze quinze seize vingt vingts trente quarante cinquante soixante "
    "septante huitante nonante",
}
_TEENS = re.compile("ten|eleven|twelve|.*teen|dix|onze|douze|treize|quatorze|quinze|seize")
_TENS = {word for word in _NUMBERS[2].split() if not _TEENS.fullmatch(word)}
_TEENS_FOLLOW = {"soixante", "vingt", "vingts"}  # "soixante-douze", "quatre-vingt-douze": one number of two digits
_DIGITS_OF = {word: count for count, words in _NUMBERS.items() for word in words.split()}
_REPEATS = {"double": 1, "triple": 2}  # "double five": the digit that follows counts once or twice more
# Two single letters that are words, not a spelling: "10 a.m.", "the U.S.", "OK" written as letters, "il y a".
_LETTER_WORDS = {("a", "m"), ("p", "m"), ("u", "s"), ("u", "k"), ("o", "k"), ("t", "v"), ("y", "a")}


def is_dictating(text: str) -> bool:
    """Whether more digits or letters are to be expected."""
    stripped = text.strip()
    return (
        _half_a_number(stripped)
        or _half_a_number_in_words(stripped)
        or _spelling(stripped)
        or _NUMBER_NEXT.search(stripped) is not None
        or _HALF_EMAIL.search(stripped) is not None
    )


def _half_a_number(text: str) -> bool:
    match = _TRAILING_DIGITS.search(text)
    if match is None or _CLOCK.search(text):
        return False
    raw = match.group().strip(" .,-")
    digits = re.sub(r"\D", "", raw)
    if len(digits) < 3:
        # Two digits are a day or an hour, unless they begin as numbers of phones do, or one was announced.
        return (len(digits) == 2 and digits[0] == "0") or _NUMBER_ANNOUNCED.search(text) is not None
    if len(raw) == 4 and digits[:2] in {"19", "20"}:
        return False  # a year
    return len(digits) < _whole_length(raw)


def _whole_length(raw: str) -> int:
    """Digits of a whole phone number: ten in a country, the country's code before it from abroad."""
    if raw.startswith("+"):
        return 11
    return 13 if raw.startswith("00") else 10


def _half_a_number_in_words(text: str) -> bool:
    run: list[str] = []
    for word in reversed(_parts(text)):
        if word not in _DIGITS_OF and word not in _REPEATS:
            break
        run.insert(0, word)
    digits = _count_digits(run)
    if not 2 <= digits < 10:
        return False
    # "ten thirty" and "twenty twenty-six" are a time and a year: without a zero in front it takes three single
    # digits in a row, or more digits than a time or a year has.
    singles = len(run) >= 3 and all(_DIGITS_OF.get(word, 1) == 1 for word in run[-3:])
    return run[0] in _ZERO or run[0] in _REPEATS or singles or digits > 4


def _count_digits(run: list[str]) -> int:
    total, before, repeat = 0, "", 0
    for word in run:
        if word in _REPEATS:
            repeat = _REPEATS[word]
            continue
        digits = _DIGITS_OF[word]
        unit = digits == 1 and word not in _ZERO
        teen = digits == 2 and word not in _TENS
        # "twenty-one" is one number of two digits.
        joins = (unit and before in _TENS) or (teen and before in _TEENS_FOLLOW)
        total += 0 if joins else digits + repeat
        before, repeat = "" if joins else word, 0
    return total


def _spelling(text: str) -> bool:
    letters: list[str] = []
    for word in reversed(_parts(text)):
        if len(word) != 1 or not word.isalpha():
            break
        letters.insert(0, word)
    return len(letters) >= 2 and tuple(letters[-2:]) not in _LETTER_WORDS


def _parts(text: str) -> list[str]:
    return [part for word in words_of(text) for part in word.split("-")]
