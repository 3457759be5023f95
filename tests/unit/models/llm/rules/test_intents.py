from __future__ import annotations

import pytest

from offhook.agents.intents import BUILT_IN_INTENTS
from offhook.models.llm.rules import intents
from offhook.models.llm.rules.intents import asks_again, has_intent, is_question, only_politeness, split_turn, yes_or_no


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        ("en", "Yes, that's right.", True),
        ("en", "Yep.", True),
        ("en", "That's not right.", False),
        ("en", "No, that's correct but the day is wrong.", False),
        ("en", "Correct.", True),
        ("en", "Tuesday", None),
        ("fr", "Oui, c'est bien cela.", True),
        ("fr", "Ouais.", True),
        ("fr", "We.", True),
        ("fr", "Non, pas du tout.", False),
        ("fr", "Tout à fait !", True),
        ("fr", "Ce n'est pas ça.", False),
        ("fr", "Mardi", None),
    ],
)
def test_yes_and_no_whichever_comes_first(language: str, text: str, meant: bool | None) -> None:
    assert yes_or_no(text, language) is meant


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What are your opening hours?"),
        ("en", "where can i park my car"),
        ("en", "Is there any parking?"),
        ("en", "And how much is it?"),
        ("en", "Could you tell me your address?"),
        ("en", "Do you take new patients"),
        ("fr", "Est-ce qu'il y a un parking ?"),
        ("fr", "C'est combien ?"),
        ("fr", "Et vous êtes ouverts le samedi ?"),
        ("fr", "Où êtes-vous situés"),
        ("fr", "Quels sont vos horaires ?"),
        ("fr", "Il y a un parking ?"),
    ],
)
def test_questions_ask_for_information(language: str, text: str) -> None:
    assert is_question(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Can I come on Tuesday?"),
        ("en", "How about half past ten?"),
        ("en", "Could I make an appointment, please?"),
        ("en", "Do you have anything on Monday?"),
        ("en", "Next Tuesday?"),
        ("en", "Who?"),
        ("en", "My name is John."),
        ("fr", "Est-ce que je peux venir mardi ?"),
        ("fr", "Mardi, c'est possible ?"),
        ("fr", "Vous avez de la place jeudi ?"),
        ("fr", "Je voudrais un rendez-vous."),
        ("fr", "Où ?"),
    ],
)
def test_proposals_and_answers_are_no_questions(language: str, text: str) -> None:
    assert not is_question(text, language)


def test_a_turn_is_cut_where_a_question_begins() -> None:
    assert split_turn("Yes, and where can I park?", "en") == ["Yes", "where can I park?"]
    assert split_turn("Oui. Mais combien ça coûte ?", "fr") == ["Oui.", "Mais combien ça coûte ?"]
    assert split_turn("At 10.30 a.m. with Dr. Brown, please.", "en") == ["At 10.30 am with Dr Brown, please."]


def test_an_agents_own_intent_comes_before_a_built_in_one() -> None:
    own = {"booking": ("appointment", "check-up"), "yes": ("aye",)}
    assert has_intent("I need a Check Up!", "booking", "en", own)
    assert has_intent("Aye.", "yes", "en", own)
    assert not has_intent("Yes.", "yes", "en", own)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_intent_that_configurations_may_name_has_words(language: str) -> None:
    known = set(intents._PHRASES[language]) | {"question"}
    assert known == BUILT_IN_INTENTS


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Hello."), ("en", "Oh, thank you very much!"), ("fr", "Bonjour."), ("fr", "Merci beaucoup")],
)
def test_politeness_alone(language: str, text: str) -> None:
    assert only_politeness(text, language)


def test_politeness_with_something_else_or_silence_is_more_or_less_than_that() -> None:
    assert not only_politeness("Hello, a table please", "en")
    assert not only_politeness("", "en")


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "What?"), ("en", "Could you repeat that?"), ("fr", "Pardon ?"), ("fr", "Vous pouvez répéter ?")],
)
def test_asking_for_the_words_again(language: str, text: str) -> None:
    assert asks_again(text, language)


def test_a_long_turn_with_pardon_in_it_says_something_else() -> None:
    assert not asks_again("Pardon, je me suis trompé, je voudrais plutôt venir mercredi matin", "fr")
