"""A leg's RTCP: our reports every five seconds, what the far end's say, BYE at the end."""

from __future__ import annotations

import random
import time

from offhook.lines.media.codec import RATE_HZ
from offhook.lines.media.inbound import Inbound
from offhook.lines.media.outbound import Outbound
from offhook.lines.media.rtcp import (
    INTERVAL_S,
    Block,
    Report,
    RtcpError,
    SenderInfo,
    ntp_middle,
    parse_rtcp,
    serialize_bye,
    serialize_report,
)


class Control:
    """Reports about one leg. Times are monotonic milliseconds, except the wall clock that goes into reports."""

    def __init__(self, inbound: Inbound, outbound: Outbound, cname: str) -> None:
        self.remote_lost: int | None = None
        self.remote_jitter_ms: float | None = None
        self.round_trip_ms: float | None = None
        self.malformed = 0
        self._inbound, self._outbound, self._cname = inbound, outbound, cname
        self._due_ms: float | None = None
        self._reported_packets = 0
        self._last_report: tuple[int, float] | None = None

    def due(self, now_ms: float) -> bool:
        """Whether a report is to be sent now; half to one and a half intervals apart, so that calls spread (§6.2)."""
        if self._due_ms is None:
            self._due_ms = now_ms + random.uniform(0.5, 1.5) * INTERVAL_S * 1000
        if now_ms < self._due_ms:
            return False
        self._due_ms = now_ms + random.uniform(0.5, 1.5) * INTERVAL_S * 1000
        return True

    def report(self, now_ms: float) -> bytes:
        """A sender's report if we sent since the last one, else a receiver's."""
        outbound = self._outbound
        sender = None
        if outbound.packets > self._reported_packets:
            self._reported_packets = outbound.packets
            sender = SenderInfo(time.time(), outbound.timestamp, outbound.packets, outbound.octets)
        return serialize_report(Report(outbound.ssrc, sender, self._blocks(now_ms)), self._cname)

    def bye(self) -> bytes:
        """Say that we leave."""
        return serialize_bye(self._outbound.ssrc, self._cname)

    def datagram(self, data: bytes, now_ms: float) -> None:
        """Take what the far end's RTCP says."""
        try:
            packets = parse_rtcp(data)
        except RtcpError:
            self.malformed += 1
            return
        for packet in packets:
            if isinstance(packet, Report):
                self._take(packet, now_ms)

    def _take(self, report: Report, now_ms: float) -> None:
        if report.sender is not None:
            self._last_report = (ntp_middle(report.sender.wall_s), now_ms)
        for block in report.blocks:
            if block.ssrc != self._outbound.ssrc:
                continue
            self.remote_lost = block.lost
            self.remote_jitter_ms = block.jitter * 1000 / RATE_HZ
            if block.last_report:
                elapsed = (ntp_middle(time.time()) - block.last_report - block.delay) & 0xFFFFFFFF
                # A peer with a broken clock gives a negative time: half the range is what a wrapped one looks like.
                if elapsed < 1 << 31:
                    self.round_trip_ms = elapsed * 1000 / 65536

    def _blocks(self, now_ms: float) -> tuple[Block, ...]:
        reception = self._inbound.reception
        if reception is None:
            return ()
        last_report, at_ms = self._last_report or (0, now_ms)
        return (
            Block(
                reception.ssrc,
                reception.fraction_lost(),
                reception.expected - reception.received,
                reception.highest & 0xFFFFFFFF,
                int(reception.jitter_samples),
                last_report,
                # A report may have come in after the moment this tick was due, so the difference may be below zero.
                max(0, int((now_ms - at_ms) * 65.536)) if self._last_report else 0,
            ),
        )
