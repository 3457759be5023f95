from __future__ import annotations

import pytest

from offhook.models.llm.rules.numbers import parse_number


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("en", "We are four.", 4),
        ("en", "twenty-one", 21),
        ("en", "two hundred and five", 205),
        ("en", "three thousand two hundred", 3200),
        ("en", "two point five", 2.5),
        ("en", "1,200 dollars", 1200),
        ("en", "minus -3", -3),
        ("fr", "vingt et un", 21),
        ("fr", "quatre-vingt-dix-neuf", 99),
        ("fr", "soixante et onze", 71),
        ("fr", "deux cent trois", 203),
        ("fr", "mille deux cents", 1200),
        ("fr", "deux virgule cinq", 2.5),
        ("fr", "2,5 kilos", 2.5),
        ("fr", "1 200 euros", 1200),
        ("fr", "nonante-deux", 92),
    ],
)
def test_numbers_in_words_and_digits(language: str, text: str, number: float) -> None:
    assert parse_number(text, language) == number


@pytest.mark.parametrize("text", ["", "none at all", "hello"])
def test_no_number(text: str) -> None:
    assert parse_number(text, "en") is None
