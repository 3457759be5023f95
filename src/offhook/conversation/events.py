"""What a conversation is told and what it commands.

``at_ms`` is audio time: milliseconds since the first sample of the call. Things that happen beside the audio
(an answer of a model) are stamped with the audio time that passes at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WINDOW_MS = 32  # Silero's window: 256 samples at 8 kHz


class EndedBy(StrEnum):
    """Why a conversation hangs up by itself."""

    AGENT = "agent_hung_up"
    MAX_DURATION = "max_duration"
    SILENCE = "caller_silent"
    PROVIDER = "provider_failure"
    VOICEMAIL = "voicemail_left"


class Deed(StrEnum):
    """What an answer wants to do beside talking and can't take back; each has its own moment."""

    ACT = "act"  # a function, a key press: once the turn is certainly over
    HAND_OVER = "hand_over"  # a transfer: after the words before it, which no "right" from the caller undoes
    MESSAGE = "message"  # words for a machine: after its beep, or once it is silent


# --------------------------------------------------------------------------- told


@dataclass(frozen=True, slots=True)
class Started:
    """Media is up. ``greeting`` is said first; None waits for the caller.

    ``notice`` is said before it and to its end, whatever the caller says meanwhile: that the call is recorded.
    """

    at_ms: int
    greeting: str | None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Voiced:
    """Probability (0-1) that the window of WINDOW_MS that ends at ``at_ms`` holds the caller's voice."""

    at_ms: int
    probability: float


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The recognizer's text for a request; ``failed`` when it gave none because it broke."""

    at_ms: int
    request: int
    text: str
    confidence: float | None = None
    words: tuple[tuple[str, int, int], ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TurnScored:
    """The turn model's probability (0-1) that the caller has finished."""

    at_ms: int
    request: int
    score: float


@dataclass(frozen=True, slots=True)
class Piece:
    """More words of the agent's answer, as the model streams them; ``whole`` ones wait for no others."""

    at_ms: int
    utterance: int
    text: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Intended:
    """The agent's answer waits to do something; ``limit_ms`` is the longest wait for a beep."""

    at_ms: int
    utterance: int
    deed: Deed
    limit_ms: int = 0


@dataclass(frozen=True, slots=True)
class Acted:
    """The deed is over and the call is still here: the answer goes on as any other."""

    at_ms: int
    utterance: int


@dataclass(frozen=True, slots=True)
class Beeped:
    """An answering machine's beep has ended."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class AgentDone:
    """The agent's answer is complete; ``hang_up`` asks to end the call after its last word, for ``reason``."""

    at_ms: int
    utterance: int
    hang_up: bool = False
    failed: bool = False
    reason: EndedBy = EndedBy.AGENT


@dataclass(frozen=True, slots=True)
class AudioMade:
    """``duration_ms`` more audio of a clause exists; ``last`` ends the clause (also when its voice failed)."""

    at_ms: int
    utterance: int
    clause: int
    duration_ms: int
    last: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class AudioSent:
    """``sent_ms`` of the utterance have gone out in all; the packet left at ``at_ms``."""

    at_ms: int
    utterance: int
    sent_ms: int


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key."""

    at_ms: int
    digit: str


Event = (
    Started
    | Voiced
    | Transcribed
    | TurnScored
    | Piece
    | Intended
    | Acted
    | Beeped
    | AgentDone
    | AudioMade
    | AudioSent
    | Key
)

# --------------------------------------------------------------------------- commanded


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Ask the recognizer for the text of a span."""

    request: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class DropTranscription:
    """The request is void: the caller went on speaking."""

    request: int


@dataclass(frozen=True, slots=True)
class ScoreTurn:
    """Ask the turn model about the audio of a span."""

    request: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the agent for its answer to the caller's words."""

    utterance: int
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class DropAnswer:
    """Cancel the answer and its voice. ``heard`` is what the caller got of it ("" : it never was)."""

    utterance: int
    heard: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """The utterance stands: it was said, and what it changed in the dialogue is now so."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """Do now what the utterance intends: from here on its effects stand, whatever the caller says."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Give voice to the next clause of an utterance."""

    utterance: int
    clause: int
    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """The utterance has no further clause."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop sending at once, keep the audio."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where the voice stopped."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Turn:
    """An item of the transcript, new or (same ``item``) grown or corrected.

    ``content`` is what was heard; ``generated`` all that was meant to be said, when that is more.
    """

    item: int
    role: str
    turn: int
    content: str
    start_ms: int
    end_ms: int
    final: bool
    interrupted: bool = False
    generated: str | None = None
    reason: str | None = None
    confidence: float | None = None
    words: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """Latency anchors of a turn, in ms after its zero (see ``latency``)."""

    turn: int
    stages_ms: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Ignored:
    """Sound that was taken for no turn, and why; for the log."""

    start_ms: int
    end_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""

    reason: EndedBy
    detail: str


Command = (
    Transcribe
    | DropTranscription
    | ScoreTurn
    | Ask
    | DropAnswer
    | Adopt
    | Act
    | Speak
    | Close
    | Pause
    | Resume
    | Turn
    | Measured
    | Ignored
    | HangUp
)
