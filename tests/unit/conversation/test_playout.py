"""What was sent is what was heard."""

import math

from hypothesis import given
from hypothesis import strategies as st

from offhook.conversation.playout import Ledger


def ledger(*clauses: tuple[str, int], closed: bool = True) -> Ledger:
    """Clauses with all of their audio."""
    made = Ledger(closed=closed)
    for text, duration_ms in clauses:
        made.made(made.add(text), duration_ms, last=True)
    return made


def test_words_are_heard_as_their_audio_is_sent():
    book = ledger(("One two three four.", 1900), ("Five.", 500))
    heard = []
    for sent_ms in (0, 400, 1000, 1900, 2150, 2400):
        book.sent(sent_ms)
        heard.append(book.heard)
    assert heard == ["", "One", "One two", "One two three four.", "One two three four.", "One two three four. Five."]
    assert book.finished


def test_a_clause_still_being_made_is_heard_at_the_pace_of_a_voice():
    book = Ledger()
    book.made(book.add("One two three four five six seven eight."), 500, last=False)
    book.sent(500)
    assert book.heard == "One two"
    assert not book.finished


def test_of_a_clause_whose_voice_broke_only_what_was_spoken_is_heard():
    book = Ledger(closed=True)
    book.made(book.add("One two three four five six seven eight."), 500, last=False)
    book.made(0, 0, last=True, failed=True)
    book.sent(500)
    assert book.finished
    assert book.heard == "One two"


def test_more_cannot_be_heard_than_was_made_and_less_not_than_before():
    book = ledger(("One two.", 600))
    book.sent(900)
    assert book.sent_ms == 600
    book.sent(200)
    assert book.sent_ms == 600


def test_an_utterance_without_any_audio_is_silent():
    assert ledger(("One.", 0), ("Two.", 0)).silent
    assert not ledger(("One.", 0), ("Two.", 10)).silent
    assert not ledger(("One.", 0), closed=False).silent


def test_audio_of_a_clause_that_does_not_exist_changes_nothing():
    book = ledger(("One.", 300))
    book.made(7, 500, last=True)
    assert book.made_ms == 300


def test_what_is_left_is_estimated_until_it_is_made():
    book = ledger(("One two.", 600))
    book.sent(200)
    assert book.left_ms == 400
    book.add("Fifteen letters")
    assert book.left_ms == 1400
    book.closed = False
    assert book.left_ms == math.inf


def test_a_question_is_at_hand_while_it_is_heard_and_just_after():
    book = ledger(("It is Tuesday.", 1000), ("Is that right?", 1000), ("Or would Friday be better.", 2000))
    at_question = []
    for sent_ms in (500, 1000, 1020, 1900, 2000, 2500, 3500):
        book.sent(sent_ms)
        at_question.append(book.at_question)
    assert at_question == [False, False, True, True, True, True, False]


def test_clauses_count_as_sent_with_their_last_sample():
    book = ledger(("One.", 300), ("Two.", 300))
    counts = []
    for sent_ms in (0, 298, 300, 599, 600):
        book.sent(sent_ms)
        counts.append(book.clauses_sent())
    assert counts == [0, 0, 1, 2, 2]


WORDS = st.lists(st.text("abcdefgh.", min_size=1, max_size=8), min_size=1, max_size=6).map(" ".join)


@given(
    st.lists(st.tuples(WORDS, st.integers(1, 4000), st.booleans()), max_size=5),
    st.lists(st.integers(0, 20_000), max_size=6),
    st.booleans(),
)
def test_what_was_heard_is_always_the_beginning_of_what_was_to_be_said(clauses, sent, closed):
    book = Ledger(closed=closed)
    for text, duration_ms, last in clauses:
        book.made(book.add(text), duration_ms, last=last)
    before = ""
    for sent_ms in sent:
        book.sent(sent_ms)
        assert book.text.startswith(book.heard)
        assert book.heard.startswith(before)
        before = book.heard
    if book.finished:
        book.sent(1_000_000)
        assert book.heard == book.text
