"""When an answer may do what it can't take back.

A caller who goes on speaking before an answer was heard drops it, as if it had never been. What it would have changed
in the world must therefore wait until the turn is certain; words alone never wait.
"""

from __future__ import annotations

from dataclasses import dataclass

from offhook.conversation.events import Deed
from offhook.conversation.playout import Ledger

# Machines pause for up to two seconds between the greeting and the beep; a longer silence has no beep behind it.
MACHINE_SILENCE_MS = 3000


@dataclass(slots=True)
class Intent:
    """A deed and since when it waits; ``beeped`` once the machine's beep was heard, ``begun`` once it may happen."""

    deed: Deed
    since_ms: int
    limit_ms: int = 0
    beeped: bool = False
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand: ``quiet_ms`` without the caller's voice, ``certain_ms`` of it end any turn."""

    now_ms: int
    quiet_ms: int
    certain_ms: int
    speaking: bool
    committed: bool


def is_due(intent: Intent, ledger: Ledger, moment: Moment) -> bool:
    """Whether the deed may happen at this moment."""
    if intent.begun:
        return False
    if intent.deed is Deed.MESSAGE:
        waited_ms = moment.now_ms - intent.since_ms
        # The silence begins with the wait at the earliest: a machine that is asked at its first word says more.
        silent_ms = min(moment.quiet_ms, waited_ms)
        return intent.beeped or waited_ms >= intent.limit_ms or silent_ms >= MACHINE_SILENCE_MS
    heard = bool(ledger.heard)
    certain = heard or moment.committed or (not moment.speaking and moment.quiet_ms >= moment.certain_ms)
    return certain and (intent.deed is Deed.ACT or ledger.played)
