"""The transcript of a call: items in order of time, and the plain text of who said what."""

from __future__ import annotations

from bisect import insort
from typing import Any

from offhook.record.events import TranscriptAdded
from offhook.record.times import iso

_SPEAKERS = {"agent": "Agent", "user": "User"}


class Transcript:
    """Items by start time; one that comes again with its ``item_id`` takes the place of its earlier form."""

    def __init__(self) -> None:
        # Sorted by (start, order of first appearance): items of one instant keep the order in which they happened.
        self._order: list[tuple[float, int, int]] = []
        self._places: dict[int, tuple[float, int, int]] = {}
        self._items: dict[int, TranscriptAdded] = {}
        self._shown: dict[int, dict[str, Any]] = {}

    def add(self, item: TranscriptAdded) -> None:
        """Take a new item or a later form of one."""
        before = self._places.get(item.item_id)
        place = (item.at, before[1] if before else len(self._places), item.item_id)
        if place != before:
            if before is not None:
                self._order.remove(before)
            insort(self._order, place)
            self._places[item.item_id] = place
        self._items[item.item_id] = item
        # Made once here: a call's transcript is written many times as it grows.
        self._shown[item.item_id] = item_to_api(item)

    def copy(self) -> Transcript:
        """A copy that no longer changes with this one; the items themselves never change."""
        twin = Transcript()
        twin._order, twin._places = list(self._order), dict(self._places)
        twin._items, twin._shown = dict(self._items), dict(self._shown)
        return twin

    def items(self) -> list[TranscriptAdded]:
        """Everything said and done so far, ordered by start time."""
        return [self._items[item_id] for _, _, item_id in self._order]

    def to_api(self) -> list[dict[str, Any]]:
        """The items as the API shows them."""
        return [self._shown[item_id] for _, _, item_id in self._order]

    def text(self) -> str:
        """Lines ``Agent: …`` and ``User: …``; no tool lines, and no line for what was never heard."""
        return "\n".join(line for item in self.items() if (line := spoken_line(item)))


def spoken_line(item: TranscriptAdded) -> str | None:
    """The item's line of the transcript text; None for a tool's and for one without words."""
    speaker = _SPEAKERS.get(item.role)
    # A line break inside what was said would read as another speaker's line.
    words = " ".join(item.content.split("\n")).strip()
    if speaker is None or item.tool_calls or not words:
        return None
    return f"{speaker}: {words}"


def item_to_api(item: TranscriptAdded) -> dict[str, Any]:
    """One transcript item; optional parts stand only where they have something to tell."""
    shown: dict[str, Any] = {
        "role": item.role,
        "start_time": iso(item.at),
        "content": item.content,
        "end_time": None if item.end_at is None else iso(item.end_at),
        "interrupted": item.interrupted,
    }
    if item.tool_calls:
        shown["tool_calls"] = [_tool_call(call.tool_call_id, call.name, call.arguments) for call in item.tool_calls]
    if item.words:
        shown["words"] = [{"text": w.text, "start_ms": w.start_ms, "end_ms": w.end_ms} for w in item.words]
    optional = {
        "generated": item.generated,
        "state": item.state,
        "turn": item.turn,
        "turn_end_reason": item.turn_end_reason,
        "confidence": item.confidence,
    }
    shown.update({name: value for name, value in optional.items() if value is not None})
    return shown


def _tool_call(tool_call_id: str, name: str | None, arguments: str | None) -> dict[str, str]:
    if name is None:
        return {"tool_call_id": tool_call_id}
    return {"tool_call_id": tool_call_id, "name": name, "arguments": arguments or "{}"}
