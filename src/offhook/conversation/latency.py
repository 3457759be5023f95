"""Anchors of a turn on the audio clock, and the stages that follow from them.

Zero is the caller's last voiced sample; an anchor that did not happen, or out of order, is None and never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class TurnClock:
    """Audio times of one turn's steps, in the order in which they happen (turn decision and transcript may swap)."""

    zero_ms: int
    vad_end: int | None = None
    final_transcript: int | None = None
    turn_decision: int | None = None
    model_request: int | None = None
    first_token: int | None = None
    first_clause: int | None = None
    tts_request: int | None = None
    first_byte: int | None = None
    first_packet: int | None = None

    def mark(self, anchor: str, at_ms: int) -> None:
        """Set an anchor unless it is set."""
        if getattr(self, anchor) is None:
            setattr(self, anchor, at_ms)

    def stages(self) -> dict[str, float | None]:
        """Each anchor in ms after zero, ``response``, and ``engine``: our own share, see ``_engine``."""
        anchors: dict[str, float | None] = {}
        latest_ms = self.zero_ms
        for entry in fields(self)[1:]:
            value = getattr(self, entry.name)
            trusted = value is not None and value >= latest_ms
            anchors[entry.name] = float(value - self.zero_ms) if trusted else None
            # The decision may come before the transcript's event is handled, so the transcript bounds nothing.
            if trusted and entry.name != "final_transcript":
                latest_ms = value
        return {**anchors, "response": anchors["first_packet"], "engine": self._engine()}

    def _engine(self) -> float | None:
        """Time between one provider's or detector's answer and our next step, summed.

        Decision → model request, first token → voice request (less the wait for a whole clause), first byte → packet.
        """
        steps = (
            (self.turn_decision, self.model_request),
            (self.first_clause, self.tts_request),
            (self.first_byte, self.first_packet),
        )
        total = 0
        for before, after in steps:
            if before is None or after is None:
                return None
            total += max(0, after - before)
        return float(total)
