"""When the caller's speech starts, and how long it has been silent: VAD windows to spans of speech.

Voice is accumulated with hysteresis and a leak instead of "N windows in a row": one weak window in the middle of
an onset then costs its own length, not a new start (measured: 273 ms against 516 ms for one onset in twenty).
"""

from __future__ import annotations

from dataclasses import dataclass

from offhook.conversation.events import WINDOW_MS

ON = 0.5  # a window this likely counts as voice before speech has begun
STAY = 0.35  # and this likely once it has
LEAK = 0.5  # an unvoiced window takes back half of what a voiced one gave


@dataclass(slots=True)
class Span:
    """One stretch of the caller's speech, pauses included."""

    start_ms: int
    last_voiced_ms: int
    voiced_ms: int

    def silence_ms(self, now_ms: int) -> int:
        """Silence since the last voiced window."""
        return now_ms - self.last_voiced_ms


class SpeechTracker:
    """Feeds on VAD windows; ``span`` is the caller's present speech, None while there is none."""

    def __init__(self) -> None:
        self.span: Span | None = None
        self._gathered_ms = 0.0
        self._voiced_ms = 0
        self._onset_ms = 0

    def feed(self, at_ms: int, probability: float, confirm_ms: int) -> bool:
        """Take one window; True when it made speech certain (``confirm_ms`` of voice gathered), span is then set."""
        if self.span is not None:
            self._follow(self.span, at_ms, probability)
            return False
        if probability < ON:
            self._gathered_ms = max(0.0, self._gathered_ms - LEAK * WINDOW_MS)
            return False
        if self._gathered_ms == 0:
            self._onset_ms, self._voiced_ms = at_ms - WINDOW_MS, 0
        self._gathered_ms += WINDOW_MS
        self._voiced_ms += WINDOW_MS
        if self._gathered_ms < confirm_ms:
            return False
        self.span = Span(self._onset_ms, at_ms, self._voiced_ms)
        self._gathered_ms = 0.0
        return True

    def end(self) -> None:
        """Forget the present speech: it was taken as a turn or dropped."""
        self.span = None
        self._gathered_ms = 0.0

    def _follow(self, span: Span, at_ms: int, probability: float) -> None:
        # After a real pause one window at STAY may be breath; it takes voice (ON) to go on.
        bar = STAY if span.silence_ms(at_ms) <= 3 * WINDOW_MS else ON
        if probability >= bar:
            span.last_voiced_ms = at_ms
            span.voiced_ms += WINDOW_MS
