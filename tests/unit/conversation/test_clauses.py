"""Streamed text to clauses a voice can speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.conversation.clauses import LONGEST_CHARS, ClauseSplitter, is_whole


def split(*pieces: str) -> list[str]:
    splitter = ClauseSplitter()
    return [clause for piece in pieces for clause in splitter.feed(piece)] + splitter.end()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("We are open. Come by.", ["We are open.", "Come by."]),
        ("Of course I can, on Tuesday.", ["Of course I can,", "on Tuesday."]),  # a short first clause is heard sooner
        ("Yes, I can.", ["Yes, I can."]),
        ("Dr. Martin is in. Mme. Petit too.", ["Dr. Martin is in.", "Mme. Petit too."]),
        ("It costs 3.50 euros. Fine?", ["It costs 3.50 euros.", "Fine?"]),
        ("We open at 9 a.m. on Tuesday.", ["We open at 9 a.m. on Tuesday."]),
        ("Vraiment ? Bien sûr !", ["Vraiment ?", "Bien sûr !"]),
        ("您好。请问您贵姓？谢谢", ["您好。", "请问您贵姓？", "谢谢"]),
        ("هل أنت هناك؟ نعم.", ["هل أنت هناك؟", "نعم."]),
        ("One.\n\n- two\n- three", ["One.", "- two", "- three"]),
        ("Two  spaces   here", ["Two spaces here"]),
        ("...", []),
        ("", []),
    ],
)
def test_clauses(text, clauses):
    assert split(text) == clauses


def test_later_clauses_are_longer():
    assert split("One two three, four five six. Seven eight nine, ten, eleven twelve, thirteen.") == [
        "One two three,",
        "four five six.",
        "Seven eight nine, ten, eleven twelve,",
        "thirteen.",
    ]


def test_a_sentence_is_given_as_soon_as_it_is_complete():
    splitter = ClauseSplitter()
    assert splitter.feed("We are op") == []
    assert splitter.feed("en.") == []  # "3." may become "3.5"
    assert splitter.feed(" Come") == ["We are open."]
    assert splitter.end() == ["Come"]
    assert splitter.end() == []


def test_endless_text_is_cut_between_words():
    clauses = split("word " * 200)
    assert max(len(clause) for clause in clauses) <= LONGEST_CHARS
    assert set(" ".join(clauses).split()) == {"word"}


@given(st.lists(st.text("ab. ,!?\n", max_size=12), max_size=8))
def test_no_word_is_lost_or_made_up_however_the_text_is_streamed(pieces):
    text = "".join(pieces)
    letters = "".join(letter for letter in text if letter.isalnum())
    clauses = split(*pieces)
    assert "".join(letter for clause in clauses for letter in clause if letter.isalnum()) == letters
    assert all(clause == " ".join(clause.split()) for clause in clauses)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Let me look.", True),
        ("Really?!", True),
        ('He said "no."', True),
        ("您好。", True),
        ("Dr.", False),
        ("I am", False),
    ],
)
def test_a_sentence_is_whole_when_its_stop_was_said(text, whole):
    assert is_whole(text) is whole


def test_what_is_held_is_what_was_not_given():
    splitter = ClauseSplitter()
    assert splitter.feed("We are open. Come") == ["We are open."]
    assert splitter.held == "Come"
    assert splitter.end() == ["Come"]
    assert splitter.held == ""
