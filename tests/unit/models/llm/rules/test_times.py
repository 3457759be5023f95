from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.models.llm.rules.times import parse_time


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("At half past ten.", "10:30"),
        ("half past ten in the morning", "10:30"),
        ("10:30", "10:30"),
        ("10.30", "10:30"),
        ("ten thirty", "10:30"),
        ("At 10 30, please", "10:30"),
        ("10:30 a.m.", "10:30"),
        ("3 pm", "15:00"),
        ("3 p.m.", "15:00"),
        ("three o'clock", "15:00"),
        ("3 o'clock in the morning", "03:00"),
        ("at nine", "09:00"),
        ("at 2", "14:00"),
        ("nine oh five", "09:05"),
        ("quarter past nine", "09:15"),
        ("a quarter to three", "14:45"),
        ("twenty to eleven", "10:40"),
        ("ten past four", "16:10"),
        ("half two", "14:30"),
        ("noon", "12:00"),
        ("12 pm", "12:00"),
        ("12 am", "00:00"),
        ("14:30", "14:30"),
        ("08:15", "08:15"),
        ("5 in the evening", "17:00"),
        ("on December 3rd at 4 pm", "16:00"),
    ],
)
def test_english_times(text: str, at: str) -> None:
    assert parse_time(text, "en") == time.fromisoformat(at)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("À quatorze heures trente.", "14:30"),
        ("14h30", "14:30"),
        ("14 h 30", "14:30"),
        ("14 heures 30", "14:30"),
        ("10 heures", "10:00"),
        ("dix heure", "10:00"),
        ("à dix heures et demie", "10:30"),
        ("trois heures et quart", "15:15"),
        ("onze heures moins le quart", "10:45"),
        ("onze heures moins dix", "10:50"),
        ("neuf heures du matin", "09:00"),
        ("3 heures du matin", "03:00"),
        ("3 heures de l'après-midi", "15:00"),
        ("huit heures du soir", "20:00"),
        ("midi", "12:00"),
        ("midi et demi", "12:30"),
        ("minuit", "00:00"),
        ("vingt et une heures", "21:00"),
        ("14:30", "14:30"),
        ("le 3 décembre à 15h", "15:00"),
    ],
)
def test_french_times(text: str, at: str) -> None:
    assert parse_time(text, "fr") == time.fromisoformat(at)


@pytest.mark.parametrize(
    ("language", "text", "at"),
    [
        ("en", "ten", "10:00"),
        ("en", "Three.", "15:00"),
        ("en", "1030", "10:30"),
        ("fr", "quinze", "15:00"),
        ("fr", "À 14,30.", "14:30"),
    ],
)
def test_a_number_alone_is_a_time_only_when_it_was_asked_for(language: str, text: str, at: str) -> None:
    assert parse_time(text, language, bare=True) == time.fromisoformat(at)
    assert parse_time(text, language) is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "My number is 06 12 34 56 78"),
        ("en", "I have two children"),
        ("en", "next Tuesday"),
        ("en", "at 25 people"),
        ("fr", "le 06.12.34.56.78"),
        ("fr", "mardi prochain"),
        ("en", ""),
    ],
)
def test_what_is_no_time_is_not_taken_for_one(language: str, text: str) -> None:
    assert parse_time(text, language, bare=language == "en" and "number" in text) is None


@given(st.text(max_size=60), st.sampled_from(["en", "fr"]), st.booleans())
def test_no_text_breaks_the_reader(text: str, language: str, bare: bool) -> None:
    found = parse_time(text, language, bare=bare)
    assert found is None or isinstance(found, time)
