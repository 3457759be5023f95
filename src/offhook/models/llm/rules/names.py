"""Names of people as they are said: after "my name is", or alone as the answer to the question."""

from __future__ import annotations

import re

from offhook.models.llm.rules.text import bag, plain, sentences

MAX_WORDS = 4  # "Jean Pierre de Montfort"; more is a sentence

_NAME_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_STRONG = {
    "en": r"my (?:full |first |last )?name(?:'s| is)|name is|the name(?:'s| is)|call me|under the name(?: of)?",
    "fr": (
        r"je m'app?el+(?:e|es|er)?|je m'appèle|mon nom,? c'est|mon nom (?:est|et)|mon pr[ée]nom (?:est|et)|"
        r"au nom de|le nom (?:est|et)|nom de famille"
    ),
}
_WEAK = {"en": r"i'm|i am|this is|it's|it is|that's", "fr": r"moi,? c'est|ici|je suis|c'est|s'est"}
_AFTER = {"en": r"speaking|here|on the line", "fr": r"à l'appareil|a l'appareil|au téléphone"}

# Never part of a name in an answer; what is left of an answer when they are taken away is one.
_NO_NAME = {
    "en": bag(
        "a about afternoon again all also am an and any appointment appointments are around ask at be because book "
        "booking but bye call called calling can can't clock come could day did didn't do does don't evening fine "
        "first for from full get give go good goodbye great had has have hello help hey hi his how i i'd i'll i'm i've "
        "if in is it it's just know last later let like look looking make me mean morning my name need new next no not "
        "number mobile "
        "nothing now o of oh ok okay on one or our out phone please point question really right said say see she so "
        "some something sorry sure surname talk tell than thank thanks that that's the their them then there they this "
        "time to today tomorrow two uh um under up us very wait want was we well what what's when where which who why "
        "will with would yeah yep yes you your monday tuesday wednesday thursday friday saturday sunday"
    ),
    "fr": bag(
        "a ai alors allo allô appel appelle appelles aussi autre aux avec avez avoir beaucoup bien bonjour bonsoir bon "
        "c'est ce cela ces cette chez comment comme d'accord dans de demain des deux dire dois donc du elle en encore "
        "est et être euh eh excusez faire il ils j'ai j'aimerais j'appelle je jour juste la le les leur lui ma madame "
        "mais me merci mes mon monsieur ne nom non nous on ou où oui ouais par parfait pas peu peut peux plaît plait "
        "plus pour pourquoi pouvez prendre prénom prenom puis qu'il que quel quelle question qui quoi rappeler rendez "
        "rien s'il sa sais savoir se ses si son sont suis sur ta te téléphone tout très trop tu un une veux voilà "
        "voila voudrais vous y numéro date heure lundi mardi mercredi jeudi vendredi samedi dimanche"
    ),
}
_PARTICLES = {"de", "du", "des", "la", "le", "van", "von", "der", "den", "di", "da", "el", "al", "bin", "ben", "d'"}
_LEADING = {
    "en": {"yes", "yeah", "sure", "hi", "hello", "oh", "uh", "um", "well", "okay", "ok", "of", "course", "so", "it's"},
    "fr": {"oui", "bonjour", "alors", "euh", "bien", "sûr", "sur", "eh", "ben", "bah", "voilà", "d'accord", "c'est"},
}

_HESITATION = re.compile(r"\b(?:u+m+|u+h+|erm|e+u+h+|heu|hmm+)\b[\s,.…]*", re.IGNORECASE)


def parse_name(text: str, language: str, *, bare: bool = False) -> str | None:
    """The speaker's name; ``bare`` also takes an answer that is nothing but a name."""
    lang = "fr" if language.startswith("fr") else "en"
    text = _HESITATION.sub("", text.replace("’", "'")).strip()
    for intro, strong in ((_STRONG[lang], True), (_WEAK[lang], False)):
        for found in re.finditer(rf"(?:^|[\s,.!?])(?:{intro})[\s,:]+(?=\S)", text, re.IGNORECASE):
            name = _name_at(text[found.end() :], lang, strong=strong or text == text.lower())
            if name:
                return _fuller(name, text[found.end() :], lang)
    spoken = re.search(rf"((?:{_NAME_WORD}\s+){{1,3}})(?:{_AFTER[lang]})\b", text, re.IGNORECASE)
    if spoken and (name := _name_at(spoken[1], lang, strong=False)):
        return name
    return _bare(text, lang) if bare else None


def _fuller(name: str, text: str, lang: str) -> str:
    """The whole name where a caller begins again: "it's John, John Smith"."""
    whole = next((more for clause in text.split(",")[1:] if (more := _bare(clause, lang))), "")
    return whole if whole.startswith(f"{name} ") else name


def _name_at(text: str, lang: str, *, strong: bool) -> str | None:
    """The words from here on that can be a name. Weak introductions need it to be written like one."""
    taken: list[str] = []
    # "Le Goff": a name may begin with a particle, but "la semaine prochaine" is none.
    led = re.match(rf"({_NAME_WORD})\s+[^\W\d_a-zà-ÿ]", text)
    if led and plain(led[1]) in _PARTICLES and led[1][0].isupper():
        taken, text = [led[1]], text[led.end(1) :]
    for found in re.finditer(rf"({_NAME_WORD})([^\w'’-]*)", text):
        word, after = found[1], found[2]
        particle = plain(word) in _PARTICLES and bool(taken)
        if (_is_no_name(word, lang) and not particle) or (not strong and not particle and not word[0].isupper()):
            break
        taken.append(word)
        if after.strip() or len(taken) == MAX_WORDS:
            break
    while taken and plain(taken[-1]) in _PARTICLES:
        taken.pop()
    return _written(taken) if taken else None


def _bare(text: str, lang: str) -> str | None:
    for sentence in sentences(text):
        for clause in sentence.split(","):
            found = re.findall(_NAME_WORD, clause)
            while found and found[0].lower() in _LEADING[lang]:
                found.pop(0)
            sound = [word for word in found if not _is_no_name(word, lang) or plain(word) in _PARTICLES]
            if found and sound == found and len(found) <= MAX_WORDS and not re.search(r"\d", clause):
                name = _name_at(" ".join(found), lang, strong=True)
                if name:
                    return name
    return None


def _is_no_name(word: str, lang: str) -> bool:
    # "l'heure" is an article and a noun, "L'Hermite" and "O'Connor" are names.
    elided = re.match(r"(?:[cdjlmnst]|qu)'[a-zà-ÿ]", word, re.IGNORECASE) and word.split("'")[1][0].islower()
    return word.lower() in _NO_NAME[lang] or len(word) == 1 or bool(elided)


def _written(parts: list[str]) -> str:
    """As names are written: capitals at the head of each part, as they came where they had any."""
    written = [
        part if any(char.isupper() for char in part[1:]) and not part.isupper()
        else part.lower() if plain(part) in _PARTICLES and position
        else "-".join(piece[:1].upper() + piece[1:].lower() for piece in part.split("-"))
        for position, part in enumerate(parts)
    ]  # fmt: skip
    return " ".join(written)
