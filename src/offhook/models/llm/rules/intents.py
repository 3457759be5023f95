"""What a caller wants, by the words that say it; English and French, with what recognizers make of them."""

from __future__ import annotations

import re
from functools import lru_cache

from offhook.models.llm.rules.text import bag, joined, plain, sentences, words

_PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "greeting": ("hello", "hi", "hey", "good morning", "good afternoon", "good evening"),
        "goodbye": ("goodbye", "good bye", "bye", "bye bye", "see you", "have a nice day", "have a good day"),
        "yes": (
            "yes", "yeah", "yep", "yup", "yah", "sure", "of course", "correct", "that s right", "that is right",
            "right", "exactly", "absolutely", "ok", "okay", "perfect", "sounds good", "that works", "please do",
            "certainly", "definitely", "fine", "all good", "good for me", "it is", "i confirm",
        ),
        "no": (
            "no", "nope", "nah", "not", "isn t", "don t", "wrong", "incorrect", "nothing", "that s all", "that is all",
            "that s it", "that ll be all", "that will be all", "i m good", "all set",
        ),
        "thanks": ("thank you very much", "thank you so much", "thank you", "thanks a lot", "thanks", "cheers"),
        "repeat": (
            "repeat", "say that again", "say it again", "come again", "pardon", "i didn t hear", "i didn t catch",
            "what did you say", "can t hear you",
        ),
        "wait": (
            "one moment", "one second", "just a second", "just a moment", "hold on", "wait", "hang on", "a minute",
        ),
        "human": ("human", "real person", "a person", "someone", "somebody", "operator", "representative", "agent"),
        "hours": ("open", "opening hours", "hours", "close", "closing", "what time do you"),
        "price": ("price", "prices", "cost", "costs", "how much", "charge", "fee", "fees", "expensive"),
        "address": ("address", "where are you", "located", "location", "find you", "which street", "directions"),
    },
    "fr": {
        "greeting": ("bonjour", "bonsoir", "salut", "allo", "coucou"),
        "goodbye": ("au revoir", "aurevoir", "a bientot", "bonne journee", "bonne soiree", "a plus tard", "adieu"),
        "yes": (
            "oui", "ouais", "ouai", "wi", "we", "d accord", "c est ca", "exact", "exactement", "tout a fait",
            "parfait", "bien sur", "ok", "okay", "correct", "c est bon", "ca me va", "ca marche", "volontiers",
            "absolument", "c est juste", "voila", "tres bien", "entendu", "je confirme", "yes",
        ),
        "no": (
            "non", "nan", "pas", "rien", "c est faux", "rien d autre", "c est tout", "ca ira", "ca sera tout",
            "ce sera tout", "faux", "incorrect",
        ),
        "thanks": ("merci beaucoup", "merci bien", "merci", "je vous remercie"),
        "repeat": (
            "repeter", "repetez", "redire", "pardon", "comment ca", "pas entendu", "pas compris", "vous avez dit quoi",
        ),
        "wait": (
            "un instant", "une seconde", "un moment", "une minute", "attendez", "patientez", "deux secondes",
            "ne quittez pas",
        ),
        "human": ("un humain", "une personne", "quelqu un", "un conseiller", "une conseillere", "un operateur"),
        "hours": ("horaire", "horaires", "ouvert", "ouverts", "ouverte", "ouvrez", "fermez", "ferme", "quelle heure"),
        "price": ("prix", "tarif", "tarifs", "combien", "coute", "cout", "cher"),
        "address": ("adresse", "ou etes vous", "ou est", "ou se trouve", "situe", "situes", "quelle rue", "trouver"),
    },
}  # fmt: skip

