"""The media engine: one thread that receives and sends the RTP of all calls on one 20 ms clock."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from offhook.errors import CapacityError, LineError
from offhook.lines.line import Frame
from offhook.lines.media.codec import FRAME_MS
from offhook.lines.media.leg import MediaLeg
from offhook.lines.media.ports import PortPool
from offhook.lines.media.route import Address

log = structlog.get_logger(__name__)

Batch = list[tuple[MediaLeg, Frame]]

SLOTS = 4  # phases of the 20 ms: a quarter of the calls each 5 ms, so that no packet waits for all the others
_SLOT_S = FRAME_MS / SLOTS / 1000
_MAX_ROUNDS = 16  # packets read from one socket in a slot (3200 a second): a flood must not stop the clock
_DATAGRAM_BYTES = 2048  # more than an Ethernet frame carries
_ANCILLARY_BYTES = 64  # room for one timestamp
_SO_TIMESTAMPNS = 35  # Linux: the kernel notes when each packet came, however late this thread reads it
_TIMESTAMP = struct.Struct("@ll")
_EXPEDITED = 0xB8  # DSCP EF, the class of voice (RFC 4594 §4.1)
_BIND_TRIES = 32  # ports of the range that other programs may hold before we give up
# Each packet sent or read lets go of the GIL, and to get it back from Python code that is busy takes one switch
# interval: fifty times in a slot of a hundred calls. Measured with the loop busy 30 ms in 200, spacing p99: 48 ms at
# Python's 5 ms, 41 at 0.5, 25 at 0.2, 22 at 0.1 (21 at 0.05). What it costs: two threads of pure Python that fight for
# the GIL all the time get a sixth less done; media's own CPU doesn't change.
_SWITCH_INTERVAL_S = 0.0001


class MediaEngine:
    """Media of all calls of a process.

    ``on_frames`` is called on ``loop`` with all frames of a slot at once; a slow loop gets them late, but all.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_frames: Callable[[Batch], None],
        host: str,
        port_min: int,
        port_max: int,
    ) -> None:
        self._loop, self._on_frames, self._bind_host = loop, on_frames, host
        self._ports = PortPool(port_min, port_max)
        self._thread: threading.Thread | None = None
        self._commands: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._former_interval_s = sys.getswitchinterval()
        self._epoll = select.epoll()
        self._slots: list[list[MediaLeg]] = [[] for _ in range(SLOTS)]
        self._readers: dict[int, tuple[socket.socket, MediaLeg, Callable[[bytes, Address, float], None]]] = {}
        self._legs: set[MediaLeg] = set()

    # ------------------------------------------------------------------ for the loop

    def start(self) -> None:
        """Start the thread; from here on Python switches threads more often in the whole process."""
        if self._thread is None:
            self._former_interval_s = sys.getswitchinterval()
            sys.setswitchinterval(min(_SWITCH_INTERVAL_S, self._former_interval_s))
            self._thread = threading.Thread(target=self._run, name="offhook-media", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread and close every leg; a second call does nothing."""
        if self._stopping:
            return
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            sys.setswitchinterval(self._former_interval_s)
        # Legs closed just before are still to say BYE.
        self._obey()
        for leg in self._legs:
            leg.shut()
        self._legs.clear()
        self._epoll.close()

    def open_leg(self, owner: object = None) -> MediaLeg:
        """A leg with a pair of ports of its own. Raises CapacityError when none is left."""
        if self._stopping:
            raise LineError("the media engine is closed")
        rtp, rtcp = self._bind()
        leg = MediaLeg(self, rtp, rtcp, owner)
        self._legs.add(leg)
        return leg

    def begin(self, leg: MediaLeg) -> None:
        """Let a leg's ticks begin (called by the leg)."""
        self._order(partial(self._add, leg))

    def end(self, leg: MediaLeg) -> None:
        """Take a leg out (called by the leg)."""
        if leg in self._legs:
            self._legs.discard(leg)
            self._order(partial(self._remove, leg))

    def say(self, event: partial[None]) -> None:
        """Run something on the loop (called by a leg on the media thread)."""
        # The loop may be closing: then nobody is left to be told.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(event)

    def _order(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        self._wake.set()

    def _bind(self) -> tuple[socket.socket, socket.socket]:
        for _ in range(_BIND_TRIES):
            port = self._ports.take(time.monotonic())
            try:
                return _bind_pair(self._bind_host, port)
            except OSError as error:
                log.debug("rtp_port_taken", port=port, error=str(error))
                self._ports.give_back(port, time.monotonic())
        raise CapacityError("other programs hold the RTP ports; choose another OFFHOOK_RTP_PORT_MIN and _MAX")

    # ------------------------------------------------------------------ the media thread

    def _run(self) -> None:
        due_s, slot = time.monotonic(), 0
        while not self._stopping:
            if self._idle():
                due_s = time.monotonic()
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            self._obey()
            self._tick(self._slots[slot], due_s)
            due_s += _SLOT_S
            slot = (slot + 1) % SLOTS

    def _obey(self) -> None:
        while self._commands:
            self._commands.popleft()()

    def _idle(self) -> bool:
        """Without calls the clock stands still until there is one again."""
        if self._readers or self._commands:
            return False
        self._wake.clear()
        if not self._commands and not self._stopping:
            self._wake.wait()
        return True

    def _receive(self) -> None:
        wall_ahead_ms = (time.time() - time.monotonic()) * 1000
        for _ in range(_MAX_ROUNDS):
            ready = self._epoll.poll(0)
            if not ready:
                return
            for descriptor, _events in ready:
                self._read(descriptor, wall_ahead_ms)

    def _read(self, descriptor: int, wall_ahead_ms: float) -> None:
        reader, leg, take = self._readers[descriptor]
        try:
            data, ancillary, _flags, source = reader.recvmsg(_DATAGRAM_BYTES, _ANCILLARY_BYTES)
        except OSError:
            # Readiness may be withdrawn (a bad checksum), or an ICMP error is reported here: nothing to read.
            return
        if ancillary:
            seconds, nanoseconds = _TIMESTAMP.unpack_from(ancillary[0][2])
            arrival_ms = seconds * 1000 + nanoseconds / 1e6 - wall_ahead_ms
        else:
            arrival_ms = time.monotonic() * 1000
        try:
            take(data, source[:2], arrival_ms)
        except Exception as error:  # noqa: BLE001 - see _expel
            self._expel(leg, error)

    def _tick(self, legs: list[MediaLeg], due_s: float) -> None:
        # Sending goes first: it is what the far end hears the clock by, while received packets carry their own time.
        due_ms, now_ms = due_s * 1000, time.monotonic() * 1000
        leg, batch = None, Batch()
        try:
            for leg in legs:
                leg.send(now_ms, now_ms - due_ms)
            leg = None
            self._receive()
            for leg in legs:
                batch.append((leg, leg.frame(due_ms)))
        except Exception as error:  # noqa: BLE001 - see _expel
            self._expel(leg, error)
        if not batch:
            return
        # The loop may be closing while calls still run: then nobody is left to take frames.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_frames, batch)

    def _expel(self, leg: MediaLeg | None, error: Exception) -> None:
        """A fault in one call's media ends that call's media: it must not silence the others."""
        self.say(partial(log.error, "media_fault", port=leg and leg.local_port, exc_info=error))
        if leg is not None:
            self.end(leg)

    def _add(self, leg: MediaLeg) -> None:
        for reader, take in ((leg.rtp, leg.receive), (leg.rtcp, leg.receive_control)):
            self._readers[reader.fileno()] = (reader, leg, take)
            self._epoll.register(reader.fileno(), select.EPOLLIN)
        min(self._slots, key=len).append(leg)

    def _remove(self, leg: MediaLeg) -> None:
        for reader in (leg.rtp, leg.rtcp):
            if self._readers.pop(reader.fileno(), None) is not None:
                self._epoll.unregister(reader.fileno())
        for legs in self._slots:
            if leg in legs:
                legs.remove(leg)
        leg.shut()
        self._ports.give_back(leg.local_port, time.monotonic())


def _bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    pair: list[socket.socket] = []
    try:
        for offset in (0, 1):
            one = socket.socket(family, socket.SOCK_DGRAM)
            pair.append(one)
            one.setblocking(False)
            one.bind((host, port + offset))
            _tune(one, family)
    except OSError:
        for one in pair:
            one.close()
        raise
    return pair[0], pair[1]


def _tune(one: socket.socket, family: int) -> None:
    # Both are improvements where the system has them, no conditions.
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    with contextlib.suppress(OSError):
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)
        else:
            one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
