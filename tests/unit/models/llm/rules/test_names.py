from __future__ import annotations

import pytest

from offhook.models.llm.rules.names import parse_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My name is John Smith.", "John Smith"),
        ("my name is john smith", "John Smith"),
        ("Hi, my name's Sarah O'Connor and I'd like an appointment.", "Sarah O'Connor"),
        ("It's Sarah.", "Sarah"),
        ("Yes, this is Peter Miller.", "Peter Miller"),
        ("I'm Ludwig van Beethoven, thanks.", "Ludwig van Beethoven"),
        ("The name is McDonald.", "McDonald"),
        ("You can call me Anne-Marie.", "Anne-Marie"),
        ("Peter Miller speaking.", "Peter Miller"),
        ("It’s John, John Smith.", "John Smith"),
        ("Under the name of Brown.", "Brown"),
        ("My name is um Peter Miller.", "Peter Miller"),
        ("It's, uh... Sarah, erm, Connor.", "Sarah"),
    ],
)
def test_english_names_after_their_introduction(text: str, name: str) -> None:
    assert parse_name(text, "en") == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Je m'appelle Claire Dubois.", "Claire Dubois"),
        ("je m’appelle claire dubois", "Claire Dubois"),
        ("Je m'appel Claire Dubois", "Claire Dubois"),
        ("Je m'appelle euh, Claire Dubois.", "Claire Dubois"),
        ("Bonjour, mon nom est Jean-Pierre Martin, je voudrais venir.", "Jean-Pierre Martin"),
        ("C'est Claire.", "Claire"),
        ("Moi, c'est Hélène Lefèvre.", "Hélène Lefèvre"),
        ("Je suis Paul de la Tour.", "Paul de la Tour"),
        ("Claire Dubois à l'appareil.", "Claire Dubois"),
        ("C'est au nom de Dupont.", "Dupont"),
        ("Mon nom, c'est Durand", "Durand"),
    ],
)
def test_french_names_after_their_introduction(text: str, name: str) -> None:
    assert parse_name(text, "fr") == name


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("en", "Sarah Miller.", "Sarah Miller"),
        ("en", "sarah miller", "Sarah Miller"),
        ("en", "Yes, of course. Sarah Miller.", "Sarah Miller"),
        ("en", "Uh, Miller", "Miller"),
        ("en", "SARAH MILLER", "Sarah Miller"),
        ("fr", "Dubois.", "Dubois"),
        ("fr", "Euh, Claire Dubois.", "Claire Dubois"),
        ("fr", "Oui, bien sûr, Claire Dubois.", "Claire Dubois"),
        ("fr", "Le Goff", "Le Goff"),
    ],
)
def test_an_answer_that_is_a_name_counts_when_it_was_asked_for(language: str, text: str, name: str) -> None:
    assert parse_name(text, language, bare=True) == name
    assert parse_name(text, language) is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I'm calling about an appointment."),
        ("en", "I'm not sure."),
        ("en", "It's about my teeth."),
        ("en", "Yes."),
        ("en", "Hello?"),
        ("en", "What did you say?"),
        ("en", "Next Tuesday."),
        ("en", "My name is"),
        ("en", "415 555 2671"),
        ("en", ""),
        ("fr", "Je suis pas sûr."),
        ("fr", "C'est pour un rendez-vous."),
        ("fr", "Oui, bonjour."),
        ("fr", "Mardi."),
        ("fr", "La semaine prochaine."),
        ("fr", "Comment ?"),
    ],
)
def test_what_is_no_name_is_not_taken_for_one(language: str, text: str) -> None:
    assert parse_name(text, language, bare=True) is None
