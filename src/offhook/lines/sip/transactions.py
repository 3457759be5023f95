"""SIP transactions as four tables (RFC 3261 §17, with the Accepted states of RFC 6026).

A transaction takes messages, timers and the clock, and answers with values: what to send, what to deliver to the
call above, and why it failed. It neither sleeps nor sends. A timer that fires where the table has no row is stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from offhook.lines.sip.message import Headers, Message, Request, Response

# RFC 3261 §17.1.1.1 and table 4.
T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
PATIENCE_S = 64 * T1_S


class State(Enum):
    """States of the four machines."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Event(Enum):
    """What a transaction can be told, its timers included (named as in RFC 3261 table 4 and RFC 6026)."""

    START = auto()
    REQUEST = auto()
    ACK = auto()
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    UNREACHABLE = auto()
    A = auto()
    B = auto()
    D = auto()
    E = auto()
    F = auto()
    G = auto()
    H = auto()
    I = auto()  # noqa: E741 - the RFC's name
    J = auto()
    K = auto()
    L = auto()
    M = auto()


class Do(Enum):
    """What a row of a table does."""

    SEND = auto()
    RESEND = auto()
    ACKNOWLEDGE = auto()
    DELIVER = auto()
    TIME_OUT = auto()
    GIVE_UP = auto()


@dataclass(frozen=True, slots=True)
class Send:
    """Put this message on the wire."""

    message: Message


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand this message to the call."""

    message: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """The transaction failed: nobody answered (``unreachable`` False), or the transport said that nobody can."""

    unreachable: bool


Output = Send | Deliver | Failed
Row = tuple[State, tuple[Do | Event, ...]]
Table = Mapping[tuple[State, Event], Row]

# Retransmission timers don't run on reliable transports; waiting times for stray retransmissions are zero there.
_RETRANSMIT = {Event.A, Event.E, Event.G}
_CAPPED = {Event.E, Event.G}
_ABSORB_S = {Event.D: 32.0, Event.I: T4_S, Event.J: PATIENCE_S, Event.K: T4_S}
_WAIT_S = {Event.B: PATIENCE_S, Event.F: PATIENCE_S, Event.H: PATIENCE_S, Event.L: PATIENCE_S, Event.M: PATIENCE_S}


class Transaction:
    """One transaction; ``deadline`` is when ``tick`` wants to be called, None when nothing is awaited."""

    table: ClassVar[Table]
    first: ClassVar[State]

    def __init__(self, request: Request, *, reliable: bool) -> None:
        self.request = request
        self.state = self.first
        self._reliable = reliable
        self._timers: dict[Event, float] = {}
        self._interval_s = T1_S
        self._last: Message | None = None
        self._ack: Request | None = None

    @property
    def deadline(self) -> float | None:
        """Earliest moment at which a timer fires."""
        return min(self._timers.values(), default=None)

    @property
    def over(self) -> bool:
        """Whether it can be forgotten."""
        return self.state is State.TERMINATED

    def tick(self, now: float) -> list[Output]:
        """Fire the timers that are due."""
        outputs: list[Output] = []
        for timer in [timer for timer, at in self._timers.items() if at <= now]:
            self._timers.pop(timer, None)
            outputs += self._fire(timer, now, None)
        return outputs

    def unreachable(self, now: float) -> list[Output]:
        """The transport could not deliver what was sent."""
        return self._fire(Event.UNREACHABLE, now, None)

    def abandon(self) -> None:
        """Forget it: whoever waited doesn't any more."""
        self.state = State.TERMINATED
        self._timers.clear()

    def _fire(self, event: Event, now: float, message: Message | None) -> list[Output]:
        row = self.table.get((self.state, event))
        if row is None:
            return []
        self.state, steps = row
        outputs: list[Output] = []
        for step in steps:
            if isinstance(step, Event):
                self._arm(step, now)
            else:
                outputs += self._do(step, message)
        if self.over:
            self._timers.clear()
        return outputs

    def _do(self, step: Do, message: Message | None) -> list[Output]:
        if step is Do.TIME_OUT:
            return [Failed(unreachable=False)]
        if step is Do.GIVE_UP:
            return [Failed(unreachable=True)]
        if step is Do.DELIVER and message is not None:
            return [Deliver(message)]
        if step is Do.ACKNOWLEDGE and isinstance(message, Response):
            self._ack = ack_for_refusal(self.request, message)
            return [Send(self._ack)]
        if step is Do.SEND and message is not None:
            self._last = message
        return [Send(self._last)] if self._last is not None else []

    def _arm(self, timer: Event, now: float) -> None:
        if timer in _RETRANSMIT:
            if not self._reliable:
                self._timers[timer] = now + self._next_interval(timer)
        elif timer in _ABSORB_S:
            self._timers[timer] = now + (0.0 if self._reliable else _ABSORB_S[timer])
        else:
            self._timers[timer] = now + _WAIT_S[timer]

    def _next_interval(self, timer: Event) -> float:
        if timer is Event.E and self.state is State.PROCEEDING:
            return T2_S
        interval = self._interval_s
        doubled = interval * 2
        self._interval_s = min(doubled, T2_S) if timer in _CAPPED else doubled
        return interval


