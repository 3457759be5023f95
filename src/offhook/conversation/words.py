"""Word lists of the languages: which words leave a sentence open, answer in full, or only show that one listens."""

from __future__ import annotations

import re

# Words after which a speaker goes on. "that", "can", "are", "so" end too many whole sentences to stand here alone.
_OPEN = {
    "en": "and or but because the a an to of for with at in on my your our their is am i'm it's um uh erm er if which "
    "by from about like would could i we he she they than until till into was were i'd i'll i've let's there's so well "
    "whether between every",
    "fr": "et ou mais donc car parce que qu' puisque le la les un une des du de d' l' à au aux pour avec chez dans sur "
    "sans sous vers entre depuis mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces est "
    "c'est suis je j' j'ai tu il elle nous vous on euh heu hum ben bah si qui dont par comme quand lorsque jusqu'à "
    "jusqu' alors puis voudrais aimerais m'appelle s'appelle",
}
# Endings on an open word that are whole all the same: "I think so", "yes, it is", "hold on".
_WHOLE = {
    "en": re.compile(
        r"\b(?:think|hope|guess|suppose|believe|if|say|said|do) so$"
        r"|^(?:yes|yeah|no|sure)\b.{0,12}\b(?:is|am|was|would|could)$"
        r"|\b(?:so|neither) (?:do|am|would|can) i$|\b(?:hold|hang) on$|\bvery well$"
    ),
    "fr": re.compile(r"^(?:oui|non)\b.{0,12}\b(?:est|c'est)$"),
}
_SHORT = {
    "en": "yes yeah yep yup no nope ok okay sure right correct exactly thanks thank you please hello hi bye goodbye "
    "that's it absolutely definitely",
    "fr": "oui ouais non nan si ok okay d'accord exact exactement merci bonjour allô allo au revoir au-revoir bien "
    "parfait voilà absolument bonsoir sûr beaucoup",
    "es": "sí si no vale claro gracias hola exacto correcto adiós",
    "de": "ja nein doch genau danke hallo richtig okay ok stimmt tschüss bitte",
    "it": "sì si no certo grazie pronto esatto giusto va bene ciao",
    "nl": "ja nee klopt bedankt hallo precies oké prima",
    "pt": "sim não claro obrigado obrigada olá exato certo",
    "pl": "tak nie dziękuję dobrze halo dokładnie",
}
_BACKCHANNELS = {
    "en": "mm-hmm mm-hm mhm mmhmm mm mmm hmm hm uh-huh uh huh yeah yep yes right okay ok sure i see got it alright all "
    "ah oh great good cool",
    "fr": "mm-hm mm mmm hmm hm mhm oui ouais d'accord ok okay ah oh bien très très-bien je vois voilà entendu parfait "
    "super ça marche",
    "es": "mm mmm ajá sí vale ya claro ok",
    "de": "mm mmm mhm hm ja okay ok genau gut aha ach so",
    "it": "mm mmm sì ok certo va bene ah",
    "nl": "mm mmm hm ja oké ok goed",
    "pt": "mm mmm sim ok certo tá ah",
    "pl": "mm mmm hm tak dobrze aha no",
}
_HELLO = {
    "en": "hello hi hey yes yeah good morning afternoon evening speaking",
    "fr": "allô allo bonjour bonsoir oui",
    "es": "hola sí diga dígame buenos buenas días tardes noches",
    "de": "hallo ja guten tag morgen abend",
    "it": "pronto sì ciao buongiorno buonasera",
    "nl": "hallo ja goedemorgen goedemiddag goedenavond",
    "pt": "alô olá sim bom boa dia tarde noite",
    "pl": "halo tak słucham dzień dobry",
}
# What people call every language's fillers and "ok"; a language without lists has only these.
_OPEN_ANYWHERE, _SHORT_ANYWHERE, _SIGN_ANYWHERE = "um uh euh ähm ehm", "ok okay", "mm mmm hm hmm mhm ok okay"

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?|\d+", re.UNICODE)


def words_of(text: str) -> list[str]:
    """Lower-case words and digit groups."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def is_open_ending(text: str, language: str) -> bool:
    """Whether the last word wants another one."""
    words = words_of(text)
    if not words or words[-1] not in _table(_OPEN, language, _OPEN_ANYWHERE):
        return False
    whole = _WHOLE.get(language[:2])
    return whole is None or whole.search(" ".join(words)) is None


def is_short_answer(text: str, language: str) -> bool:
    """A whole answer in a word or two ("yes", "oui, merci")."""
    return _all_in(text, _table(_SHORT, language, _SHORT_ANYWHERE))


def is_backchannel(text: str, language: str) -> bool:
    """A sign of listening, not a wish to speak ("mm-hm", "d'accord")."""
    return _all_in(text, _table(_BACKCHANNELS, language, _SIGN_ANYWHERE))


def is_hello(text: str, language: str) -> bool:
    """What people say when they pick up or don't hear anybody yet ("Hello?", "Allô ?")."""
    return _all_in(text, _table(_HELLO, language, ""))


def _all_in(text: str, table: frozenset[str]) -> bool:
    words = words_of(text)
    return 0 < len(words) <= 3 and all(word in table for word in words)


def _table(tables: dict[str, str], language: str, otherwise: str) -> frozenset[str]:
    return frozenset(tables.get(language[:2], otherwise).split())
