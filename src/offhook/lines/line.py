"""One party's line as the rest of the house sees it, whatever carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Party(StrEnum):
    """Who did something to a call (spec of calls)."""

    CALLER = "caller"
    CALLEE = "callee"
    AGENT = "agent"
    PLATFORM = "platform"
    PROVIDER = "provider"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What signalling told about the line. ``carrier_call_id`` is the SIP Call-ID on a SIP line."""

    from_number: str
    to_number: str
    carrier_call_id: str
    remote: str
    codec: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ringing:
    """The far end rings (180, or 183 with early media)."""

    early_media: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """Media is up in both directions from this moment."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The line is gone, for the reason given; comes exactly once, also after our own hang-up.

    ``party`` ended it. ``code`` is the SIP final status (486, 603, 487 …) when it ended before the answer,
    None after an answered call. ``detail`` is a sentence for the record.
    """

    party: Party
    code: int | None
    detail: str


LineEvent = Ringing | Answered | Ended


@dataclass(frozen=True, slots=True)
class Sent:
    """The part of an utterance that this frame carried: ``samples`` counts all of it sent up to this frame's end."""

    utterance: int
    samples: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What passed on the line in one tick of 20 ms; the n-th tick covers samples n*160 … n*160+159 of both sides.

    ``heard`` is s16le PCM from the far end (None: nothing came, silence), ``said`` what we sent (None: silence),
    ``concealed`` tells that ``heard`` was made up for a lost packet.
    """

    index: int
    heard: bytes | None
    said: bytes | None = None
    sent: Sent | None = None
    digit: str | None = None
    concealed: bool = False


@dataclass(frozen=True, slots=True)
class MediaStats:
    """Counters of one leg since it was opened.

    ``lost``, ``late`` and ``jitter_ms`` are of what the far end sent; ``remote_lost``, ``remote_jitter_ms`` and
    ``round_trip_ms`` what its reports say of ours (None: it sent none). ``ignored`` came from another address than
    negotiated, ``malformed`` was no RTP or of no agreed kind, ``unsent`` the system refused to send.
    """

    sent: int = 0
    received: int = 0
    lost: int = 0
    late: int = 0
    ignored: int = 0
    jitter_ms: float = 0.0
    malformed: int = 0
    unsent: int = 0
    concealed: int = 0
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    round_trip_ms: float | None = None


class Ability(StrEnum):
    """What some lines can do and others can't, by the tool of an agent that needs it."""

    KEYS = "press_keys"
    TRANSFER = "transfer_call"
    TEXT = "send_sms"


class Line(Protocol):
    """A line to one party. Every method is called on the loop; none blocks."""

    rate_hz: int
    abilities: frozenset[Ability]
    facts: LineFacts
    on_event: Callable[[LineEvent], None]
    on_frame: Callable[[Frame], None]

    def ring(self) -> None:
        """Tell the caller that it rings (180)."""

    def answer(self) -> None:
        """Take the call; ``Answered`` follows when the far end confirmed."""

    def reject(self, code: int, retry_after_s: int | None = None) -> None:
        """Refuse the call before it was answered."""

    def play(self, utterance: int, pcm: bytes) -> None:
        """Queue audio of an utterance (s16le mono at ``rate_hz``)."""

    def flush(self, utterance: int) -> None:
        """The utterance has no more audio: its last partial frame is padded with silence and sent."""

    def clear(self) -> None:
        """Drop all queued audio that was not yet sent."""

    def send_dtmf(self, digits: str) -> None:
        """Send key presses (``0-9*#A-D``, ``w`` waits half a second)."""

    async def transfer(self, destination: str, *, attended: bool) -> None:
        """Hand the far end over to a number or SIP URI; when this returns it talks to the destination, not to us.

        Attended waits for the destination's answer first. Raises LineError when the far end is still ours.
        """

    async def send_text(self, text: str) -> None:
        """Have the carrier send a text message to the far end. Raises LineError when it didn't take it."""

    async def hang_up(self) -> None:
        """End the line whatever its state (BYE, CANCEL or a refusal); returns when the far end knows or gave up."""

    @property
    def stats(self) -> MediaStats:
        """Media counters."""