def _kind(response: Response) -> Event:
    if response.code < 200:
        return Event.PROVISIONAL
    return Event.SUCCESS if response.code < 300 else Event.FAILURE


class ClientTransaction(Transaction):
    """Sends a request and takes its responses."""

    def start(self, now: float) -> list[Output]:
        """Send the request."""
        return self._fire(Event.START, now, self.request)

    def receive(self, response: Response, now: float) -> list[Output]:
        """A response came."""
        return self._fire(_kind(response), now, response)


class ServerTransaction(Transaction):
    """Takes a request and sends its responses."""

    def receive(self, request: Request, now: float) -> list[Output]:
        """The request came again, or the ACK for its refusal."""
        return self._fire(Event.ACK if request.method == "ACK" else Event.REQUEST, now, request)

    def respond(self, response: Response, now: float) -> list[Output]:
        """Send a response."""
        return self._fire(_kind(response), now, response)


class ClientInvite(ClientTransaction):
    """Figure 5 of RFC 3261, as changed by figure 5 of RFC 6026."""

    first = State.CALLING
    table: ClassVar[Table] = {
        (State.CALLING, Event.START): (State.CALLING, (Do.SEND, Event.A, Event.B)),
        (State.CALLING, Event.A): (State.CALLING, (Do.RESEND, Event.A)),
        (State.CALLING, Event.B): (State.TERMINATED, (Do.TIME_OUT,)),
        (State.CALLING, Event.UNREACHABLE): (State.TERMINATED, (Do.GIVE_UP,)),
        (State.CALLING, Event.PROVISIONAL): (State.PROCEEDING, (Do.DELIVER,)),
        (State.CALLING, Event.SUCCESS): (State.ACCEPTED, (Do.DELIVER, Event.M)),
        (State.CALLING, Event.FAILURE): (State.COMPLETED, (Do.ACKNOWLEDGE, Do.DELIVER, Event.D)),
        (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Do.DELIVER,)),
        (State.PROCEEDING, Event.SUCCESS): (State.ACCEPTED, (Do.DELIVER, Event.M)),
        (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Do.ACKNOWLEDGE, Do.DELIVER, Event.D)),
        (State.COMPLETED, Event.FAILURE): (State.COMPLETED, (Do.ACKNOWLEDGE,)),
        (State.COMPLETED, Event.D): (State.TERMINATED, ()),
        (State.ACCEPTED, Event.SUCCESS): (State.ACCEPTED, (Do.DELIVER,)),
        (State.ACCEPTED, Event.M): (State.TERMINATED, ()),
    }


