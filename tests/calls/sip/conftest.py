"""Our side of real calls: an endpoint with its media, answering and dialling as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest_asyncio
import uvloop

from offhook.lines.line import Answered, Ended, Frame, LineEvent, Ringing
from offhook.lines.media.engine import MediaEngine
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.endpoint import SipEndpoint
from offhook.lines.sip.line import SipLine

HOST = "127.0.0.1"
# Below the ports that the system gives to the programs we call.
RTP_PORTS = (20000, 29998)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the server runs on: its handles and transports aren't asyncio's."""
    return {"uvloop": uvloop.new_event_loop}


async def poll(condition: Callable[[], object], limit_s: float) -> None:
    """Wait until something that nobody announces is so. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)


@dataclass
class Talk:
    """One of our calls: plays a tone once answered, keeps what it hears and what it is told."""

    line: SipLine
    hz: float
    heard: bytearray = field(default_factory=bytearray)
    events: list[LineEvent] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.line.on_event, self.line.on_frame = self._event, self._frame

    def _event(self, event: LineEvent) -> None:
        self.events.append(event)
        self.changed.set()
        if isinstance(event, Answered):
            times = np.arange(20 * 8000) / 8000
            self.line.play(1, (np.sin(2 * np.pi * self.hz * times) * 8000).astype("<i2").tobytes())

    def _frame(self, frame: Frame) -> None:
        self.indexes.append(frame.index)
        self.heard += frame.heard or bytes(320)

    async def until(self, kind: type[LineEvent], limit_s: float = 15.0) -> LineEvent:
        """Wait until an event of this kind was told."""
        async with asyncio.timeout(limit_s):
            while not any(isinstance(event, kind) for event in self.events):
                self.changed.clear()
                await self.changed.wait()
        return next(event for event in self.events if isinstance(event, kind))

    async def listen(self, seconds: float, limit_s: float = 15.0) -> bytes:
        """Wait until so much more was heard, and return it."""
        start = len(self.heard)
        await poll(lambda: len(self.heard) >= start + int(seconds * 16000), limit_s)
        return bytes(self.heard[start:])

    @property
    def ends(self) -> list[Ended]:
        return [event for event in self.events if isinstance(event, Ended)]

    @property
    def rang(self) -> list[Ringing]:
        return [event for event in self.events if isinstance(event, Ringing)]


@dataclass
class Office:
    """Our endpoint; ``take`` decides what happens to a call that comes in."""

    endpoint: SipEndpoint
    talks: list[Talk]
    hz: float = 1100.0

    @property
    def address(self) -> tuple[str, int]:
        return self.endpoint.address

    @property
    def uri(self) -> str:
        return f"sip:100@{HOST}:{self.endpoint.address[1]}"

    def dial(self, to: str, **options) -> Talk:
        self.talks.append(Talk(self.endpoint.dial(Dial(to=to, from_="+33100000000", **options)), self.hz))
        return self.talks[-1]

    async def talk(self, limit_s: float = 15.0) -> Talk:
        """The first call, once it is there."""
        await poll(lambda: self.talks, limit_s)
        return self.talks[0]


def hand_out(batch: list) -> None:
    """Give each frame to its call, as the house does."""
    for leg, frame in batch:
        leg.owner.on_frame(frame)


def answer(line: SipLine) -> None:
    line.ring()
    line.answer()


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Callable]:
    """``await office(take=...)`` starts an endpoint; by default it rings and answers."""
    opened = []

    async def start(take: Callable[[SipLine], None] = answer, **options) -> Office:
        talks: list[Talk] = []
        media = MediaEngine(asyncio.get_running_loop(), hand_out, HOST, *RTP_PORTS)
        media.start()

        def on_call(line: SipLine) -> None:
            talks.append(Talk(line, 1100.0))
            take(line)

        endpoint = SipEndpoint(
            host=HOST, public_host=None, media=media, on_call=on_call,
            **{"port": 0, "allow": ["127.0.0.0/8"], **options},
        )  # fmt: skip
        opened.append((endpoint, media))
        await endpoint.start()
        return Office(endpoint, talks)

    yield start
    for endpoint, media in opened:
        await endpoint.close()
        media.close()
