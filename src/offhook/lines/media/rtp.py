"""RTP packets as values (RFC 3550 §5.1): bytes in, packet out; strict, without sockets."""

from __future__ import annotations

import struct
from typing import NamedTuple

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
HEADER_BYTES = 12
_PLAIN = 0x80  # version 2 without padding, extension and contributing sources: nearly every packet of a phone call


class RtpError(ValueError):
    """These bytes are not an RTP packet; the message says why."""


class RtpPacket(NamedTuple):
    """One packet. ``sequence`` counts modulo 2**16, ``timestamp`` (samples) and ``ssrc`` modulo 2**32."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse_rtp(data: bytes) -> RtpPacket:
    """Read one datagram. Raises RtpError for anything that RFC 3550 doesn't allow."""
    if len(data) < HEADER_BYTES:
        raise RtpError(f"{len(data)} bytes are less than an RTP header")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first == _PLAIN:
        return RtpPacket(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[HEADER_BYTES:])
    if first >> 6 != 2:
        raise RtpError(f"version {first >> 6} is not 2")
    start, end = _payload_span(first, data)
    return RtpPacket(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[start:end])


def _payload_span(first: int, data: bytes) -> tuple[int, int]:
    start, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if start > end:
        raise RtpError("the list of contributing sources is cut short")
    if first & 0x10:
        if start + 4 > end:
            raise RtpError("the header extension is cut short")
        start += 4 + 4 * _EXTENSION.unpack_from(data, start)[1]
        if start > end:
            raise RtpError("the header extension is cut short")
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or start + padding > end:
            raise RtpError(f"{padding} bytes of padding don't fit the packet")
        end -= padding
    return start, end


def serialize_rtp(packet: RtpPacket) -> bytes:
    """Write one datagram without padding, extension or contributing sources."""
    second = packet.payload_type | 0x80 if packet.marker else packet.payload_type
    return _FIXED.pack(_PLAIN, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload
