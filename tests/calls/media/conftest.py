"""A real UDP peer and an engine on free loopback ports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from offhook.lines.line import Frame
from offhook.lines.media import Codec, MediaEngine, MediaLeg
from offhook.lines.media.rtcp import is_rtcp
from offhook.lines.media.rtp import RtpPacket, parse_rtp, serialize_rtp

HOST = "127.0.0.1"


class Peer:
    """A far end: an even port for RTP, the next for RTCP; it sends what it is told and keeps what comes."""

    def __init__(self) -> None:
        self.rtp, self.control = _pair()
        self.address: tuple[str, int] = self.rtp.getsockname()
        self.packets: list[RtpPacket] = []
        self.reports: list[bytes] = []
        self._number = 0

    def send(self, port: int, payload: bytes = b"\x90" * 160, kind: int = 0, ssrc: int = 7) -> None:
        number, self._number = self._number, self._number + 1
        packet = RtpPacket(kind, False, number & 0xFFFF, number * 160 & 0xFFFFFFFF, ssrc, payload)
        self.rtp.sendto(serialize_rtp(packet), (HOST, port))

    def collect(self) -> None:
        """Read all that has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.rtp.recv(2048)
                if is_rtcp(data):
                    self.reports.append(data)
                else:
                    self.packets.append(parse_rtp(data))
        with contextlib.suppress(BlockingIOError):
            while True:
                self.reports.append(self.control.recv(2048))

    async def talk(self, port: int, seconds: float, **packet: object) -> None:
        """Send a packet each 20 ms, and read."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for step in range(int(seconds * 50)):
            self.send(port, **packet)
            await asyncio.sleep(max(0.0, start + 0.02 * (step + 1) - loop.time()))
            self.collect()

    async def listen(self, until: Callable[[], bool], limit_s: float = 5.0) -> None:
        """Read until something is true."""
        async with asyncio.timeout(limit_s):
            while not until():
                await asyncio.sleep(0.005)
                self.collect()

    def close(self) -> None:
        self.rtp.close()
        self.control.close()


def _pair() -> tuple[socket.socket, socket.socket]:
    while True:
        rtp, control = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
        rtp.bind((HOST, 0))
        try:
            control.bind((HOST, rtp.getsockname()[1] + 1))
        except (OSError, OverflowError):
            rtp.close()
            control.close()
            continue
        rtp.setblocking(False)
        control.setblocking(False)
        return rtp, control


class Studio:
    """An engine and the frames it gave, by leg."""

    def __init__(self) -> None:
        self.frames: dict[MediaLeg, list[Frame]] = {}
        self.batches: list[int] = []
        # Other test processes take ports from the same wide range: those that are held are passed over.
        self.engine = MediaEngine(asyncio.get_running_loop(), self._take, HOST, 20000, 29999)
        self.engine.start()

    def _take(self, batch: list[tuple[MediaLeg, Frame]]) -> None:
        self.batches.append(len(batch))
        for leg, frame in batch:
            self.frames.setdefault(leg, []).append(frame)

    def call(self, peer: Peer, codec: Codec = Codec.PCMU, event: int | None = 101) -> MediaLeg:
        """A leg connected to a peer."""
        leg = self.engine.open_leg()
        leg.connect(peer.address, codec, event)
        return leg


@pytest_asyncio.fixture
async def studio() -> AsyncIterator[Studio]:
    one = Studio()
    yield one
    one.engine.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    one = Peer()
    yield one
    one.close()


@pytest.fixture
def other_peer() -> Iterator[Peer]:
    one = Peer()
    yield one
    one.close()
