"""How long to wait, by text and score."""

import pytest

from offhook.conversation.endpointing import EndpointingConfig, Openness, TurnMode, openness, verdict


@pytest.mark.parametrize(
    ("text", "language", "ending"),
    [
        ("I'd like an appointment and", "en", Openness.OPEN),
        ("My name is...", "en", Openness.OPEN),
        ("On Tuesday,", "en", Openness.OPEN),
        ("I would like to.", "en", Openness.OPEN),
        ("Je voudrais un rendez-vous pour", "fr", Openness.OPEN),
        ("C'est pour euh", "fr-CA", Openness.OPEN),
        ("Je m'appelle", "fr", Openness.OPEN),
        ("Je crois que", "fr", Openness.OPEN),
        ("What is it for?", "en", Openness.CLOSED),
        ("I think so.", "en", Openness.CLOSED),
        ("Yes, it is.", "en", Openness.CLOSED),
        ("Si.", "fr", Openness.CLOSED),
        ("I'd like that.", "en", Openness.CLOSED),
        ("Mardi à dix heures.", "fr", Openness.CLOSED),
        ("My number is 555", "en", Openness.DICTATING),
        ("", "en", Openness.CLOSED),
    ],
)
def test_how_words_end(text, language, ending):
    assert openness(text, language) is ending


def test_other_languages_know_at_least_the_fillers():
    assert openness("Am Dienstag um ähm", "de") is Openness.OPEN
    assert openness("Am Dienstag", "de") is Openness.CLOSED


def test_a_delay_of_zero_is_a_choice_and_not_the_default():
    config = EndpointingConfig(min_delay_ms=0)
    assert verdict(config, "On Tuesday.", 0.9).silence_ms == 0
    assert verdict(EndpointingConfig(mode=TurnMode.SILENCE, min_delay_ms=0), "On", None).silence_ms == 0


def test_the_longest_delay_is_never_shorter_than_the_shortest():
    config = EndpointingConfig(min_delay_ms=2000)
    waits = [verdict(config, text, score).silence_ms for text in ("I'd like to", "Tuesday.") for score in (0.1, 0.9)]
    assert min(waits) >= 2000


def test_a_short_longest_delay_bounds_an_unsure_turn():
    config = EndpointingConfig(min_delay_ms=200, max_delay_ms=500)
    assert verdict(config, "On Tuesday.", 0.6).silence_ms == 500


def test_an_open_number_waits_longer_than_an_open_sentence():
    config = EndpointingConfig()
    assert verdict(config, "06 12", 0.9).silence_ms > verdict(config, "I'd like to", 0.9).silence_ms
