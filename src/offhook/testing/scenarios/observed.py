"""What happened in a call, on its audio time: seen by the caller while it lasts, and judged when it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.record.events import CallCreated, CallEvent, StatusChanged, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL

FRAME_MS = 20


@dataclass(slots=True)
class Stretch:
    """A stretch of sound, in ms from the call's first sample."""

    start_ms: int
    end_ms: int


@dataclass(slots=True)
class Sound:
    """Something the caller did. ``line`` is its place in the scenario; ``words`` have the time of their middle.

    ``voiced``: a voice detector takes it for a voice.
    """

    line: int
    start_ms: int
    end_ms: int
    text: str = ""
    voiced: bool = False
    words: tuple[tuple[int, str], ...] = ()
    pcm: bytes = b""


@dataclass(slots=True)
class Item:
    """An utterance of the agent as the transcript has it so far; ``changed_ms`` is when that was last told."""

    content: str
    final: bool
    interrupted: bool
    start_ms: int
    changed_ms: int


@dataclass(slots=True)
class Observed:
    """Filled while the call goes on. ``now_ms`` gives its audio time, ``wall_ms`` that of a Unix time."""

    now_ms: Callable[[], int]
    wall_ms: Callable[[float], int]
    sounds: list[Sound] = field(default_factory=list)
    voice: list[Stretch] = field(default_factory=list)
    items: dict[int, Item] = field(default_factory=dict)
    events: list[tuple[int, CallEvent]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    record: CallRecord | None = None
    over: bool = False
    hung_up_ms: int | None = None

    def event(self, _: str, event: CallEvent) -> None:
        """The journal's watcher."""
        now_ms = self.now_ms()
        self.events.append((now_ms, event))
        if isinstance(event, CallCreated):
            self.record = CallRecord.create(event)
            return
        if self.record is not None:
            self.record.apply(event)
        if isinstance(event, TranscriptAdded) and event.role == "agent" and event.content:
            start_ms = self.wall_ms(event.at)
            self.items[event.item_id] = Item(event.content, event.final, event.interrupted, start_ms, now_ms)
        elif isinstance(event, StatusChanged) and event.status in FINAL:
            self.over = True

    def agent_sounds(self, at_ms: int) -> None:
        """The agent was audible in the frame that begins at ``at_ms``."""
        if self.voice and at_ms <= self.voice[-1].end_ms + FRAME_MS:
            self.voice[-1].end_ms = at_ms + FRAME_MS
        else:
            self.voice.append(Stretch(at_ms, at_ms + FRAME_MS))

    @property
    def quiet_since_ms(self) -> int:
        """When the agent was last audible; 0 when it never was."""
        return self.voice[-1].end_ms if self.voice else 0

    def first_voice_after(self, at_ms: int) -> int | None:
        """When the agent is first audible at or after a time."""
        for stretch in self.voice:
            if stretch.end_ms > at_ms:
                return max(at_ms, stretch.start_ms)
        return None
