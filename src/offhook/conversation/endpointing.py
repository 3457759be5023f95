"""When the caller's turn is over, and why: silence, the turn model's score, and how the words end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from offhook.conversation.dictation import is_dictating
from offhook.conversation.words import is_open_ending, is_short_answer

# Silence after which text and score are asked for, speculatively: six windows (200 ms would be seven).
PROBE_MS = 192
MIN_DELAY_MS = 300  # a turn that is surely over still gets this, for the breath inside a sentence
UNSURE_DELAY_MS = 600
MAX_DELAY_MS = 1200
DICTATION_DELAY_MS = 1800  # callers pause 1-1.5 s between groups of a phone number
SILENCE_ONLY_DELAY_MS = 700  # mode "silence": no model tells, so a plain pause must
SURE = 0.8  # measured: Smart Turn above 0.8 releases 91-99 % of finished turns
LIKELY = 0.5
# Silence after which a recognizer without an answer counts as failed: the caller must not hear dead air for more than
# 4 s, and the first clause of the local voice takes 0.6 s.
ANSWER_LIMIT_MS = 3400


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
    """How long to wait; None takes the measured default of the mode.

    Dictated digits get DICTATION_DELAY_MS at least.
    """

    language: str = "en"
    mode: TurnMode = TurnMode.SMART
    min_delay_ms: int | None = None
    max_delay_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The silence a turn needs to be over, and the reason kept in the record."""

    silence_ms: int
    reason: str


def openness(text: str, language: str) -> Openness:
    """How the words end: in the middle of a number, on a word that wants another, or closed."""
    stripped = text.strip()
    if is_dictating(stripped):
        return Openness.DICTATING
    if stripped.endswith(("...", "…", ",")):
        return Openness.OPEN
    # Recognizers set a full stop behind anything, a question mark only behind a question.
    if stripped.endswith("?") or is_short_answer(stripped, language):
        return Openness.CLOSED
    return Openness.OPEN if is_open_ending(stripped, language) else Openness.CLOSED


def verdict(config: EndpointingConfig, text: str, score: float | None) -> Verdict:
    """The silence this text and score ask for before the turn is over."""
    if config.mode is TurnMode.SILENCE:
        return Verdict(_or(config.min_delay_ms, SILENCE_ONLY_DELAY_MS), "silence")
    shortest = _or(config.min_delay_ms, MIN_DELAY_MS)
    longest = max(shortest, _or(config.max_delay_ms, MAX_DELAY_MS))
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


def _or(chosen_ms: int | None, default_ms: int) -> int:
    return default_ms if chosen_ms is None else chosen_ms
