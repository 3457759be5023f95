"""One utterance of the agent from the question to its last packet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from offhook.conversation.clauses import ClauseSplitter
from offhook.conversation.events import EndedBy, Turn
from offhook.conversation.latency import TurnClock
from offhook.conversation.playout import Ledger


class Kind(StrEnum):
    """Why the agent speaks."""

    GREETING = "greeting"
    ANSWER = "answer"
    PRESENCE = "presence"
    REPEAT = "repeat"
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True)
class Said:
    """A finished turn of the caller: the words that an answer answers."""

    turn: int
    item: int
    text: str
    start_ms: int


@dataclass(slots=True)
class Response:
    """``started_ms`` and ``last_ms`` are the times of its first and latest packet; None while nothing was heard."""

    utterance: int
    kind: Kind
    turn: int
    item: int
    to: Said | None = None
    clock: TurnClock | None = None
    splitter: ClauseSplitter = field(default_factory=ClauseSplitter)
    ledger: Ledger = field(default_factory=Ledger)
    done: bool = False
    adopted: bool = False
    paused: bool = False
    hang_up: EndedBy | None = None
    started_ms: int | None = None
    last_ms: int | None = None
    shown_clauses: int = 0

    @property
    def audible(self) -> bool:
        """Whether the caller has heard any of it."""
        return self.started_ms is not None

    @property
    def unheard_ms(self) -> int:
        """Audio made and not yet sent."""
        return self.ledger.made_ms - self.ledger.sent_ms

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
            generated=text if interrupted and text != heard else None,
        )
