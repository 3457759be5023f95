"""RTCP (RFC 3550 §6): sender and receiver reports with CNAME, BYE; what a peer's reports say about us."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

INTERVAL_S = 5.0  # RFC 3550 §6.2: the least interval
_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IIIIII")
_CNAME = 1
_NTP_EPOCH_S = 2_208_988_800  # seconds from 1900 to 1970
_LOST_MASK = 0xFFFFFF


class RtcpError(ValueError):
    """These bytes are not an RTCP packet; the message says why."""


@dataclass(frozen=True, slots=True)
class Block:
    """One report about a source. ``fraction_lost`` in 256ths, ``jitter`` in samples, the last two in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender says of itself: wall clock (s since 1970), its RTP timestamp then, packets and bytes so far."""

    wall_s: float
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """A sender's (``sender`` given) or receiver's report."""

    ssrc: int
    sender: SenderInfo | None
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """A source says that it leaves."""

    ssrc: int


def ntp_middle(wall_s: float) -> int:
    """The middle 32 bits of an NTP time stamp: 1/65536 s, what LSR and DLSR count in."""
    return int((wall_s + _NTP_EPOCH_S) * 65536) & 0xFFFFFFFF


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on one port (RFC 5761 §4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def parse_rtcp(data: bytes) -> list[Report | Bye]:
    """Read a compound packet; kinds that we don't use are passed over. Raises RtcpError."""
    found: list[Report | Bye] = []
    for count, kind, body in _packets(data):
        if kind in (_SR, _RR):
            found.append(_report(kind, count, body))
        elif kind == _BYE and count:
            if len(body) < 4:
                raise RtcpError("a BYE without its source")
            found.append(Bye(int.from_bytes(body[:4])))
    return found


def _packets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise RtcpError("the header is cut short")
        first, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2:
            raise RtcpError(f"version {first >> 6} is not 2")
        if end > len(data):
            raise RtcpError("the packet is cut short")
        yield first & 0x1F, kind, data[at + 4 : end]
        at = end


def _report(kind: int, count: int, body: bytes) -> Report:
    start = 24 if kind == _SR else 4
    if len(body) < start + count * _BLOCK.size:
        raise RtcpError("a report is cut short")
    sender = None
    if kind == _SR:
        _, seconds, fraction, timestamp, packets, octets = _SENDER.unpack_from(body)
        sender = SenderInfo(seconds - _NTP_EPOCH_S + fraction / 2**32, timestamp, packets, octets)
    blocks = tuple(_block(body, start + index * _BLOCK.size) for index in range(count))
    return Report(int.from_bytes(body[:4]), sender, blocks)


def _block(body: bytes, at: int) -> Block:
    ssrc, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, at)
    lost = loss & _LOST_MASK
    return Block(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, last_report, delay)


def serialize_report(report: Report, cname: str) -> bytes:
    """A report and the source's name, as one compound packet."""
    body = report.ssrc.to_bytes(4)
    if report.sender is not None:
        info = report.sender
        seconds, fraction = divmod(info.wall_s + _NTP_EPOCH_S, 1)
        body = _SENDER.pack(
            report.ssrc,
            int(seconds) & 0xFFFFFFFF,
            int(fraction * 2**32),
            info.timestamp,
            info.packets & 0xFFFFFFFF,
            info.octets & 0xFFFFFFFF,
        )
    for block in report.blocks:
        lost = max(-0x800000, min(0x7FFFFF, block.lost)) & _LOST_MASK
        body += _BLOCK.pack(
            block.ssrc, block.fraction_lost << 24 | lost, block.highest, block.jitter, block.last_report, block.delay
        )
    kind = _RR if report.sender is None else _SR
    return _packet(len(report.blocks), kind, body) + _description(report.ssrc, cname)


def serialize_bye(ssrc: int, cname: str) -> bytes:
    """An empty receiver report, the name, and BYE: a compound packet begins with a report (§6.1)."""
    return serialize_report(Report(ssrc, None, ()), cname) + _packet(1, _BYE, ssrc.to_bytes(4))


def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    body = ssrc.to_bytes(4) + bytes((_CNAME, len(name))) + name
    # The list of items ends with at least one zero byte, on a word boundary.
    return _packet(1, _SDES, body + b"\0" * (4 - len(body) % 4))


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body
