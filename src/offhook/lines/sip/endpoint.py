"""The asyncio shell of the SIP core: sockets, the clock, lines. It carries out what the stack says, and no more."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

import structlog

from offhook.errors import LineError
from offhook.lines.line import LineFacts
from offhook.lines.media.engine import MediaEngine
from offhook.lines.media.leg import MediaLeg
from offhook.lines.sip.actions import Over
from offhook.lines.sip.address import Hop, Transport
from offhook.lines.sip.admission import SETUP_BURST, SETUPS_PER_S, Admission, Network
from offhook.lines.sip.call import Call
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.effects import Arrived, Dropped, Effect, Happened, Wire
from offhook.lines.sip.line import SipLine
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import Request, readable
from offhook.lines.sip.stack import SipStack, Stack
from offhook.lines.sip.transport import DatagramTransport, StreamTransport, is_address, look_up, route_host
from offhook.lines.sip.uas import InboundCall

log = structlog.get_logger(__name__)

# A closing server waits so long for the answers to its BYEs.
CLOSE_LIMIT_S = 2.0
# A malformed sender is logged once in this time, whatever it sends.
LOG_EVERY_S = 60.0
MAX_HEADER_CHARS = 4096
MAX_LOGGED_SOURCES = 1024
BIND_ATTEMPTS = 20
_PRIVATE = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
# Headers that say how the message travelled, not what the caller wants to tell.
_CORE = frozenset(
    [
        "via",
        "from",
        "to",
        "call-id",
        "cseq",
        "contact",
        "max-forwards",
        "route",
        "record-route",
        "content-length",
        "content-type",
        "content-encoding",
        "allow",
        "supported",
        "require",
        "proxy-require",
        "authorization",
        "proxy-authorization",
        "user-agent",
        "accept",
        "accept-encoding",
        "accept-language",
        "expires",
        "min-se",
        "session-expires",
        "timestamp",
        "date",
    ]
)


class SipEndpoint:
    """SIP over UDP and TCP on one port. ``on_call`` gets each line that may be answered, at once and synchronously."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        public_host: str | None,
        media: MediaEngine,
        on_call: Callable[[SipLine], None],
        allow: Iterable[str | Network] = _PRIVATE,
        setups_per_s: float = SETUPS_PER_S,
        setup_burst: float = SETUP_BURST,
    ) -> None:
        self._host, self._port, self._public_host = host, port, public_host
        self._media, self._on_call = media, on_call
        self._admission = Admission(allow, setups_per_s, setup_burst)
        self._stack: Stack | None = None
        self._udp = DatagramTransport(self._received, self._failed)
        self._tcp = StreamTransport(self._received, self._failed)
        self._lines: dict[Call, SipLine] = {}
        self._routes: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._logged: dict[str, float] = {}
        self._lookups: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Listen. Raises LineError when the port is taken."""
        for attempt in range(BIND_ATTEMPTS):
            try:
                port = self._udp.start(self._host, self._port)
            except OSError as error:
                raise LineError(f"SIP port {self._host}:{self._port} cannot be used: {error}") from error
            try:
                await self._tcp.start(self._host, port)
                break
            except OSError as error:
                self._udp.close()
                # A free UDP port may be taken for TCP: when any port will do, another is tried.
                if self._port != 0 or attempt == BIND_ATTEMPTS - 1:
                    raise LineError(f"SIP port {self._host}:{port} cannot be used: {error}") from error
        self._port = port
        self._stack = SipStack(Local(self._host_for, port), self._admission)
        log.info("sip_listening", host=self._host, port=port)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        return self._host, self._port

    async def close(self) -> None:
        """End every call, wait a moment for the far ends to know, and stop listening."""
        ends = [asyncio.ensure_future(line.hang_up()) for line in list(self._lines.values())]
        if ends:
            _, late = await asyncio.wait(ends, timeout=CLOSE_LIMIT_S)
            for task in late:
                task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for lookup in self._lookups:
            lookup.cancel()
        self._udp.close()
        await self._tcp.close()
        self._stack = None

    def check(self, dial: Dial) -> None:
        """Raise the LineError of what cannot be dialled; nothing is sent."""
        self._running().check(dial)

    def dial(self, dial: Dial) -> SipLine:
        """Place a call; its line tells how it goes. Raises LineError for what cannot be dialled, CapacityError."""
        stack = self._running()
        line = SipLine(self, LineFacts(dial.from_, dial.to, "", "", headers=dict(dial.headers)))
        leg = line.open_leg()
        try:
            call, effects = stack.dial(dial, leg.local_port, self._now())
        except LineError:
            leg.close()
            raise
        line.attach(call)
        line.facts = LineFacts(dial.from_, dial.to, call.invite.call_id, str(call.hop), headers=dict(dial.headers))
        self._lines[call] = line
        # The caller of dial must have the line before it hears of it.
        asyncio.get_running_loop().call_soon(self._perform, effects)
        return line

    # ------------------------------------------------------------------ what lines ask (``Carrier``)

    def open_leg(self, line: SipLine) -> MediaLeg:
        """A media leg for a line. Raises CapacityError."""
        return self._media.open_leg(line)

    def ring(self, call: InboundCall) -> None:
        """Send 180."""
        self._perform(self._running().ring(call, self._now()))

    def answer(self, call: InboundCall, rtp_port: int) -> None:
        """Send 200."""
        self._perform(self._running().answer(call, rtp_port, self._now()))

    def reject(self, call: InboundCall, code: int, retry_after_s: int | None) -> None:
        """Refuse a call."""
        self._perform(self._running().reject(call, code, retry_after_s, self._now()))

    def hang_up(self, call: Call) -> None:
        """End a call."""
        self._perform(self._running().hang_up(call, self._now()))

    def find(self, remote: tuple[str, int], then: Callable[[tuple[str, int]], None]) -> None:
        """Find the address of a host named in SDP; addresses are there at once."""
        if is_address(remote[0]):
            then(remote)
            return
        task = asyncio.ensure_future(self._find(remote, then))
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _find(self, remote: tuple[str, int], then: Callable[[tuple[str, int]], None]) -> None:
        address = await look_up(*remote, socket.SOCK_DGRAM)
        if address is None:
            log.warning("media_host_unknown", host=remote[0])
        else:
            then(address)

    # ------------------------------------------------------------------ sockets and the clock

    def _received(self, data: bytes, source: Hop) -> None:
        if self._stack is not None:
            self._perform(self._stack.receive(data, source, self._now()))

    def _failed(self, hop: Hop) -> None:
        if self._stack is not None:
            self._perform(self._stack.unreachable(hop, self._now()))

    def _tick(self) -> None:
        self._timer = None
        if self._stack is not None:
            self._perform(self._stack.tick(self._now()))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Wire():
                    self._send(effect)
                case Arrived():
                    self._arrived(effect.call)
                case Happened():
                    self._happened(effect)
                case Dropped():
                    self._log_dropped(effect)
        self._set_timer()

    def _send(self, wire: Wire) -> None:
        if wire.hop.transport is Transport.UDP:
            self._udp.send(wire.data, wire.hop)
        else:
            self._tcp.send(wire.data, wire.hop)

    def _set_timer(self) -> None:
        deadline = self._stack.deadline if self._stack is not None else None
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        # uvloop's handles don't tell when they are due.
        self._timer_at = deadline
        self._timer = asyncio.get_running_loop().call_at(deadline, self._tick)

    # ------------------------------------------------------------------ calls

    def _arrived(self, call: InboundCall) -> None:
        facts = LineFacts(
            call.from_number,
            call.to_number,
            readable(call.invite.call_id),
            str(call.source),
            headers=_told(call.invite),
        )
        line = self._lines[call] = SipLine(self, facts)
        line.attach(call)
        try:
            self._on_call(line)
        except Exception:  # whoever takes calls has failed, not SIP: the caller must hear so
            log.exception("call_not_taken", call_id=facts.carrier_call_id)
            line.reject(500)

    def _happened(self, effect: Happened) -> None:
        line = self._lines.get(effect.call)
        if line is None:
            return
        if isinstance(effect.event, Over):
            del self._lines[effect.call]
        line.happened(effect.event)

    def _log_dropped(self, dropped: Dropped) -> None:
        now = self._now()
        last = self._logged.get(dropped.source.host)
        if last is not None and now - last < LOG_EVERY_S:
            return
        if len(self._logged) >= MAX_LOGGED_SOURCES:
            self._logged.clear()
        self._logged[dropped.source.host] = now
        log.warning("sip_dropped", source=str(dropped.source), reason=dropped.reason)

    # ------------------------------------------------------------------ small things

    def _running(self) -> Stack:
        if self._stack is None:
            raise LineError("the SIP endpoint is not running")
        return self._stack

    def _host_for(self, remote: str) -> str:
        """The address to be reached at by a remote host: the public one, our only one, or the route's."""
        if self._public_host:
            return self._public_host
        if self._host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            return self._host
        known = self._routes.get(remote)
        if known is None:
            # A name's route is the default route's: looking it up would block.
            known = route_host(remote if is_address(remote) else "192.0.2.1", "127.0.0.1")
            if len(self._routes) >= MAX_LOGGED_SOURCES:
                self._routes.clear()
            self._routes[remote] = known
        return known

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _told(invite: Request) -> dict[str, str]:
    """The headers that tell something of the call: all but those of the protocol itself."""
    return {name: readable(value, MAX_HEADER_CHARS) for name, value in invite.headers if name.lower() not in _CORE}
