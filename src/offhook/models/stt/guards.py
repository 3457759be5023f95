"""Signs that a Whisper decoding is not what was said. Pure."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

# Speech has 2-5 words a second, 8 tokens a second at the most in French and English; a decoding beyond is a loop.
_TOKENS_PER_S = 6
_TOKENS_SLACK = 6
_COMPRESSION = 2.0  # text that zlib halves repeats itself
_COMPRESSION_SURELY = 2.4  # Whisper's own threshold
_ECHO_WORDS = 4
_DOUBTFUL_LOG_PROBABILITY = -0.9
_SILENT = 0.6  # no-speech probability and log-probability that together mean nobody spoke: from the Whisper paper's
_SILENT_LOG_PROBABILITY = -0.8  # thresholds (0.6, -1.0), the second tightened on phone audio


@dataclass(frozen=True, slots=True)
class Decoding:
    """What one run of the decoder gave."""

    text: str
    log_probability: float  # mean a token
    no_speech: float  # 0-1
    tokens: int
    token_limit: int


def loops(decoding: Decoding, duration_s: float) -> bool:
    """The decoder seems to repeat itself, or ran on: worth another try."""
    words = decoding.text.lower().split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return (
        len(trigrams) != len(set(trigrams))
        or _compression(decoding.text) > _COMPRESSION
        or runs_on(decoding, duration_s)
    )


def runs_on(decoding: Decoding, duration_s: float) -> bool:
    """More than anyone can say in that time, or one thing many times over: not what was said.

    A repetition alone is: people do say "non, non, non, non".
    """
    return (
        decoding.tokens >= decoding.token_limit
        or decoding.tokens > _TOKENS_PER_S * duration_s + _TOKENS_SLACK
        or _compression(decoding.text) > _COMPRESSION_SURELY
    )


def _compression(text: str) -> float:
    data = text.encode()
    return len(data) / max(1, len(zlib.compress(data)))


def doubtful(decoding: Decoding) -> bool:
    """The model itself has little trust in it."""
    return decoding.log_probability < _DOUBTFUL_LOG_PROBABILITY


def echoes(decoding: Decoding, prompt: str) -> bool:
    """It repeats a stretch of the prompt, as the decoder does when it hears little; short answers may well be in it."""
    said = _plain(decoding.text)
    return len(said.split()) >= _ECHO_WORDS and said in _plain(prompt)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def nobody_spoke(decoding: Decoding) -> bool:
    """The model thinks that there was no speech, and what it wrote doesn't speak against that."""
    return decoding.no_speech > _SILENT and decoding.log_probability < _SILENT_LOG_PROBABILITY


def better(first: Decoding, second: Decoding, duration_s: float) -> Decoding:
    """Of two decodings of the same audio the one to believe; the second had the window the model was trained on."""
    if loops(first, duration_s):
        return second
    return second if second.log_probability > first.log_probability else first
