"""What the SIP core answers to bytes and time with; the shell carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.lines.sip.actions import CallEvent
from offhook.lines.sip.address import Hop
from offhook.lines.sip.call import Call
from offhook.lines.sip.uas import InboundCall


@dataclass(frozen=True, slots=True)
class Wire:
    """Send these bytes there."""

    data: bytes
    hop: Hop


@dataclass(frozen=True, slots=True)
class Arrived:
    """An INVITE came that may be answered: its SDP was checked and 100 is on its way."""

    call: InboundCall


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened to a call."""

    call: Call
    event: CallEvent


@dataclass(frozen=True, slots=True)
class Dropped:
    """What came was no SIP, or fitted nothing, and gets no answer."""

    source: Hop
    reason: str


Effect = Wire | Arrived | Happened | Dropped
