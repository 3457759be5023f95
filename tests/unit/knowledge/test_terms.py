"""Passages and questions are compared by the same terms."""

import pytest

from offhook.knowledge.terms import MAX_QUERY_TERMS, english, index_terms, query_terms


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("réserver", "réservations"), ("annuler", "annulation"), ("oeuvre", "œuvres"), ("ete", "été"),
        ("cancelling", "cancellations"), ("booked", "bookings"), ("STRASSE", "Straße"), ("cafe", "CAFÉ"),
        ("24h", "24H"), ("prices", "price"), ("horaire", "horaires"),
    ],
)  # fmt: skip
def test_forms_of_a_word_meet(said, written):
    assert set(query_terms(said)) & set(index_terms(written).split())


def test_common_words_are_asked_for_only_when_there_is_nothing_else():
    assert query_terms("Where is the pool?") == ["pool"]
    assert query_terms("Où est la piscine ?") == ["piscin"]
    assert query_terms("who are you") == ["who", "are", "you"]
    assert query_terms("?!") == []


def test_terms_are_letters_and_digits_only_and_bounded():
    assert index_terms("a_b 'x' \"y\" (z:*) & | ! %") == "a b x y z"
    assert len(query_terms(" ".join(f"word{n}" for n in range(500)))) == MAX_QUERY_TERMS
    assert max(map(len, index_terms("x" * 10_000).split())) < 100


@pytest.mark.parametrize(
    ("question", "is_english"),
    [
        ("Where can I leave my car?", True), ("opening hours", True), ("parking", True), ("Do you take cards", True),
        ("Où puis-je garer ma voiture ?", False), ("Quels sont vos horaires", False), ("Vous ouvrez quand", False),
        ("tarif des réservations", False), ("¿Dónde está el garaje?", False),
    ],
)  # fmt: skip
def test_the_language_of_a_question_is_told(question, is_english):
    assert english(question) is is_english
