from __future__ import annotations

import pytest

from offhook.agents.claims import claim_in


@pytest.mark.parametrize(
    ("language", "text", "claim"),
    [
        ("en", "Great. I've booked your table. See you.", "I've booked your table."),
        ("en", "Your appointment has been confirmed!", "Your appointment has been confirmed!"),
        ("en", "You're all set.", "You're all set."),
        ("en", "I’ve just sent you a text", "I’ve just sent you a text".replace("’", "'")),
        ("fr", "Voilà, j'ai bien réservé votre table.", "Voilà, j'ai bien réservé votre table."),
        ("fr-CA", "Votre rendez-vous est confirmé.", "Votre rendez-vous est confirmé."),
    ],
)
def test_a_sentence_that_claims_a_deed_is_found(language: str, text: str, claim: str) -> None:
    assert claim_in(text, language) == claim


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Should I book it? I can book a table for you."),
        ("en", "Is your appointment confirmed?"),
        ("en", "I have noted it. A colleague will book it."),
        ("fr", "Voulez-vous réserver ? Je peux réserver pour vous."),
        ("de", "Ich habe gebucht."),
    ],
)
def test_offers_questions_and_notes_claim_nothing(language: str, text: str) -> None:
    assert claim_in(text, language) is None
