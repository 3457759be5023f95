"""When the caller's turn is over, and why: silence, the turn model's score, and how the words end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

PROBE_MS = 200  # silence after which text and score are asked for, speculatively
MIN_DELAY_MS = 300  # a turn that is surely over still gets this, for the breath inside a sentence
UNSURE_DELAY_MS = 600
MAX_DELAY_MS = 1200
DICTATION_DELAY_MS = 1800  # callers pause 1-1.5 s between groups of a phone number
SILENCE_ONLY_DELAY_MS = 700  # mode "silence": no model tells, so a plain pause must
SURE = 0.8  # measured: Smart Turn above 0.8 releases 91-99 % of finished turns
LIKELY = 0.5
ANSWER_LIMIT_MS = 4000  # a recognizer slower than this counts as failed; dead air must not last longer

_OPEN_WORDS = {
    "en": "and or but so because the a an to of for with at in on my your is are i'm it's um uh er if that which "
    "by from about like would could can i we he she they",
    "fr": "et ou mais donc car parce que qu' le la les un une des du de d' l' à au aux pour avec chez dans sur mon ma "
    "mes votre est c'est je j' euh hum si qui dont par comme",
}
_SHORT = {
    "en": "yes yeah yep yup no nope ok okay sure right correct exactly thanks please hello hi bye goodbye",
    "fr": "oui ouais non si ok d'accord exact exactement merci bonjour allô au-revoir bien parfait voilà",
}
_BACKCHANNELS = {
    "en": "mm-hmm mm-hm mhm mmhmm mm mmm hmm hm uh-huh yeah yep yes right okay ok sure i see got it alright ah oh",
    "fr": "mm-hm mm mmm hmm hm oui ouais d'accord ok ah oh bien très très-bien je vois voilà entendu",
}
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?|\d+", re.UNICODE)
_TRAILING_DIGITS = re.compile(r"(?:\d[\s.,\-]*)+$")
_CLOCK = re.compile(r"\d\s*(?::|h\b)\s*\d{0,2}\W*$", re.IGNORECASE)


class Openness(StrEnum):
    """How a transcript ends."""

    CLOSED = "closed"
    OPEN = "open"
    DICTATING = "dictating"


class TurnMode(StrEnum):
    """What decides the end of a turn."""

    SMART = "smart"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class EndpointingConfig:
    """How long to wait; None takes the measured default of the mode."""

    language: str = "en"
    mode: TurnMode = TurnMode.SMART
    min_delay_ms: int | None = None
    max_delay_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The silence a turn needs to be over, and the reason kept in the record."""

    silence_ms: int
    reason: str


def words_of(text: str) -> list[str]:
    """Lower-case words and digit groups."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def openness(text: str, language: str) -> Openness:
    """How the words end: in the middle of a number, on a word that wants another, or closed."""
    stripped = text.strip()
    digits = re.sub(r"\D", "", match.group()) if (match := _TRAILING_DIGITS.search(stripped)) else ""
    # Two digits are a day or an hour, ten or more a whole number; 19xx and 20xx alone are years.
    year = len(digits) == 4 and digits[:2] in {"19", "20"}
    if 3 <= len(digits) <= 9 and not year and not _CLOCK.search(stripped):
        return Openness.DICTATING
    words = words_of(stripped)
    if stripped.endswith(("...", "…", ",")) or (words and words[-1] in _table(_OPEN_WORDS, language)):
        return Openness.OPEN
    return Openness.CLOSED


def is_short_answer(text: str, language: str) -> bool:
    """A whole answer in a word or two ("yes", "oui, merci")."""
    words = words_of(text)
    return 0 < len(words) <= 3 and all(word in _table(_SHORT, language) for word in words)


def is_backchannel(text: str, language: str) -> bool:
    """A sign of listening, not a wish to speak ("mm-hm", "d'accord")."""
    words = words_of(text)
    return 0 < len(words) <= 3 and all(word in _table(_BACKCHANNELS, language) for word in words)


def verdict(config: EndpointingConfig, text: str, score: float | None) -> Verdict:
    """The silence this text and score ask for before the turn is over."""
    if config.mode is TurnMode.SILENCE:
        return Verdict(config.min_delay_ms or SILENCE_ONLY_DELAY_MS, "silence")
    shortest, longest = config.min_delay_ms or MIN_DELAY_MS, config.max_delay_ms or MAX_DELAY_MS
    ending = openness(text, config.language)
    if ending is Openness.DICTATING:
        return Verdict(max(longest, DICTATION_DELAY_MS), "dictation_pause")
    if ending is Openness.OPEN:
        return Verdict(longest, "open_ending_pause")
    if is_short_answer(text, config.language):
        return Verdict(shortest, "short_answer")
    if score is None or LIKELY <= score <= SURE:
        return Verdict(min(longest, max(shortest, UNSURE_DELAY_MS)), "pause")
    if score > SURE:
        return Verdict(shortest, "turn_model")
    return Verdict(longest, "long_pause")


def _table(tables: dict[str, str], language: str) -> frozenset[str]:
    return frozenset(tables.get(language[:2], tables["en"]).split())
