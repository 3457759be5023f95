"""Ask whether the caller is still there, a few times, then give up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class PresenceCheck:
    """Counts silence on both sides; ``due`` tells what to do now."""

    phrases: tuple[str, ...]
    idle_ms: int
    max_times: int
    quiet_since_ms: int = 0
    times: int = 0

    def quiet_from(self, at_ms: int) -> None:
        """Somebody just stopped speaking. Sounds without words don't count, or a noisy line would never be asked."""
        self.quiet_since_ms = at_ms

    def answered(self) -> None:
        """The caller said something: start counting anew."""
        self.times = 0

    def due(self, now_ms: int) -> bool:
        """Whether the silence has lasted long enough for the next check (or the end)."""
        return now_ms - self.quiet_since_ms >= self.idle_ms

    @property
    def exhausted(self) -> bool:
        """Whether every check was made."""
        return self.times >= self.max_times

    def next_phrase(self) -> str:
        """The phrase of this check, in turn."""
        phrase = self.phrases[self.times % len(self.phrases)]
        self.times += 1
        return phrase
