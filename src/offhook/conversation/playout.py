"""The ledger of an utterance: which words are which audio, what was sent, and so what was heard."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

LETTERS_A_SECOND = 15  # what the voices speak; for clauses whose audio is not all there yet
FRESH_MS = 800  # a clause this young has not been taken in yet: words over it react to the one before


@dataclass(slots=True)
class Clause:
    """A clause, the audio made of it so far, and whether that is all."""

    text: str
    duration_ms: int = 0
    complete: bool = False
    failed: bool = False


@dataclass(slots=True)
class Ledger:
    """One utterance. Transcript, model context, captions and metrics all read it."""

    clauses: list[Clause] = field(default_factory=list)
    sent_ms: int = 0
    closed: bool = False

    def add(self, text: str) -> int:
        """A further clause; its number."""
        self.clauses.append(Clause(text))
        return len(self.clauses) - 1

    def made(self, clause: int, duration_ms: int, *, last: bool, failed: bool = False) -> None:
        """More audio of a clause exists."""
        if not 0 <= clause < len(self.clauses):
            return
        entry = self.clauses[clause]
        entry.duration_ms += duration_ms
        entry.complete = entry.complete or last
        entry.failed = entry.failed or failed

    def sent(self, sent_ms: int) -> None:
        """This much has gone out in all; never less than before, never more than there is."""
        self.sent_ms = max(self.sent_ms, min(sent_ms, self.made_ms))

    @property
    def made_ms(self) -> int:
        """Audio made so far."""
        return sum(clause.duration_ms for clause in self.clauses)

    @property
    def text(self) -> str:
        """All that was to be said."""
        return " ".join(clause.text for clause in self.clauses)

    @property
    def finished(self) -> bool:
        """Everything was made and sent."""
        return self.closed and self.played

    @property
    def played(self) -> bool:
        """Everything so far was made and sent; more may come."""
        # One frame of slack: the last one is padded, and durations are rounded to milliseconds.
        return all(clause.complete for clause in self.clauses) and self.sent_ms >= self.made_ms - 1

    @property
    def silent(self) -> bool:
        """No clause has given any audio and none will."""
        return self.closed and all(clause.complete and not clause.duration_ms for clause in self.clauses)

    @property
    def heard(self) -> str:
        """The words that were sent in full; of a clause cut short, the share of its words that fits its audio."""
        left, words = self.sent_ms, list[str]()
        for clause in self.clauses:
            if left <= 0:
                break
            whole = clause.complete and left >= clause.duration_ms - 1
            if not whole or clause.failed:
                words.append(_share(clause, min(left, clause.duration_ms)))
            elif clause.duration_ms:
                words.append(clause.text)
            if not whole:
                break
            left -= clause.duration_ms
        return " ".join(word for word in words if word)

    @property
    def left_ms(self) -> float:
        """Speech still to be heard, estimated where its audio is not made yet; infinite while more words may come."""
        if not self.closed:
            return math.inf
        return (
            sum(clause.duration_ms if clause.complete else _whole_ms(clause) for clause in self.clauses) - self.sent_ms
        )

    @property
    def at_question(self) -> bool:
        """Whether the clause being heard is a question, or the one before was and this one has only begun."""
        left, before = self.sent_ms, False
        for clause in self.clauses:
            question = clause.text.rstrip("\"'») ").endswith(("?", "؟", "？"))
            if not clause.complete or left < clause.duration_ms - 1:
                return (left > 0 and question) or (before and left < FRESH_MS)
            left, before = left - clause.duration_ms, question
        return before

    def clauses_sent(self) -> int:
        """How many clauses were sent to their last sample."""
        left, count = self.sent_ms, 0
        for clause in self.clauses:
            left -= clause.duration_ms
            if not clause.complete or left < -1:
                break
            count += 1
        return count


def _whole_ms(clause: Clause) -> int:
    """How long the whole clause is or, while that is unknown, would be."""
    return max(clause.duration_ms, len(clause.text) * 1000 // LETTERS_A_SECOND)


def _share(clause: Clause, sent_ms: int) -> str:
    # Speech time goes with letters rather than words. A failed clause has only part of its audio.
    total_ms = clause.duration_ms if clause.complete and not clause.failed else _whole_ms(clause)
    letters = len(clause.text) * sent_ms / max(1, total_ms)
    kept, position = list[str](), 0
    for word in clause.text.split():
        position += len(word) + 1
        if position - 1 > letters:
            break
        kept.append(word)
    return " ".join(kept)
