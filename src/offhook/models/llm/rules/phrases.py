"""What the rules model says by itself, where the configuration gives no words."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.conversation.phrases import phrases as platform_phrases


@dataclass(frozen=True, slots=True)
class Phrases:
    """``sorry`` when nothing was understood, ``unknown`` to a question without an answer, ``go_on`` amid digits.

    ``ask`` asks for a value in a state that has no words of its own, ``help`` for anything at all.
    """

    sorry: tuple[str, ...]
    unknown: str
    go_on: str
    failed: str
    ask: str
    help: str


_PHRASES = {
    "en": Phrases(
        ("Sorry, I didn't get that.", "I'm sorry, could you say that again?"),
        "I'm afraid I don't know that.",
        "Yes, go on.",
        "I'm sorry, that didn't work.",
        "Could you tell me this, please: {what}?",
        "How can I help you?",
    ),
    "fr": Phrases(
        ("Pardon, je n'ai pas compris.", "Excusez-moi, pouvez-vous répéter ?"),
        "Je suis désolée, je n'ai pas cette information.",
        "Oui, je vous écoute.",
        "Désolée, cela n'a pas fonctionné.",
        "Pouvez-vous me donner ceci, s'il vous plaît : {what} ?",
        "Que puis-je faire pour vous ?",
    ),
}


def phrases(language: str) -> Phrases:
    """The sentences of a language; where there are none, the platform's own "could you say that again?"."""
    own = _PHRASES.get(language[:2])
    if own is not None:
        return own
    again = platform_phrases(language).repeat
    return Phrases((again,), again, again, again, again, again)