_ASKS = {
    "en": (
        "what", "whats", "where", "wheres", "when", "how", "who", "which", "why", "do you", "does", "did", "is there",
        "is it", "is the", "is your", "are you", "are there", "can you tell", "could you tell", "would you tell",
        "can you say", "tell me", "do i", "have you", "will you", "is that", "are your", "could you explain",
        "i d like to know", "i would like to know", "i want to know", "i wanted to know", "i was wondering",
    ),
    "fr": (
        "ou", "quand", "combien", "quel", "quelle", "quels", "quelles", "comment", "qui", "pourquoi", "est ce",
        "avez vous", "y a t il", "etes vous", "faites vous", "prenez vous", "vous avez", "vous etes", "vous faites",
        "vous prenez", "c est combien", "c est ou", "dites moi", "je voudrais savoir", "j aimerais savoir",
        "pouvez vous me dire", "pourriez vous me dire", "il y a", "peut on", "qu est ce", "a quelle", "dans quelle",
        "acceptez vous", "vous acceptez", "ouvrez vous", "vous ouvrez", "jusqu a quelle",
    ),
}  # fmt: skip
# Questions that offer an answer or ask for the appointment itself; the state takes them.
_PROPOSES = {
    "en": (
        "can i come", "could i come", "can i book", "can i make", "could i make", "could i book", "can i have", "may i",
        "could i get", "can i get", "could i have", "can we", "could we", "what about", "how about",
        "do you have anything", "do you have something", "do you have any", "do you have space",
        "would it be possible", "is it possible",
        "is that possible", "would that work", "is that ok", "is that okay", "are you free", "is there anything free",
        "how are you", "do you have time",
    ),
    "fr": (
        "est ce que je peux", "est ce que je pourrais", "je peux", "je pourrais", "est ce possible", "c est possible",
        "est ce que c est possible", "est ce qu il est possible", "serait il possible", "vous avez de la place",
        "vous auriez", "auriez vous", "avez vous de la place", "avez vous quelque chose", "vous avez quelque chose",
        "avez vous une disponibilite", "est ce que ca va", "comment allez vous", "comment ca va", "est ce qu on peut",
        "vous avez une place", "avez vous une place",
    ),
}  # fmt: skip
# At the end of a proposal: "Tuesday, is that possible?"
_OFFERS = {
    "en": ("is that possible", "is that ok", "is that okay", "would that work", "does that work", "is that free"),
    "fr": (
        "c est possible",
        "est ce possible",
        "ca irait",
        "ca va",
        "ce serait possible",
        "ca vous va",
        "est ce que ca va",
    ),
}
_LEADING = {
    "en": bag("and but also so well oh ok okay yes yeah no hi hello um uh er please sorry great thanks then"),
    "fr": bag("et mais aussi alors donc euh oui non bonjour d accord ok eh bien ah merci parfait au fait"),
}
_SPLIT = {
    "en": re.compile(
        r"(?:,\s*|\s+)(?:and|but)\s+(?=(?:what|where|when|how|who|do you|is there|are you|are there)\b)", re.IGNORECASE
    ),
    "fr": re.compile(
        r"(?:,\s*|\s+)(?:et|mais)\s+(?=(?:o[uù]|quand|combien|quel|comment|est-ce|avez-vous|y a-t-il|vous avez)\b)",
        re.IGNORECASE,
    ),
}


def language_of(language: str) -> str:
    """The language whose words are known: French, else English."""
    return "fr" if language.startswith("fr") else "en"


def has_intent(text: str, intent: str, language: str, own: dict[str, tuple[str, ...]]) -> bool:
    """Whether a text shows an intent; ``own`` are the agent's, which come before the built-in ones of that name."""
    lang = language_of(language)
    if intent in own:
        return any(joined(phrase) in joined(text) for phrase in own[intent])
    if intent == "question":
        return any(is_question(sentence, language) for sentence in split_turn(text, language))
    if intent in {"yes", "no"}:
        return yes_or_no(text, language) is (intent == "yes")
    said = joined(text)
    return any(phrase in said for phrase in _padded(lang, intent))


def yes_or_no(text: str, language: str) -> bool | None:
    """Yes or no, whichever is said first; None when neither is."""
    lang, said = language_of(language), joined(text)
    firsts = {}
    for intent in ("yes", "no"):
        places = [said.find(phrase) for phrase in _padded(lang, intent) if phrase in said]
        if places:
            firsts[intent] = min(places)
    if not firsts:
        return None
    # "that's not right": the earlier word decides; on a tie ("no problem" has none) the yes.
    return min(firsts, key=lambda intent: firsts[intent]) == "yes"


def split_turn(text: str, language: str) -> list[str]:
    """Sentences of a turn; "yes, and where can I park" is two."""
    splitter = _SPLIT[language_of(language)]
    return [part for sentence in sentences(text) for part in splitter.split(sentence) if part.strip()]


def is_question(sentence: str, language: str) -> bool:
    """Whether a sentence asks for information; proposals ("can I come on Tuesday?") don't."""
    lang = language_of(language)
    rest = words(sentence)
    while rest and rest[0] in _LEADING[lang]:
        rest.pop(0)
    said = f"{' '.join(rest)} "
    if any(said.startswith(f"{phrase} ") for phrase in _PROPOSES[lang]) or said.strip().endswith(_OFFERS[lang]):
        return False
    if any(said.startswith(f"{phrase} ") for phrase in _ASKS[lang]):
        # A lone word is no question but a recognizer's slip: "who", "ou".
        return len(rest) > 1
    return sentence.rstrip().endswith("?") and len(rest) > 2 and not _asks_for_it(said, lang)


def _asks_for_it(said: str, lang: str) -> bool:
    return said.startswith(("i ", "can i ", "could i ") if lang == "en" else ("je ", "j ", "puis je ", "peux je "))


def asks_again(text: str, language: str) -> bool:
    """Whether the caller wants to hear the last words again; a long turn that says "pardon" has more to it."""
    said = words(text)
    if " ".join(said) in {"what", "sorry", "sorry what", "huh", "comment", "quoi", "hein", "pardon"}:
        return True
    return len(said) <= 8 and has_intent(text, "repeat", language, {})


def only_politeness(text: str, language: str) -> bool:
    """Whether nothing but a greeting or thanks was said."""
    lang, rest = language_of(language), joined(text)
    for intent in ("greeting", "thanks"):
        for phrase in _padded(lang, intent):
            rest = rest.replace(phrase, " ")
    return bool(words(text)) and not [word for word in rest.split() if word not in _LEADING[lang]]


@lru_cache(maxsize=128)
def _padded(lang: str, intent: str) -> tuple[str, ...]:
    return tuple(f" {plain(phrase)} " for phrase in _PHRASES[lang].get(intent, ()))
