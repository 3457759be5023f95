"""The sentence of a prompt that answers a caller's question, by the words they share."""

from __future__ import annotations

import math
import re
from collections import Counter

from offhook.models.llm.rules.intents import language_of
from offhook.models.llm.rules.text import bag, plain, sentences, stem, words

LEAST_SCORE = 1.0  # one rare word in common, or two common ones

_STOP = {
    "en": bag(
        "a about all also am an and any are as at be been but by can could did do does for from get give go had has "
        "have he hello her hi his how i if in is it its just know like ll m may me my need no not of oh ok on one or "
        "our out please re s say she should so some t tell than thank thanks that the their them then there these "
        "they this to too up us ve very want was we well were what when where which who why will with would yes you "
        "your"),
    "fr": bag(
        "a ai alors au aussi aux avec avez avoir bien bonjour c ce cela ces cet cette comme comment d dans de des dire "
        "dites donc du elle en est et etes eu euh faire fait faut i il ils j je l la le les leur lui m ma mais me mes "
        "moi mon n ne nos notre nous o on ont ou oui par pas peut peux pour pouvez plait plus qu que quel quelle "
        "quelles quels qui quoi s sa se ses si son sont sur t ta te tu un une va vais vos votre voudrais vous y"),
}  # fmt: skip

# Words that ask for the same thing; the first of each set stands for all of them.
_SAME = {
    "en": (
        "hours hour open opens opening opened close closes closing closed when time times weekend saturday sunday",
        "price prices cost costs much charge charges fee fees pay euros dollars pounds expensive",
        "address where located location street find directions road avenue",
        "parking park car cars garage",
        "insurance insured cover covered covers coverage",
        "card cards cash payment credit",
        "cancel cancellation reschedule postpone",
        "child children kid kids son daughter baby",
        "wheelchair accessible access disabled elevator lift",
        "bus train metro subway tram station",
        "emergency urgent urgency pain hurts",
        "bring documents papers document",
        "long takes duration minutes last lasts",
        "email mail",
    ),
    "fr": (
        "horaires horaire heures heure ouvert ouverts ouverte ouvre ouvrez ferme fermez quand samedi dimanche",
        "prix tarif tarifs combien coute coutent cout euros cher",
        "adresse ou situe situes trouve trouver trouvez rue avenue boulevard",
        "parking garer stationner stationnement voiture gare",
        "remboursement rembourse rembourses mutuelle securite sociale vitale conventionne",
        "carte cartes especes cheque paiement payer regler",
        "annuler annulation reporter deplacer",
        "enfant enfants fils fille bebe",
        "handicape fauteuil accessible acces ascenseur",
        "bus train metro tram arret",
        "urgence urgences urgent douleur mal",
        "apporter amener documents papiers",
        "dure duree longtemps minutes",
        "courriel mail email",
    ),
}
# Sentences that tell the agent what to do are no answers.
_INSTRUCTION = re.compile(
    r"^\W*(?:you are|you're|you work|you answer|your (?:task|job|role|goal)|never|always|do not|don't|ask|be |"
    r"speak|keep|if the caller|when the caller|confirm|collect|say |greet|make sure|answer |use |stay|"
    r"vous etes|tu es|ton role|votre role|ne |n'|toujours|jamais|demande|soyez|sois|parle|si l'appelant|si le client|"
    r"quand l'appelant|confirme|recueill|dis |dites |salue|reponds|repondez|utilise|reste)",
)


def find_answer(question: str, texts: list[str], language: str, least: float = LEAST_SCORE) -> str | None:
    """The best line or sentence of the texts for a question; None when none shares enough of its words."""
    lang = language_of(language)
    lines = [line for text in texts for line in _lines(text)]
    asked = {**_hints(question, lang), **dict.fromkeys(key_words(question, lang), 1.0)}
    keys = [key_words(line, lang) for line in lines]
    frequency = Counter(key for one in keys for key in one)
    best, best_score = None, least
    for line, own in zip(lines, keys, strict=True):
        # A word that stands in every line says little: inverse document frequency, halved where all have it.
        score = sum(
            weight * (1.0 + math.log((1 + len(lines)) / (1 + frequency[key])))
            for key, weight in asked.items()
            if key in own
        )
        score -= 0.01 * len(own)  # of two that fit alike, the shorter
        if score >= best_score:
            best, best_score = line, score + 1e-9
    return best


def _lines(text: str) -> list[str]:
    found = []
    for raw in text.splitlines():
        line = re.sub(r"^\s*(?:[-*•#]+|\d+[.)])\s*", "", raw).replace("**", "").strip()
        found += [sentence for sentence in sentences(line) if not _INSTRUCTION.match(plain(sentence))]
    return [line for line in found if not line.endswith(":")]


def key_words(text: str, lang: str) -> set[str]:
    """Words that carry meaning, without endings, those that ask for the same thing as one."""
    same = _SAME_KEYS[lang]
    said = words(text)
    keys = {
        same.get(word) or same.get(stem(word, lang)) or stem(word, lang) for word in said if word not in _STOP[lang]
    }
    return keys - {""}


def _hints(question: str, lang: str) -> dict[str, float]:
    """What a question word asks for when no other word says it: less than the word itself would count."""
    said = set(question.lower().split())
    asks = {"where": "address", "when": "hours"} if lang == "en" else {"où": "adresse", "quand": "horaires"}
    return {meant: 0.9 for word, meant in asks.items() if word in said}


def _table(lang: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for group in _SAME[lang]:
        names = group.split()
        for name in names:
            table[name] = names[0]
            table.setdefault(stem(name, lang), names[0])
    return table


_SAME_KEYS = {lang: _table(lang) for lang in _SAME}
