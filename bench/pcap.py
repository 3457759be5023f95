"""RTP packet spacing and loss from a loopback capture (tcpdump -w), stream by stream."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LINK_HEADER_BYTES = {1: 14, 113: 16, 276: 20}


@dataclass(frozen=True, slots=True)
class Spacing:
    """Of all streams that left the ports asked for."""

    streams: int
    packets: int
    lost: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def spacing(capture: Path, from_ports: range, settle_s: float = 1.0) -> Spacing:
    """Gaps between packets of each stream sent from ``from_ports``, after ``settle_s`` of it."""
    streams: dict[tuple[int, int, int], list[tuple[float, int]]] = defaultdict(list)
    for at_s, source, target, packet in _udp(capture):
        if source in from_ports and source % 2 == 0 and len(packet) >= 12 and packet[0] >> 6 == 2:
            sequence, _, ssrc = struct.unpack_from(">HII", packet, 2)
            streams[source, target, ssrc].append((at_s, sequence))
    gaps, packets, lost = [], 0, 0
    for stream in streams.values():
        kept = [entry for entry in stream if entry[0] >= stream[0][0] + settle_s]
        if len(kept) < 50:
            continue
        packets += len(kept)
        gaps.append(np.diff([at_s for at_s, _ in kept]) * 1000)
        numbers = np.unwrap(np.array([number for _, number in kept], dtype=np.int64), period=65536)
        lost += int(numbers.max() - numbers.min() + 1) - len(set(numbers.tolist()))
    every = np.concatenate(gaps) if gaps else np.array([float("nan")])
    p50, p99, top = (float(value) for value in np.percentile(every, [50, 99, 100]))
    return Spacing(len(gaps), packets, lost, p50, p99, top)


def _udp(capture: Path) -> Iterator[tuple[float, int, int, bytes]]:
    data = capture.read_bytes()
    nanoseconds = struct.unpack_from("<I", data)[0] == 0xA1B23C4D
    header = LINK_HEADER_BYTES[struct.unpack_from("<I", data, 20)[0]]
    offset = 24
    while offset + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from("<IIII", data, offset)
        frame = data[offset + 16 + header : offset + 16 + length]
        offset += 16 + length
        if len(frame) < 28 or frame[0] >> 4 != 4 or frame[9] != 17:
            continue
        ip_bytes = (frame[0] & 15) * 4
        source, target = struct.unpack_from(">HH", frame, ip_bytes)
        yield seconds + fraction / (1e9 if nanoseconds else 1e6), source, target, frame[ip_bytes + 8 :]