class ClientNonInvite(ClientTransaction):
    """Figure 6 of RFC 3261."""

    first = State.TRYING
    table: ClassVar[Table] = {
        (State.TRYING, Event.START): (State.TRYING, (Do.SEND, Event.E, Event.F)),
        (State.TRYING, Event.E): (State.TRYING, (Do.RESEND, Event.E)),
        (State.TRYING, Event.F): (State.TERMINATED, (Do.TIME_OUT,)),
        (State.TRYING, Event.UNREACHABLE): (State.TERMINATED, (Do.GIVE_UP,)),
        (State.TRYING, Event.PROVISIONAL): (State.PROCEEDING, (Do.DELIVER,)),
        (State.TRYING, Event.SUCCESS): (State.COMPLETED, (Do.DELIVER, Event.K)),
        (State.TRYING, Event.FAILURE): (State.COMPLETED, (Do.DELIVER, Event.K)),
        (State.PROCEEDING, Event.E): (State.PROCEEDING, (Do.RESEND, Event.E)),
        (State.PROCEEDING, Event.F): (State.TERMINATED, (Do.TIME_OUT,)),
        (State.PROCEEDING, Event.UNREACHABLE): (State.TERMINATED, (Do.GIVE_UP,)),
        (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Do.DELIVER,)),
        (State.PROCEEDING, Event.SUCCESS): (State.COMPLETED, (Do.DELIVER, Event.K)),
        (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Do.DELIVER, Event.K)),
        (State.COMPLETED, Event.K): (State.TERMINATED, ()),
    }


class ServerInvite(ServerTransaction):
    """Figure 7 of RFC 3261, as changed by figure 7 of RFC 6026: the call repeats its 200 through the Accepted state."""

    first = State.PROCEEDING
    table: ClassVar[Table] = {
        (State.PROCEEDING, Event.REQUEST): (State.PROCEEDING, (Do.RESEND,)),
        (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Event.SUCCESS): (State.ACCEPTED, (Do.SEND, Event.L)),
        (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Do.SEND, Event.G, Event.H)),
        (State.COMPLETED, Event.REQUEST): (State.COMPLETED, (Do.RESEND,)),
        (State.COMPLETED, Event.G): (State.COMPLETED, (Do.RESEND, Event.G)),
        (State.COMPLETED, Event.H): (State.TERMINATED, (Do.TIME_OUT,)),
        (State.COMPLETED, Event.ACK): (State.CONFIRMED, (Event.I,)),
        (State.CONFIRMED, Event.I): (State.TERMINATED, ()),
        (State.ACCEPTED, Event.SUCCESS): (State.ACCEPTED, (Do.SEND,)),
        (State.ACCEPTED, Event.ACK): (State.ACCEPTED, (Do.DELIVER,)),
        (State.ACCEPTED, Event.L): (State.TERMINATED, ()),
    }


class ServerNonInvite(ServerTransaction):
    """Figure 8 of RFC 3261."""

    first = State.TRYING
    table: ClassVar[Table] = {
        (State.TRYING, Event.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.TRYING, Event.SUCCESS): (State.COMPLETED, (Do.SEND, Event.J)),
        (State.TRYING, Event.FAILURE): (State.COMPLETED, (Do.SEND, Event.J)),
        (State.PROCEEDING, Event.REQUEST): (State.PROCEEDING, (Do.RESEND,)),
        (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Event.SUCCESS): (State.COMPLETED, (Do.SEND, Event.J)),
        (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Do.SEND, Event.J)),
        (State.COMPLETED, Event.REQUEST): (State.COMPLETED, (Do.RESEND,)),
        (State.COMPLETED, Event.J): (State.TERMINATED, ()),
    }


def ack_for_refusal(invite: Request, response: Response) -> Request:
    """The ACK inside the transaction, for a response of 300 or more (RFC 3261 §17.1.1.3)."""
    fields = [("Via", invite.headers.all("Via")[0])]
    fields += [("Route", value) for value in invite.headers.all("Route")]
    fields += [
        ("From", invite.headers.get("From") or ""),
        ("To", response.headers.get("To") or ""),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq.sequence} ACK"),
        ("Max-Forwards", "70"),
    ]
    return Request(Headers(fields), method="ACK", uri=invite.uri)


def cancel_for(invite: Request) -> Request:
    """The CANCEL of an INVITE that was answered provisionally (RFC 3261 §9.1)."""
    fields = [("Via", invite.headers.all("Via")[0])]
    fields += [("Route", value) for value in invite.headers.all("Route")]
    fields += [(name, invite.headers.get(name) or "") for name in ("From", "To", "Call-ID")]
    fields += [("CSeq", f"{invite.cseq.sequence} CANCEL"), ("Max-Forwards", "70")]
    return Request(Headers(fields), method="CANCEL", uri=invite.uri)
