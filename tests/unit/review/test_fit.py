"""An answer is stored in the field of its type, or not at all."""

import pytest

from offhook.review.fit import empty_answer, fit

from .conftest import CALL, question

COLOURS = ("Red", "Dark  Blue")


def given(answer):
    return answer.text, answer.number, answer.boolean, tuple(option.value for option in answer.selected)


@pytest.mark.parametrize(
    ("kind", "raw", "stored"),
    [
        ("boolean", True, (None, None, True, ())),
        ("boolean", "false", (None, None, False, ())),
        ("number", 0, (None, 0, None, ())),
        ("number", "2.5", (None, 2.5, None, ())),
        ("text", " Fine. ", ("Fine.", None, None, ())),
        ("text", 12, ("12", None, None, ())),
        ("single_choice", "red", (None, None, None, ("Red",))),
        ("single_choice", "dark blue ", (None, None, None, ("Dark  Blue",))),
        ("multiple_choice", ["Dark Blue", "Red", "red"], (None, None, None, ("Red", "Dark  Blue"))),
        ("multiple_choice", "Red", (None, None, None, ("Red",))),
        ("multiple_choice", [], (None, None, None, ())),
    ],
)
def test_what_fits_is_stored_as_its_type(kind, raw, stored):
    assert given(fit(CALL, question(kind, "Mood", *COLOURS), raw)) == stored


@pytest.mark.parametrize("kind", ["boolean", "number", "text", "single_choice", "multiple_choice"])
@pytest.mark.parametrize("raw", [None, "", "  "])
def test_nothing_is_no_answer_of_any_type(kind, raw):
    asked = question(kind, "Mood", *COLOURS)
    assert fit(CALL, asked, raw) == empty_answer(CALL, asked)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("boolean", "yes"), ("boolean", 1), ("number", "many"), ("number", True), ("number", float("inf")),
        ("number", 10**30), ("text", ["a"]), ("text", "x" * 10_001), ("text", "a\x00b"), ("single_choice", "Green"),
        ("single_choice", ["Red"]), ("single_choice", True), ("multiple_choice", ["Red", "Green"]),
        ("multiple_choice", {"Red": True}), ("multiple_choice", [["Red"]]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_what_was_expected(kind, raw):
    with pytest.raises(ValueError, match=r"expected|U\+"):
        fit(CALL, question(kind, "Mood", *COLOURS), raw)


def test_an_answer_keeps_its_id_when_it_is_asked_again_and_shares_it_with_no_other():
    first = fit(CALL, question("number"), 1)
    assert fit(CALL, question("number"), 2).id == first.id
    assert len({first.id, fit(CALL, question("number", "Age"), 1).id, fit("other", question("number"), 1).id}) == 3
