"""What the local models are asked and what they answer, as it passes between the processes."""

from __future__ import annotations

import msgspec


class SpanJob(msgspec.Struct, array_like=True, frozen=True):
    """Audio to be written down: s16le mono."""

    pcm: bytes
    rate_hz: int
    language: str
    prompt: str | None
    vocabulary: tuple[str, ...]


class SpanText(msgspec.Struct, array_like=True, frozen=True):
    """Its text ("" when nobody spoke) and how sure the model is, 0-1."""

    text: str
    confidence: float | None


class ClauseJob(msgspec.Struct, array_like=True, frozen=True):
    """Words to be spoken: ``language`` as espeak-ng names it, at ``rate_hz``."""

    text: str
    voice: str
    language: str
    speed: float
    rate_hz: int


class ClauseAudio(msgspec.Struct, array_like=True, frozen=True):
    """A piece of them as s16le mono."""

    pcm: bytes


class ChatJob(msgspec.Struct, array_like=True, frozen=True):
    """A conversation to be continued: ``messages`` and the JSON ``schema`` of the answer, both as JSON texts."""

    messages: bytes
    schema: bytes | None
    max_tokens: int
    temperature: float


class ChatPiece(msgspec.Struct, array_like=True, frozen=True):
    """More of the answer; the last piece has what it took."""

    text: str
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
