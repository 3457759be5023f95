"""Now is Monday, 23 November 2026."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.models.llm.rules.dates import parse_date, spoken_date

NOW = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", (2026, 11, 23)),
        ("Tomorrow, please.", (2026, 11, 24)),
        ("the day after tomorrow", (2026, 11, 25)),
        ("Next Tuesday.", (2026, 11, 24)),
        ("on Friday afternoon", (2026, 11, 27)),
        ("Monday", (2026, 11, 30)),
        ("Tuesday next week", (2026, 12, 1)),
        ("a week on Tuesday", (2026, 12, 1)),
        ("next thuesday", (2026, 11, 24)),
        ("Wensday", (2026, 11, 25)),
        ("March 5th", (2027, 3, 5)),
        ("the 5th of March", (2027, 3, 5)),
        ("March the fifth", (2027, 3, 5)),
        ("December 3rd", (2026, 12, 3)),
        ("december third", (2026, 12, 3)),
        ("the twenty-first of December", (2026, 12, 21)),
        ("December twenty first", (2026, 12, 21)),
        ("Tuesday, December 8th", (2026, 12, 8)),
        ("May 2nd, 2028", (2028, 5, 2)),
        ("the 12th", (2026, 12, 12)),
        ("the twelfth at ten", (2026, 12, 12)),
        ("in two weeks", (2026, 12, 7)),
        ("in 3 days", (2026, 11, 26)),
        ("in a week", (2026, 11, 30)),
        ("12/24", (2026, 12, 24)),
        ("24/12/2026", (2026, 12, 24)),
        ("2027-01-31", (2027, 1, 31)),
    ],
)
def test_english_days(text: str, day: tuple[int, int, int]) -> None:
    assert parse_date(text, NOW, "en") == date(*day)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("aujourd'hui", (2026, 11, 23)),
        ("Demain matin.", (2026, 11, 24)),
        ("après-demain", (2026, 11, 25)),
        ("Mardi prochain, s'il vous plaît.", (2026, 11, 24)),
        ("Mardie prochain", (2026, 11, 24)),
        ("vendredi", (2026, 11, 27)),
        ("lundi", (2026, 11, 30)),
        ("mardi en huit", (2026, 12, 1)),
        ("jeudi de la semaine prochaine", (2026, 12, 3)),
        ("le 3 décembre", (2026, 12, 3)),
        ("le trois décembre", (2026, 12, 3)),
        ("Le vingt et un décembre", (2026, 12, 21)),
        ("le premier avril", (2027, 4, 1)),
        ("1er avril", (2027, 4, 1)),
        ("le 12", (2026, 12, 12)),
        ("le douze", (2026, 12, 12)),
        ("mardi 8 décembre à 10 heures", (2026, 12, 8)),
        ("dans quinze jours", (2026, 12, 7)),
        ("dans une semaine", (2026, 11, 30)),
        ("dans trois jours", (2026, 11, 26)),
        ("24/12", (2026, 12, 24)),
    ],
)
def test_french_days(text: str, day: tuple[int, int, int]) -> None:
    assert parse_date(text, NOW, "fr-FR") == date(*day)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I don't know"),
        ("en", "I may come"),
        ("en", "money"),
        ("en", "half past ten"),
        ("en", "February 30th"),
        ("en", "31/31"),
        ("fr", "peut-être"),
        ("fr", "quatorze heures trente"),
        ("fr", "merci madame"),
        ("fr", "le 14 heures"),
        ("en", ""),
    ],
)
def test_what_is_no_day_is_not_taken_for_one(language: str, text: str) -> None:
    assert parse_date(text, NOW, language) is None


@given(st.text(max_size=60), st.sampled_from(["en", "fr"]))
def test_any_text_gives_a_day_from_today_on_or_none(text: str, language: str) -> None:
    day = parse_date(text, NOW, language)
    assert day is None or isinstance(day, date)


@given(st.dates(NOW, date(2027, 11, 22)), st.sampled_from(["en", "fr"]))
def test_a_day_that_is_said_back_is_the_same_day(day: date, language: str) -> None:
    assert parse_date(spoken_date(day, language), NOW, language) == day
