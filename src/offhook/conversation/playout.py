"""The ledger of an utterance: which words are which audio, what was sent, and so what was heard."""

from __future__ import annotations

from dataclasses import dataclass, field


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
        entry = self.clauses[clause]
        entry.duration_ms += duration_ms
        entry.complete = entry.complete or last
        entry.failed = entry.failed or failed

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
        # One frame of slack: the last one is padded, and durations are rounded to milliseconds.
        complete = self.closed and all(clause.complete for clause in self.clauses)
        return complete and self.sent_ms >= self.made_ms - 1

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
            if clause.complete and left >= clause.duration_ms - 1:
                if clause.duration_ms:
                    words.append(clause.text)
            else:
                words.append(_share(clause, left))
            left -= clause.duration_ms
        return " ".join(word for word in words if word)

    def clauses_sent(self) -> int:
        """How many clauses were sent to their last sample."""
        left, count = self.sent_ms, 0
        for clause in self.clauses:
            left -= clause.duration_ms
            if not clause.complete or left < -1:
                break
            count += 1
        return count


def _share(clause: Clause, sent_ms: int) -> str:
    # Speech time goes with letters rather than words; while the clause is still being made its end is unknown,
    # and 15 letters a second is what the voices speak.
    total_ms = clause.duration_ms if clause.complete else max(clause.duration_ms, len(clause.text) * 1000 // 15)
    letters = len(clause.text) * sent_ms / max(1, total_ms)
    kept, position = list[str](), 0
    for word in clause.text.split():
        position += len(word) + 1
        if position - 1 > letters:
            break
        kept.append(word)
    return " ".join(kept)
