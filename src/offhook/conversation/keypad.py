"""Keys pressed by the caller, gathered to one entry."""

from __future__ import annotations

from dataclasses import dataclass

PAUSE_MS = 1500  # between keys; people look for the next one for about a second


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished entry: ``text`` is its digits without the "#" that ended it; times and reason as of a spoken turn."""

    text: str
    start_ms: int
    last_voiced_ms: int
    reason: str = "keypad"


@dataclass(slots=True)
class Keypad:
    """An entry is over with "#" or after a pause."""

    digits: str = ""
    _start_ms: int = 0
    _last_ms: int = 0

    @property
    def collecting(self) -> bool:
        """Whether an entry has begun."""
        return bool(self.digits)

    def press(self, digit: str, at_ms: int) -> Entry | None:
        """Take a key; the entry if this one ends it. A "#" alone is an entry of its own."""
        if not self.digits:
            self._start_ms = at_ms
        self._last_ms = at_ms
        if digit != "#":
            self.digits += digit
            return None
        return self._take(self.digits or digit)

    def due(self, now_ms: int) -> Entry | None:
        """The entry, if the pause behind it has ended it."""
        return self._take(self.digits) if self.digits and now_ms - self._last_ms >= PAUSE_MS else None

    def _take(self, digits: str) -> Entry:
        self.digits = ""
        return Entry(digits, self._start_ms, self._last_ms)
