"""What RTP media costs: N calls of G.711 both ways against a peer in a process of its own.

    python bench/media.py            the full run, a JSON line a figure
    python bench/media.py --quick    a smoke run of a few seconds

CPU is user+sys of this process: the engine's thread, the event loop that gets its frames, and one ``play`` a second a
call. Packet spacing is from the kernel's receive time stamps at the peer. ``*_floor``: the same packets, only read and
sent, by a bare loop. ``*_blocked``: the event loop is held by Python code for 30 ms, five times a second, as a careless
callback would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import uvloop

from figures import Figure, show
from offhook.lines.line import Frame
from offhook.lines.media import Codec, MediaEngine, MediaLeg
from offhook.lines.media.rtcp import is_rtcp

HOST = "127.0.0.1"
SO_TIMESTAMPNS = 35
HEADER = struct.Struct("!BBHII")
STAMP = struct.Struct("@ll")
PHASES = 20  # the peer spreads its calls over the packet time, as unrelated callers would
WARM_UP_S = 1.5
SPACING_TARGET_MS = 25.0
CPU_TARGET_PCT = 0.15
BLOCK_S, BLOCK_EVERY_S = 0.030, 0.200


@dataclass(slots=True)
class Stream:
    """One call at the peer."""

    sock: socket.socket
    target: tuple[str, int]
    arrivals_s: list[float] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)

    def lost(self) -> int:
        numbers = np.unwrap(np.array(self.sequences), period=65536)
        return int(numbers.max() - numbers.min() + 1 - len(set(numbers.tolist()))) if len(numbers) else 0


# ---------------------------------------------------------------------- the peer's process


def peer(calls: int, seconds: float) -> None:
    """Send and receive for all calls; ports go out and come in by the standard streams, then the result."""
    socks = []
    for _ in range(calls):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((HOST, 0))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        socks.append(sock)
    print(json.dumps([sock.getsockname()[1] for sock in socks]), flush=True)
    ports = json.loads(sys.stdin.readline())
    streams = [Stream(sock, (HOST, port)) for sock, port in zip(socks, ports, strict=True)]
    sent = _exchange(streams, seconds)
    spacing = np.concatenate([np.diff(stream.arrivals_s) for stream in streams]) * 1000
    result = {
        "sent": sent,
        "received": sum(len(stream.sequences) for stream in streams),
        "lost": sum(stream.lost() for stream in streams),
        "p50": float(np.percentile(spacing, 50)),
        "p99": float(np.percentile(spacing, 99)),
        "max": float(spacing.max()),
    }
    print(json.dumps(result), flush=True)


def _exchange(streams: list[Stream], seconds: float) -> int:
    epoll = select.epoll()
    by_descriptor = {stream.sock.fileno(): stream for stream in streams}
    for descriptor in by_descriptor:
        epoll.register(descriptor, select.EPOLLIN)
    payload = np.random.default_rng(1).integers(0, 256, 160, dtype=np.uint8).tobytes()
    groups = [streams[phase::PHASES] for phase in range(PHASES)]
    start = due = time.monotonic()
    rounds = int(seconds / 0.020) * PHASES
    for step in range(rounds):
        due = start + step * 0.020 / PHASES
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        tick = step // PHASES
        for stream in groups[step % PHASES]:
            stream.sock.sendto(HEADER.pack(0x80, 0, tick & 0xFFFF, tick * 160, 7) + payload, stream.target)
        _collect(epoll, by_descriptor, start)
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        _collect(epoll, by_descriptor, start)
        time.sleep(0.001)
    return rounds // PHASES * len(streams)


def _collect(epoll: select.epoll, streams: dict[int, Stream], start: float) -> None:
    warm = time.monotonic() > start + WARM_UP_S
    for descriptor, _ in epoll.poll(0):
        stream = streams[descriptor]
        data, ancillary, _flags, _source = stream.sock.recvmsg(2048, 64)
        if warm and not is_rtcp(data):
            seconds, nanoseconds = STAMP.unpack(ancillary[0][2])
            stream.arrivals_s.append(seconds % 100_000 + nanoseconds / 1e9)
            stream.sequences.append(HEADER.unpack_from(data)[2])


# ---------------------------------------------------------------------- the engine's process


class FarEnd:
    """The peer's process."""

    def __init__(self, process: asyncio.subprocess.Process, seconds: float, ports: list[int]) -> None:
        self._process, self._seconds, self.ports = process, seconds, ports

    async def measure(self, ports: list[int]) -> dict[str, float]:
        """Exchange media with these ports; the peer's result, and our CPU in per cent of a core a call."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(ports).encode() + b"\n")
        await asyncio.sleep(WARM_UP_S)
        cpu_s, start_s = _cpu_s(), time.monotonic()
        await asyncio.sleep(self._seconds - WARM_UP_S - 0.2)
        cpu_s, elapsed_s = _cpu_s() - cpu_s, time.monotonic() - start_s
        assert self._process.stdout is not None
        result = json.loads(await self._process.stdout.readline())
        await self._process.wait()
        await asyncio.sleep(0.1)  # the last packets are still with the system
        return {**result, "cpu_pct": 100 * cpu_s / elapsed_s / len(self.ports)}


async def far_end(calls: int, seconds: float) -> FarEnd:
    command = [sys.executable, __file__, "--peer", str(calls), str(seconds)]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return FarEnd(process, seconds, json.loads(await process.stdout.readline()))


async def run(calls: int, seconds: float, *, blocked: bool) -> dict[str, float]:
    """One measurement of the engine."""
    far = await far_end(calls, seconds)
    heard = 0

    def on_frames(batch: list[tuple[MediaLeg, Frame]]) -> None:
        nonlocal heard
        heard += sum(frame.heard is not None for _, frame in batch)

    engine = MediaEngine(asyncio.get_running_loop(), on_frames, HOST, 10000, 10000 + 4 * calls + 100)
    engine.start()
    legs = [engine.open_leg() for _ in far.ports]
    for leg, port in zip(legs, far.ports, strict=True):
        leg.connect((HOST, port), Codec.PCMU, 101)
    tasks = [asyncio.create_task(_speak(legs))]
    if blocked:
        tasks.append(asyncio.create_task(_block()))
    result = await far.measure([leg.local_port for leg in legs])
    stats = [leg.stats for leg in legs]
    for task in tasks:
        task.cancel()
    engine.close()
    result["lost"] += result["sent"] - sum(one.received for one in stats) + sum(one.unsent for one in stats)
    result["concealed"] = sum(one.concealed for one in stats)
    result["heard"] = heard
    return result


async def floor(calls: int, seconds: float) -> dict[str, float]:
    """The same packets with nothing done to them: a thread that reads what came and sends a constant, each 20 ms."""
    far = await far_end(calls, seconds)
    socks = []
    for _ in far.ports:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((HOST, 0))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        socks.append(sock)
    stop = threading.Event()
    thread = threading.Thread(target=_bare, args=(socks, far.ports, stop))
    thread.start()
    result = await far.measure([sock.getsockname()[1] for sock in socks])
    stop.set()
    thread.join()
    return result


def _bare(socks: list[socket.socket], ports: list[int], stop: threading.Event) -> None:
    epoll = select.epoll()
    by_descriptor = {sock.fileno(): sock for sock in socks}
    for descriptor in by_descriptor:
        epoll.register(descriptor, select.EPOLLIN)
    pairs = [(sock, (HOST, port)) for sock, port in zip(socks, ports, strict=True)]
    due, step = time.monotonic(), 0
    while not stop.is_set():
        due, step = due + 0.005, step + 1
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        for sock, address in pairs[step % 4 :: 4]:
            sock.sendto(HEADER.pack(0x80, 0, step // 4 & 0xFFFF, step // 4 * 160, 7) + bytes(160), address)
        for descriptor, _ in epoll.poll(0):
            by_descriptor[descriptor].recvmsg(2048, 64)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _speak(legs: list[MediaLeg]) -> None:
    second = np.random.default_rng(2).integers(-8000, 8000, 8000).astype("<i2").tobytes()
    while True:
        for leg in legs:
            leg.play(1, second)
        await asyncio.sleep(1.0)


async def _block() -> None:
    while True:
        await asyncio.sleep(BLOCK_EVERY_S - BLOCK_S)
        until = time.monotonic() + BLOCK_S
        while time.monotonic() < until:
            pass


def figures_of(calls: int, result: dict[str, float], *, blocked: bool, headline: bool) -> list[Figure]:
    """The figures of one measurement; those at 100 calls have the plain names."""

    def figure(name: str, value: float, unit: str, target: float | None, note: str) -> Figure:
        return Figure(name + suffix, round(value, 3), unit, target, target is None or value <= target, calls, note)

    suffix = ("_blocked" if blocked else "") + ("" if headline else f"_at_{calls}")
    spacing_target = SPACING_TARGET_MS if calls <= 100 and not blocked else None
    spacing = f"p50 {result['p50']:.2f}, max {result['max']:.1f} ms"
    heard = f"{result['concealed']} frames concealed"
    found = [figure("media.spacing_p99_ms", result["p99"], "ms", spacing_target, spacing)]
    if not blocked:
        cpu_target = CPU_TARGET_PCT if calls == 100 else None
        found.append(figure("media.cpu_pct_per_call", result["cpu_pct"], "%", cpu_target, heard))
    found.append(figure("media.lost_packets", result["lost"], "", 0, f"of {result['received']} each way"))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description="Media cost, packet spacing and loss.")
    options.add_argument("--quick", action="store_true", help="a smoke run: 20 calls, 4 s")
    options.add_argument("--peer", nargs=2, metavar=("CALLS", "SECONDS"), help=argparse.SUPPRESS)
    options.add_argument("--calls", type=int, nargs="*", default=[50, 100, 300])
    options.add_argument("--seconds", type=float, default=20.0)
    chosen = options.parse_args()
    if chosen.peer:
        peer(int(chosen.peer[0]), float(chosen.peer[1]))
        return
    counts, seconds = ([20], 4.0) if chosen.quick else (chosen.calls, chosen.seconds)
    headline = 100 if 100 in counts else counts[0]
    for calls in counts:
        result = uvloop.run(run(calls, seconds, blocked=False))
        show(figures_of(calls, result, blocked=False, headline=calls == headline))
        if calls == headline:
            bare = uvloop.run(floor(calls, seconds))
            note = f"the packets alone: {bare['cpu_pct']:.3f} % of a core a call"
            ratio = Figure(
                "media.cpu_ratio_floor", round(result["cpu_pct"] / bare["cpu_pct"], 2), "x", None, True, calls, note
            )
            show([ratio])
    result = uvloop.run(run(headline, seconds, blocked=True))
    show(figures_of(headline, result, blocked=True, headline=True))


if __name__ == "__main__":
    main()
