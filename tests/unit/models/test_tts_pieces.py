"""Speech begins soon, and nothing of the text is lost."""

import itertools

import pytest

from offhook.models.tts.pieces import pieces

LONG = (
    "I can offer you an appointment with Doctor Martin on Thursday at half past ten, or on Friday in the afternoon. "
    "Which of the two would you like, and may I have your name please?"
)


def test_a_long_sentence_begins_with_a_few_words():
    first = pieces(LONG)[0]
    assert first == "I can offer you an appointment"


@pytest.mark.parametrize("text", [LONG, "Yes.", "Oui, bien sûr.", "word " * 70 + "end.", "A, b, c, d."])
def test_the_pieces_are_the_text(text):
    assert " ".join(pieces(text)) == " ".join(text.split())


def test_no_piece_is_longer_than_the_model_bears():
    assert max(len(piece.split()) for piece in pieces("word " * 200)) <= 27


def test_a_short_clause_is_one_piece():
    assert pieces("Thursday at half past ten.") == ["Thursday at half past ten."]


def test_a_first_word_alone_takes_the_next_clause_with_it():
    assert pieces("Yes. I will look.") == ["Yes. I will look."]
    assert pieces("Of course. I will look.") == ["Of course.", "I will look."]


def test_pieces_grow_so_that_the_next_is_ready_when_one_was_heard():
    text = (
        "So, Claire Dubois, Tuesday the 24th at half past two, and your number is 4 1 5, 2 6 7, 8 3 0 9. Is that right?"
    )
    lengths = [len(piece.split()) for piece in pieces(text)]
    assert lengths[0] <= 3
    assert all(after <= 2 * before + 3 for before, after in itertools.pairwise(lengths))


def test_nothing_is_no_piece():
    assert pieces("  ") == []
