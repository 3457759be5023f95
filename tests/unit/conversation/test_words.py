"""Short answers, signs of listening and greetings."""

import pytest

from offhook.conversation.words import is_backchannel, is_hello, is_short_answer, words_of


def test_words_are_lower_case_with_their_apostrophes():
    assert words_of("D’accord, I'm 42 — OK!") == ["d'accord", "i'm", "42", "ok"]


@pytest.mark.parametrize(
    ("text", "language"),
    [("Yes.", "en"), ("No, thanks", "en"), ("Oui, merci.", "fr"), ("Sí.", "es"), ("Ja, genau", "de")],
)
def test_short_answers(text, language):
    assert is_short_answer(text, language)


@pytest.mark.parametrize("text", ["", "Yes but on Tuesday", "Tuesday", "yes yes yes yes"])
def test_no_short_answers(text):
    assert not is_short_answer(text, "en")


@pytest.mark.parametrize(
    ("text", "language"),
    [("Mm-hmm.", "en"), ("I see", "en"), ("D'accord.", "fr-FR"), ("très bien", "fr"), ("hm", "zh")],
)
def test_signs_of_listening(text, language):
    assert is_backchannel(text, language)


@pytest.mark.parametrize(
    ("text", "language"), [("No", "en"), ("Stop", "en"), ("Wait", "en"), ("Non", "fr"), ("", "en")]
)
def test_no_signs_of_listening(text, language):
    assert not is_backchannel(text, language)


@pytest.mark.parametrize(("text", "language"), [("Hello?", "en"), ("Allô ?", "fr"), ("Pronto?", "it")])
def test_hellos(text, language):
    assert is_hello(text, language)


def test_a_question_is_no_hello():
    assert not is_hello("Hello, are you open?", "en")
    assert not is_hello("", "zh")
