"""Numbers, times and dates are read as people say them."""

import pytest

from offhook.models.tts.normalize import spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Call +33123456789.", "Call plus 3 3, 1 2 3, 4 5 6, 7 8 9."),
        ("Call 555 0123 456 now", "Call 5 5 5, 0 1 2, 3 4 5 6 now"),
        ("(020) 7946 0958", "0 2 0, 7 9 4, 6 0 9, 5 8"),
        ("At 10:30 then.", "At 10 30 then."),
        ("Friday, 2026-11-27 16:30:00", "Friday, November 27th, 2026, 4 30 pee em"),
        ("It opens at 9:00", "It opens at 9 o'clock"),
        ("at 14:05 or 3:05", "at 2 oh 5 pee em or 3 oh 5"),
        ("at 00:15", "at 12 15 ay em"),
        ("10:30 a.m. on Friday", "10 30 ay em on Friday"),
        ("at 5 p.m. Thanks.", "at 5 pee em. Thanks."),
        ("9:00-17:00", "9 o'clock to 5 pee em"),
        ("on 2026-11-27", "on November 27th, 2026"),
        ("on 2026-12-01", "on December 1st, 2026"),
        ("2026-11-27T10:30:00Z", "November 27th, 2026, 10 30"),
        ("the code 0042", "the code 0 0 4 2"),
        ("It costs $25.50 or €1", "It costs 25 dollars 50 or 1 euro"),
        ("50% of A & B", "50 percent of A and B"),
        ("ada.l@mail.org", "ada dot l at mail dot org"),
        ("Dr. Smith", "Doctor Smith"),
        ("**Great!** 😀 See you", "Great! See you"),
    ],
)
def test_english(written, said):
    assert spoken(written, "en-us") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("le +33123456789", "le plus 33, 1, 23, 45, 67, 89"),
        ("au 06 12 34 05 78", "au 0 6, 12, 34, 0 5, 78"),
        ("à 10:30", "à 10 heures 30"),
        ("à 14h ou 9h15", "à 14 heures ou 9 heures 15"),
        ("à 21:01", "à vingt-et-une heures une"),
        ("à 1h", "à une heure"),
        ("de 9h-12h", "de 9 heures à 12 heures"),
        ("le 2026-11-27", "le 27 novembre 2026"),
        ("le 01/12/2026", "le 1er décembre 2026"),
        ("12,50 €", "12 euros 50"),
        ("1 000 000 d'habitants", "1000000 d'habitants"),
        ("M. Dupont, RDV n°7", "Monsieur Dupont, rendez-vous numéro 7"),
        ("a-b@c.fr", "a tiret b arobase c point fr"),
    ],
)
def test_french(written, said):
    assert spoken(written, "fr-fr") == said


@pytest.mark.parametrize(
    "text", ["In 2026, 10 to 12 people", "1,234 metres", "version 3.11", "room 101", "half past ten"]
)
def test_what_is_read_rightly_as_it_stands_is_left(text):
    assert spoken(text, "en-us") == text


def test_another_language_loses_markup_only():
    assert spoken("*Hola* 10:30", "es") == "Hola 10:30"
