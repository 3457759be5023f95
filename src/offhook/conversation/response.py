"""One utterance of the agent from the question to its last packet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from offhook.conversation.clauses import ClauseSplitter
from offhook.conversation.deeds import Intent
from offhook.conversation.events import Deed, EndedBy, Turn
from offhook.conversation.latency import TurnClock
from offhook.conversation.playout import Ledger


class Kind(StrEnum):
    """Why the agent speaks."""

    NOTICE = "notice"
    GREETING = "greeting"
    ANSWER = "answer"
    PRESENCE = "presence"
    REPEAT = "repeat"
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True)
class Said:
    """A finished turn of the caller. ``text`` is what the answer answers, ``shown`` what its transcript item holds:

    less, when earlier words were never answered and the agent spoke in between.
    """

    turn: int
    item: int
    text: str
    shown: str
    start_ms: int


@dataclass(slots=True)
class Response:
    """``started_ms`` and ``last_ms`` are the times of its first and latest packet; None before it.

    ``piece_ms`` is when the model's latest words came. ``barge_ms`` are onset and decision of the voice that paused it.
    ``intent`` is what it waits to do or, of a deed that takes its time, does; ``committed`` once it did anything that
    stands.
    """

    utterance: int
    kind: Kind
    turn: int
    item: int
    to: Said | None = None
    clock: TurnClock | None = None
    splitter: ClauseSplitter = field(default_factory=ClauseSplitter)
    ledger: Ledger = field(default_factory=Ledger)
    piece_ms: int = 0
    done: bool = False
    adopted: bool = False
    committed: bool = False
    intent: Intent | None = None
    paused: bool = False
    hang_up: EndedBy | None = None
    started_ms: int | None = None
    last_ms: int | None = None
    shown_ms: int = 0
    shown_clauses: int = 0
    barge_ms: tuple[int, int] | None = None

    @property
    def audible(self) -> bool:
        """Whether a packet of it has left."""
        return self.started_ms is not None

    @property
    def heard(self) -> bool:
        """Whether the caller has heard a word of it; less than that was not said."""
        return self.audible and bool(self.ledger.heard)

    def intends(self, deed: Deed) -> bool:
        """Whether it waits to do this, or is at it."""
        return self.intent is not None and self.intent.deed is deed

    def turn_item(self, *, final: bool, interrupted: bool = False) -> Turn:
        """The transcript item: what was heard of it so far."""
        heard, text = self.ledger.heard, self.ledger.text
        return Turn(
            item=self.item,
            role="agent",
            turn=self.turn,
            content=heard,
            start_ms=self.started_ms or 0,
            end_ms=self.last_ms or 0,
            final=final,
            interrupted=interrupted,
            generated=text if final and text != heard else None,
        )
