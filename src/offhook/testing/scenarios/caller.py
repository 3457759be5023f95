"""The caller of a scenario: when the next line is due, and what it sounds like."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from offhook.testing.scenarios.observed import FRAME_MS, Observed, Sound
from offhook.testing.scenarios.schema import CallerLine, Timing

KEY_MS = 200  # from one key to the next
PATIENCE_MS = 15_000  # a caller who has said everything and gets no answer puts the phone down after it
LEAVE_MS = 300  # from the last answer to putting the phone down
RATE_HZ = 8000

Hearing = Callable[[CallerLine], bytes]


class Caller:
    """``tick`` once a frame; it starts sounds, which ``observed.sounds`` then has.

    ``render`` gives a line's sound (s16le at 8 kHz) where there is one; without it a line's length follows from its
    letters. ``speaks_first``: the agent doesn't greet.
    """

    def __init__(
        self,
        lines: Sequence[CallerLine],
        observed: Observed,
        timing: Timing,
        *,
        stays: bool,
        speaks_first: bool,
        render: Hearing | None = None,
    ) -> None:
        self._lines, self._observed, self._timing = lines, observed, timing
        self._stays, self._speaks_first, self._render = stays, speaks_first, render
        self._keys: list[tuple[int, str]] = []
        self.said = 0
        self.hangs_up = False

    @property
    def next_line(self) -> CallerLine | None:
        """The line that waits for its time; None when everything was said."""
        return self._lines[self.said] if self.said < len(self._lines) else None

    def tick(self, now_ms: int) -> Sound | None:
        """The sound that begins in the frame at ``now_ms``, if one does."""
        line = self.next_line
        if self.hangs_up or self._busy(now_ms):
            return None
        if line is None:
            self.hangs_up = not self._stays and self._answered(now_ms)
            return None
        if not self._due(line, now_ms):
            return None
        if line.hang_up:
            self.said += 1
            self.hangs_up = True
            return None
        sound = self._sound(line, now_ms)
        self._observed.sounds.append(sound)
        self.said += 1
        return sound

    def key(self, now_ms: int) -> str | None:
        """The key that is pressed in the frame at ``now_ms``."""
        if self._keys and self._keys[0][0] <= now_ms:
            return self._keys.pop(0)[1]
        return None

    # ------------------------------------------------------------------ when

    @property
    def _last(self) -> Sound | None:
        return self._observed.sounds[-1] if self._observed.sounds else None

    @property
    def _since_ms(self) -> int:
        """From when on the agent's words count: the end of what was said, the beginning of a noise or a silence."""
        last = self._last
        if last is None:
            return 0
        return last.end_ms if last.text else last.start_ms

    def _busy(self, now_ms: int) -> bool:
        return self._last is not None and now_ms < self._last.end_ms

    def _due(self, line: CallerLine, now_ms: int) -> bool:
        if line.at_ms is not None:
            return now_ms >= line.at_ms
        if line.continues_ms is not None:
            return now_ms >= (self._last.end_ms if self._last else 0) + line.continues_ms
        if line.interrupts_ms is not None:
            began_ms = self._heard_ms(line.after)
            return began_ms is not None and now_ms >= began_ms + line.interrupts_ms
        if self._speaks_first and self.said == 0 and line.after is None:
            return now_ms >= line.pause_ms
        words = self._finished_words()
        if words is None or (line.after is not None and not re.search(line.after, words, re.IGNORECASE)):
            return False
        return now_ms >= self._observed.quiet_since_ms + line.pause_ms

    def _heard_ms(self, after: str | None) -> int | None:
        """Since when the agent is audible or, with words to wait for, since when these were heard."""
        if after is None:
            return self._observed.first_voice_after(self._since_ms)
        items = [item for item in self._observed.items.values() if item.changed_ms >= self._since_ms]
        found = [item.changed_ms for item in items if re.search(after, item.content, re.IGNORECASE)]
        return min(found, default=None)

    def _finished_words(self) -> str | None:
        """What the agent has said to its end since the caller's last words; None while it speaks, or said nothing."""
        items = [item for item in self._observed.items.values() if item.changed_ms >= self._since_ms]
        if not items or not all(item.final for item in items) or all(item.interrupted for item in items):
            return None
        return " ".join(item.content for item in items)

    def _answered(self, now_ms: int) -> bool:
        quiet_ms = self._observed.quiet_since_ms
        if self._finished_words() is not None:
            return now_ms >= quiet_ms + LEAVE_MS
        return now_ms >= max(quiet_ms, self._since_ms) + PATIENCE_MS

    # ------------------------------------------------------------------ what

    def _sound(self, line: CallerLine, now_ms: int) -> Sound:
        place = self.said
        if line.press is not None:
            self._keys = [(now_ms + number * KEY_MS, key) for number, key in enumerate(line.press)]
            return Sound(place, now_ms, now_ms + len(line.press) * KEY_MS, line.press)
        pcm = self._render(line) if self._render is not None else b""
        end_ms = now_ms + (len(pcm) * 1000 // (2 * RATE_HZ) if pcm else self._length_ms(line))
        if line.say is None:
            return Sound(place, now_ms, end_ms, voiced=line.noise_ms is not None, pcm=pcm)
        heard = (line.say if line.heard_as is None else line.heard_as).split()
        step = (end_ms - now_ms) / max(1, len(heard))
        words = tuple((int(now_ms + (number + 0.5) * step), word) for number, word in enumerate(heard))
        return Sound(place, now_ms, end_ms, line.say, voiced=True, words=words, pcm=pcm)

    def _length_ms(self, line: CallerLine) -> int:
        if line.say is None:
            return line.noise_ms or line.silence_ms or FRAME_MS
        if line.lasts_ms is not None:
            return line.lasts_ms
        # Even a "no" takes this long (the shortest voice of the sets has 160 ms).
        return max(240, len(line.say) * 1000 // self._timing.letters_per_s)
