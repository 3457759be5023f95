from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.models.llm.rules.phones import parse_phone


@pytest.mark.parametrize(
    ("language", "turns", "number"),
    [
        ("fr", ["06 12 34 56 78"], "0612345678"),
        ("fr", ["C'est le 06-12-34-56-78."], "0612345678"),
        ("fr", ["06.12.34.56.78"], "0612345678"),
        ("fr", ["zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"], "0612345678"),
        ("fr", ["zéro un quatre-vingt-dix-sept quatre-vingts vingt et un soixante et onze"], "0197802171"),
        ("fr", ["+33 6 12 34 56 78"], "+33612345678"),
        ("fr", ["plus trente-trois six douze trente-quatre cinquante-six soixante-dix-huit"], "+33612345678"),
        ("fr", ["06 12", "34 56 78"], "0612345678"),
        ("fr", ["zéro six douze", "euh, trente-quatre", "cinquante-six soixante-dix-huit"], "0612345678"),
        ("fr", ["06 12 34 56 78", "non, le 06 12 34 56 79"], "0612345679"),
        ("en", ["My number is 4 1 5, 5 5 5, 2 6 7 1."], "4155552671"),
        ("en", ["415-555-2671"], "4155552671"),
        ("en", ["(415) 555 2671"], "4155552671"),
        ("en", ["four one five, five five five, two six seven one"], "4155552671"),
        ("en", ["oh six twelve thirty-four", "fifty six seventy eight"], "0612345678"),
        ("en", ["oh two oh, seven nine four six, oh nine five eight"], "02079460958"),
        ("en", ["four one five, double five five, two six seven one"], "4155552671"),
        ("en", ["I have 2 phones, it is 415 555 2671"], "4155552671"),
        ("en", ["+1 415 555 2671"], "+14155552671"),
    ],
)
def test_numbers_as_people_say_them(language: str, turns: list[str], number: str) -> None:
    assert parse_phone(turns, language).number == number


def test_a_number_that_is_not_complete_yet_is_kept() -> None:
    assert parse_phone(["06 12"], "fr").number is None
    assert parse_phone(["06 12"], "fr").digits == "0612"
    assert parse_phone(["oh two oh seven nine four six"], "en").number is None


def test_a_short_number_counts_when_the_caller_adds_nothing() -> None:
    assert parse_phone(["555 0134"], "en").number is None
    assert parse_phone(["555 0134", "that is all"], "en").number == "5550134"


@pytest.mark.parametrize("turns", [["I don't know"], ["half past ten"], [], ["1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8"]])
def test_what_is_no_number_is_not_taken_for_one(turns: list[str]) -> None:
    assert parse_phone(turns, "en").number is None


@given(st.from_regex(r"0[1-9][0-9]{8}", fullmatch=True), st.sampled_from([" ", "-", ".", ""]), st.integers(1, 9))
def test_any_grouping_over_two_turns_gives_the_same_number(digits: str, joint: str, cut: int) -> None:
    groups = [digits[at : at + 2] for at in range(0, 10, 2)]
    assert parse_phone([joint.join(groups)], "fr").number == digits
    assert parse_phone([digits[:cut], digits[cut:]], "fr").digits in {digits, digits[:cut]} or cut in {1, 9}
