"""Numbers, spellings and addresses in mid-dictation."""

import pytest

from offhook.conversation.dictation import is_dictating


@pytest.mark.parametrize(
    "text",
    [
        "06",
        "06 12",
        "06 12 34",
        "06 12 34 56",
        "20 12",  # groups of a phone number, not a year
        "555 123",
        "555-12.",
        "+33 6 12 34 56",
        "0033 6 12 34 56",
        "My phone number is 5",
        "Mon numéro, c'est le 6",
        "zero six",
        "my number is oh six twelve",
        "five five five",
        "double five seven",
        "zéro six douze",
        "zéro six douze trente-quatre cinquante-six",
        "vingt-quatre, cinquante-six, soixante-dix-huit",
        "It's M A R",
        "D-U-P",
        "martin@gmail",
        "martin arobase",
    ],
)
def test_more_is_to_come(text):
    assert is_dictating(text)


@pytest.mark.parametrize(
    "text",
    [
        "06 12 34 56 78",
        "0612345678.",
        "+33 6 12 34 56 78",
        "0033 6 12 34 56 78",
        "zero six twelve thirty-four fifty-six seventy-eight",
        "zéro six douze trente-quatre cinquante-six soixante-dix-huit",
        "At 10:30.",
        "at 8:05",
        "à 14h30",
        "à 14 h",
        "on the 12",
        "In 1984.",
        "in 2026",
        "at ten thirty",
        "twenty twenty-six",
        "at ten",
        "I have two",
        "zero",
        "at 10 a.m.",
        "à dix-sept heures",
        "quatre-vingts",
        "martin@gmail.com",
        "Tuesday please",
        "I",
        "",
    ],
)
def test_nothing_more_is_to_come(text):
    assert not is_dictating(text)
