"""The small interface between the SIP core and everything around it: bytes and the clock in, values out.

Another stack takes this one's place by having the same few methods: ``receive``, ``tick``, ``unreachable``, ``dial``,
and ``ring``, ``answer``, ``reject`` and ``hang_up`` of a call.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Protocol

from offhook.lines.sip.actions import Abandon, Action, Ask, Respond, Tell, Transmit
from offhook.lines.sip.address import AddressError, Hop
from offhook.lines.sip.admission import RETRY_AFTER_S, Admission, fault
from offhook.lines.sip.call import SDP_TYPE, Call, warning
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.effects import Arrived, Dropped, Effect, Happened, Wire
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import MalformedMessageError, Message, Request, Response, parse
from offhook.lines.sip.replies import ALLOW, reply, response_hop, stamp, stateless
from offhook.lines.sip.sdp import SdpError
from offhook.lines.sip.transactions import (
    ClientInvite,
    ClientNonInvite,
    ClientTransaction,
    Deliver,
    Failed,
    Output,
    Send,
    ServerInvite,
    ServerNonInvite,
    ServerTransaction,
    State,
    Transaction,
)
from offhook.lines.sip.uac import OutboundCall
from offhook.lines.sip.uas import InboundCall

# 32 s of transactions at the admitted rate of set-ups, four messages a call; more is a flood and gets no memory.
MAX_TRANSACTIONS = 16_384
_SECONDS = (("Retry-After", str(RETRY_AFTER_S)),)
_WAITING = {State.CALLING, State.TRYING, State.PROCEEDING}
_SPARE_TIMERS = 256
_Key = tuple[str, ...]


class Stack(Protocol):
    """What the endpoint needs of a SIP stack."""

    @property
    def deadline(self) -> float | None:
        """When ``tick`` wants to be called."""

    def receive(self, data: bytes, source: Hop, now: float) -> list[Effect]:
        """Bytes of one message came."""

    def tick(self, now: float) -> list[Effect]:
        """Time passed."""

    def unreachable(self, hop: Hop, now: float) -> list[Effect]:
        """What was sent there could not be delivered."""

    def check(self, dial: Dial) -> None:
        """Raise the LineError that ``dial`` would."""

    def dial(self, dial: Dial, rtp_port: int, now: float) -> tuple[OutboundCall, list[Effect]]:
        """Place a call. Raises LineError."""

    def ring(self, call: InboundCall, now: float) -> list[Effect]:
        """Tell the caller that it rings."""

    def answer(self, call: InboundCall, rtp_port: int, now: float) -> list[Effect]:
        """Answer a call, receiving audio at ``rtp_port``."""

    def reject(self, call: InboundCall, code: int, retry_after_s: int | None, now: float) -> list[Effect]:
        """Refuse a call."""

    def hang_up(self, call: Call, now: float) -> list[Effect]:
        """End a call whatever its state."""


@dataclass(slots=True, eq=False)
class _Watched:
    """A transaction or call and when its timer stands in the heap."""

    thing: Transaction | Call
    key: _Key
    hop: Hop | None = None
    call: Call | None = None
    merge_key: _Key | None = None
    due: float | None = None


class SipStack:
    """Our stack: transactions, dialogs and calls behind ``Stack``."""

    def __init__(self, local: Local, admission: Admission) -> None:
        self._local, self._admission = local, admission
        self._servers: dict[_Key, _Watched] = {}
        self._clients: dict[_Key, _Watched] = {}
        self._calls: dict[tuple[str, str], _Watched] = {}
        self._by_invite: dict[_Key, InboundCall] = {}
        self._merged: dict[_Key, _Key] = {}
        self._heap: list[tuple[float, int, _Watched]] = []
        self._order = itertools.count()
        self._out: list[Effect] = []

    # ------------------------------------------------------------------ the interface

    @property
    def deadline(self) -> float | None:
        """When ``tick`` wants to be called."""
        heap = self._heap
        while heap and heap[0][2].due != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    @property
    def transactions(self) -> int:
        """How many transactions are remembered."""
        return len(self._servers) + len(self._clients)

    @property
    def calls(self) -> int:
        """How many calls live."""
        return len(self._calls)

    def receive(self, data: bytes, source: Hop, now: float) -> list[Effect]:
        """Bytes of one message came."""
        if not data.strip(b"\r\n\x00"):
            return []  # a keep-alive (RFC 5626 §3.5.1, and what older phones send)
        try:
            message = parse(data.lstrip(b"\r\n"))
            if isinstance(message, Request):
                self._on_request(message, source, now)
            else:
                self._on_response(message, source, now)
        except MalformedMessageError as error:
            self._on_malformed(error, source)
        return self._drain()

    def tick(self, now: float) -> list[Effect]:
        """Time passed."""
        while self._heap and self._heap[0][0] <= now:
            at, _, watched = heapq.heappop(self._heap)
            if watched.due != at:
                continue
            watched.due = None
            thing = watched.thing
            if thing.deadline is not None and thing.deadline <= now:
                if isinstance(thing, Transaction):
                    self._put(watched, thing.tick(now), now)
                else:
                    self._do(thing, thing.tick(now), now)
            self._watch(watched)
        return self._drain()

    def unreachable(self, hop: Hop, now: float) -> list[Effect]:
        """What was sent there could not be delivered."""
        there = (hop.transport, hop.host, hop.port)
        for watched in list(self._clients.values()):
            to = watched.hop
            if to is None or (to.transport, to.host, to.port) != there or not isinstance(watched.thing, Transaction):
                continue
            if watched.thing.state in _WAITING:
                self._put(watched, watched.thing.unreachable(now), now)
        return self._drain()

    def check(self, dial: Dial) -> None:
        """Raise the LineError that ``dial`` would."""
        OutboundCall.place(dial, self._local, 0)

    def dial(self, dial: Dial, rtp_port: int, now: float) -> tuple[OutboundCall, list[Effect]]:
        """Place a call. Raises LineError."""
        call = OutboundCall.place(dial, self._local, rtp_port)
        self._register(call)
        self._do(call, call.start(now), now)
        return call, self._drain()

    def ring(self, call: InboundCall, now: float) -> list[Effect]:
        """Tell the caller that it rings."""
        return self._carry_out(call, call.ring(), now)

    def answer(self, call: InboundCall, rtp_port: int, now: float) -> list[Effect]:
        """Answer a call, receiving audio at ``rtp_port``."""
        return self._carry_out(call, call.answer(rtp_port, now), now)

    def reject(self, call: InboundCall, code: int, retry_after_s: int | None, now: float) -> list[Effect]:
        """Refuse a call."""
        return self._carry_out(call, call.reject(code, retry_after_s), now)

    def hang_up(self, call: Call, now: float) -> list[Effect]:
        """End a call whatever its state."""
        return self._carry_out(call, call.hang_up(now), now)

    # ------------------------------------------------------------------ messages in

    def _on_malformed(self, error: MalformedMessageError, source: Hop) -> None:
        if error.partial is None:
            self._out.append(Dropped(source, error.reason))
            return
        request = stamp(error.partial, (source.host, source.port))
        self._refuse_stateless(request, source, error.status)

    def _on_response(self, response: Response, source: Hop, now: float) -> None:
        watched = self._clients.get((response.branch, response.cseq.method))
        if watched is None or not isinstance(watched.thing, ClientTransaction):
            self._out.append(Dropped(source, f"a {response.code} that belongs to nothing"))
            return
        self._put(watched, watched.thing.receive(response, now), now)

    def _on_request(self, request: Request, source: Hop, now: float) -> None:
        request = stamp(request, (source.host, source.port))
        watched = self._servers.get(request.transaction_key)
        if watched is not None and isinstance(watched.thing, ServerTransaction):
            self._put(watched, watched.thing.receive(request, now), now)
        elif request.method == "ACK":
            self._on_ack(request, now)
        elif request.method == "CANCEL":
            self._on_cancel(request, source, now)
        elif request.to_tag:
            self._on_inside(request, source, now)
        else:
            self._on_outside(request, source, now)

    def _on_ack(self, ack: Request, now: float) -> None:
        call = self._call_of(ack)
        if call is not None:
            self._do(call, call.on_ack(ack), now)

    def _on_inside(self, request: Request, source: Hop, now: float) -> None:
        """A request inside a dialog: unknown ones get 481 and no memory."""
        call = self._call_of(request)
        if call is None:
            self._refuse_stateless(request, source, 481)
            return
        if self.transactions >= MAX_TRANSACTIONS and request.method != "BYE":
            self._refuse_stateless(request, source, 503, _SECONDS)
            return
        transaction = self._serve(request, source)
        refusal = fault(request)
        if refusal is not None:
            self._respond(transaction, reply(request, refusal.code, fields=refusal.fields), now)
        else:
            self._do(call, call.on_request(request, transaction, now), now)

    def _on_outside(self, request: Request, source: Hop, now: float) -> None:
        if not self._admission.knows(source.host):
            self._refuse_stateless(request, source, 403)
        elif self.transactions >= MAX_TRANSACTIONS or (
            request.method == "INVITE" and not self._admission.has_room(now)
        ):
            self._refuse_stateless(request, source, 503, _SECONDS)
        else:
            self._on_new(request, source, now)

    def _on_new(self, request: Request, source: Hop, now: float) -> None:
        merge_key = (request.call_id, request.from_tag, request.headers.get("CSeq") or "")
        if merge_key in self._merged:
            # RFC 3261 §8.2.2.2: the same request came by two ways.
            self._refuse_stateless(request, source, 482)
            return
        refusal = fault(request)
        if refusal is not None:
            self._refuse_stateless(request, source, refusal.code, refusal.fields)
        elif request.method == "INVITE":
            self._on_invite(request, source, now, merge_key)
        elif request.method == "OPTIONS":
            fields = (("Allow", ALLOW), ("Accept", SDP_TYPE), ("Accept-Encoding", "identity"))
            self._refuse_stateless(request, source, 200, fields)
        else:
            self._refuse_stateless(request, source, 481)

    def _on_invite(self, invite: Request, source: Hop, now: float, merge_key: _Key) -> None:
        transaction = self._serve(invite, source, merge_key)
        try:
            call = InboundCall.receive(invite, transaction, source, self._local, now)
        except AddressError:
            self._respond(transaction, reply(invite, 400, tag=self._local.token(), phrase="Bad Contact or route"), now)
            return
        except SdpError as error:
            refused = reply(invite, 488, tag=self._local.token(), fields=(("Warning", warning(error)),))
            self._respond(transaction, refused, now)
            return
        self._by_invite[invite.transaction_key] = call
        self._register(call)
        self._respond(transaction, reply(invite, 100), now)
        self._out.append(Arrived(call))

    def _on_cancel(self, cancel: Request, source: Hop, now: float) -> None:
        key = (*cancel.transaction_key[:-1], "INVITE")
        if key not in self._servers:
            self._refuse_stateless(cancel, source, 481)
            return
        call = self._by_invite.get(key)
        transaction = self._serve(cancel, source)
        self._respond(transaction, reply(cancel, 200, tag=call.tag if call else self._local.token()), now)
        if call is not None:
            self._do(call, call.cancel(), now)

    # ------------------------------------------------------------------ what the calls want

    def _carry_out(self, call: Call, actions: list[Action], now: float) -> list[Effect]:
        self._do(call, actions, now)
        return self._drain()

    def _do(self, call: Call, actions: list[Action], now: float) -> None:
        for action in actions:
            match action:
                case Respond():
                    self._respond(action.transaction, action.response, now)
                case Ask():
                    self._ask(call, action.request, action.hop, now)
                case Transmit():
                    self._send(action.message, action.hop)
                case Abandon():
                    self._abandon(action.request)
                case Tell():
                    self._out.append(Happened(call, action.event))
        watched = self._calls.get(call.key)
        if watched is None:
            return
        self._watch(watched)
        if call.over and call.deadline is None:
            watched.due = None
            del self._calls[call.key]
            if isinstance(call, InboundCall):
                self._by_invite.pop(call.invite.transaction_key, None)

    def _respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        watched = self._servers.get(transaction.request.transaction_key)
        if watched is not None and watched.thing is transaction:
            self._put(watched, transaction.respond(response, now), now)

    def _ask(self, call: Call, request: Request, hop: Hop, now: float) -> None:
        kind = ClientInvite if request.method == "INVITE" else ClientNonInvite
        transaction = kind(request, reliable=hop.reliable)
        key = (request.branch, request.method)
        watched = self._clients[key] = _Watched(transaction, key, hop, call)
        self._put(watched, transaction.start(now), now)

    def _abandon(self, request: Request) -> None:
        watched = self._clients.pop((request.branch, request.method), None)
        if watched is not None and isinstance(watched.thing, Transaction):
            watched.thing.abandon()

    def _register(self, call: Call) -> None:
        watched = self._calls[call.key] = _Watched(call, call.key)
        self._watch(watched)

    def _call_of(self, request: Request) -> Call | None:
        watched = self._calls.get((request.call_id, request.to_tag))
        call = watched.thing if watched else None
        if not isinstance(call, Call) or call.over:
            return None
        dialog = call.dialog
        return call if dialog is None or dialog.remote_tag == request.from_tag else None

    # ------------------------------------------------------------------ transactions

    def _serve(self, request: Request, source: Hop, merge_key: _Key | None = None) -> ServerTransaction:
        kind = ServerInvite if request.method == "INVITE" else ServerNonInvite
        transaction = kind(request, reliable=source.reliable)
        key = request.transaction_key
        self._servers[key] = _Watched(transaction, key, response_hop(request, source), merge_key=merge_key)
        if merge_key is not None:
            self._merged[merge_key] = key
        return transaction

    def _put(self, watched: _Watched, outputs: list[Output], now: float) -> None:
        """Carry out what a transaction answered, and forget it when it is over."""
        transaction = watched.thing
        if isinstance(transaction, Transaction) and transaction.over:
            self._forget(watched)
        else:
            self._watch(watched)
        for output in outputs:
            match output:
                case Send():
                    if watched.hop is not None:
                        self._send(output.message, watched.hop)
                case Deliver():
                    self._deliver(watched, output.message, now)
                case Failed() if watched.call is not None and isinstance(transaction, Transaction):
                    call = watched.call
                    self._do(call, call.on_failure(transaction.request, unreachable=output.unreachable), now)

    def _deliver(self, watched: _Watched, message: Message, now: float) -> None:
        if isinstance(message, Request):
            self._on_ack(message, now)  # an ACK of a 2xx that reuses its INVITE's branch
        elif isinstance(message, Response) and watched.call is not None and isinstance(watched.thing, Transaction):
            self._do(watched.call, watched.call.on_response(watched.thing.request, message), now)

    def _forget(self, watched: _Watched) -> None:
        watched.due = None
        if self._servers.get(watched.key) is watched:
            del self._servers[watched.key]
            self._by_invite.pop(watched.key, None)
        if self._clients.get(watched.key) is watched:
            del self._clients[watched.key]
        if watched.merge_key is not None:
            self._merged.pop(watched.merge_key, None)

    def _watch(self, watched: _Watched) -> None:
        deadline = watched.thing.deadline
        if deadline is None:
            watched.due = None
        elif watched.due is None or deadline < watched.due:
            watched.due = deadline
            if len(self._heap) > 2 * (self.transactions + self.calls) + _SPARE_TIMERS:
                # Timers that came to nothing would keep dead calls in memory until their time.
                self._heap = [entry for entry in self._heap if entry[2].due == entry[0]]
                heapq.heapify(self._heap)
            heapq.heappush(self._heap, (deadline, next(self._order), watched))

    # ------------------------------------------------------------------ out

    def _refuse_stateless(
        self, request: Request, source: Hop, code: int, fields: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Answer without memory: a repeated request simply gets the same answer again (RFC 3261 §8.2.7)."""
        self._send(stateless(request, code, fields), response_hop(request, source))

    def _send(self, message: Message, hop: Hop) -> None:
        self._out.append(Wire(bytes(message), hop))

    def _drain(self) -> list[Effect]:
        out, self._out = self._out, []
        return out
