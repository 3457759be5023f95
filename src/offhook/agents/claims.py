"""Sentences that claim something was done; without a tool that did it they are flagged in the record."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]*")
_DONE_EN = (
    r"booked|scheduled|rescheduled|cancell?ed|reserved|confirmed|sent|e-?mailed|texted|transferred|updated|"
    r"registered|placed|ordered|paid|refunded|submitted"
)
_DONE_FR = (
    r"réservée?s?|prise?s?|annulée?s?|confirmée?s?|envoyée?s?|transférée?s?|modifiée?s?|enregistrée?s?|déplacée?s?|"
    r"commandée?s?|remboursée?s?|programmée?s?|planifiée?s?"
)
_CLAIMS = {
    "en": re.compile(
        rf"\b(?:i|we)(?:'ve| have)? (?:just |now |already )?(?:{_DONE_EN})\b|"
        rf"\byour [\w' -]{{2,40}}? (?:is|has been|was) (?:now |all )?(?:{_DONE_EN})\b|"
        r"\byou(?:'re| are) (?:all )?(?:set|booked)\b",
        re.IGNORECASE,
    ),
    "fr": re.compile(
        r"\b(?:j'ai|nous avons|on a|je viens de|nous venons de)\b[\w' -]{0,20}?"
        rf"\b(?:{_DONE_FR}|réserver|annuler|confirmer|envoyer)\b|"
        rf"\bvotre [\w' -]{{2,40}}? (?:est|a été|a bien été|est bien) (?:{_DONE_FR})\b|"
        r"\bc'est (?:réservé|confirmé|annulé)\b",
        re.IGNORECASE,
    ),
}


def claim_in(text: str, language: str) -> str | None:
    """The first sentence that claims an action was done; questions and languages without patterns have none."""
    pattern = _CLAIMS.get(language[:2])
    if pattern is None:
        return None
    for sentence in _SENTENCE.findall(text.replace("’", "'")):
        if not sentence.endswith("?") and pattern.search(sentence):
            return str(sentence).strip()
    return None
