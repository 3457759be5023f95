from __future__ import annotations

import pytest

from offhook.models.llm.rules.lookup import find_answer

ENGLISH = """You are the receptionist of a dental practice. Never give advice about parking.
# Facts
- We are open from Monday to Friday, from 8 to 6.
- A check-up costs 60 dollars.
- Our address is 12 River Street.
There is free parking behind the building. We accept cards and cash.
- **Children** are welcome from three years on.
Ask for the name, then for the price of the appointment:
"""
FRENCH = """Vous êtes la secrétaire du cabinet. Ne parlez jamais du parking en premier.
Le cabinet est ouvert du lundi au vendredi, de 8 heures à 18 heures.
Une consultation coûte 30 euros. Notre adresse est le 12 rue du Parc.
Il y a un parking gratuit derrière le cabinet.
Nous acceptons la carte bancaire et les espèces.
"""


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("What are your opening hours?", "We are open"),
        ("When do you close?", "We are open"),
        ("Are you open on Saturday?", "We are open"),
        ("How much is it?", "A check-up"),
        ("What does a check-up cost?", "A check-up"),
        ("Where are you located?", "Our address"),
        ("Where is your practice?", "Our address"),
        ("Where can I park my car?", "There is free parking"),
        ("Is there any parking?", "There is free parking"),
        ("Can I pay by card?", "We accept"),
        ("Do you take kids?", "Children"),
    ],
)
def test_english_questions_find_their_sentence(question: str, begins: str) -> None:
    assert (find_answer(question, [ENGLISH], "en") or "").startswith(begins)


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Quels sont vos horaires ?", "Le cabinet est ouvert"),
        ("Vous êtes ouverts le samedi ?", "Le cabinet est ouvert"),
        ("Vous fermez à quelle heure ?", "Le cabinet est ouvert"),
        ("C'est combien ?", "Une consultation"),
        ("Quel est le prix d'une consultation ?", "Une consultation"),
        ("Où est le cabinet ?", "Notre adresse"),
        ("Où est-ce que je peux me garer ?", "Il y a un parking"),
        ("Est-ce qu'il y a un parking ?", "Il y a un parking"),
        ("Vous prenez la carte ?", "Nous acceptons"),
    ],
)
def test_french_questions_find_their_sentence(question: str, begins: str) -> None:
    assert (find_answer(question, [FRENCH], "fr") or "").startswith(begins)


@pytest.mark.parametrize(
    ("language", "question", "text"),
    [
        ("en", "Who won the football match?", ENGLISH),
        ("en", "Do you have a swimming pool?", ENGLISH),
        ("en", "What?", ENGLISH),
        ("fr", "Quel temps fait-il ?", FRENCH),
        ("fr", "Vous vendez des vélos ?", FRENCH),
        ("en", "Where is it?", ""),
    ],
)
def test_what_the_prompt_does_not_say_is_not_made_up(language: str, question: str, text: str) -> None:
    assert find_answer(question, [text], language) is None
