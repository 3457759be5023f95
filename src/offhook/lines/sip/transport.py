"""SIP on sockets: datagrams, streams cut into messages, ICMP errors. It moves bytes and decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import select
import socket
from collections.abc import Callable
from typing import cast

import structlog

from offhook.lines.sip.address import Hop, Transport
from offhook.lines.sip.framing import Framer, FramingError

log = structlog.get_logger(__name__)

Receive = Callable[[bytes, Hop], None]
Unreachable = Callable[[Hop], None]

# Linux: errors of what was sent come back on the socket (ip(7), IP_RECVERR), so that a closed port is known at once.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
# A flood fills the kernel's buffer before it fills ours; 1 MiB holds a second of 2000 INVITEs.
_RECEIVE_BUFFER_BYTES = 1 << 20
# Datagrams taken per turn of the loop: a flood must leave time for everything else.
_BATCH = 32
_DATAGRAM_BYTES = 65_535
CONNECT_LIMIT_S = 4.0  # a dead TCP peer must be known before people think the line is dead
MAX_CONNECTIONS = 1_000
MAX_UNREAD_BYTES = 1 << 18  # a peer that asks and never reads must not fill our memory
IDLE_S = 300.0  # unused streams are closed; RFC 5626 keep-alives come every two minutes


class DatagramTransport:
    """SIP over UDP on one socket of ours."""

    def __init__(self, receive: Receive, unreachable: Unreachable) -> None:
        self._receive, self._unreachable = receive, unreachable
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._epoll: select.epoll | None = None
        self._watched = -1
        self._names: dict[tuple[str, int], tuple[str, int]] = {}
        self._lookups: set[asyncio.Task[None]] = set()

    def start(self, host: str, port: int) -> int:
        """Bind; the port bound. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            with contextlib.suppress(OSError):  # not Linux: a dead port is then known by time-out only
                level, name = (
                    (socket.IPPROTO_IPV6, _IPV6_RECVERR)
                    if family == socket.AF_INET6
                    else (socket.IPPROTO_IP, _IP_RECVERR)
                )
                sock.setsockopt(level, name, 1)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._socket, self._loop = sock, asyncio.get_running_loop()
        self._watched = sock.fileno()
        if hasattr(select, "epoll"):
            # An ICMP error raises POLLERR on the socket, at which libuv (uvloop) stops watching it for good. An epoll
            # set in between is readable then, and never in error itself.
            self._epoll = select.epoll()
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            self._watched = self._epoll.fileno()
        self._loop.add_reader(self._watched, self._readable)
        return int(sock.getsockname()[1])

    def send(self, data: bytes, hop: Hop) -> None:
        """Send one message; a name is looked up first."""
        if self._socket is None:
            return
        if is_address(hop.host):
            self._send_to(data, hop, (hop.host, hop.port))
            return
        task = asyncio.ensure_future(self._look_up_and_send(data, hop))
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    def close(self) -> None:
        """Stop listening."""
        for task in self._lookups:
            task.cancel()
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._watched)
            if self._epoll is not None:
                self._epoll.close()
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        for _ in range(_BATCH):
            if self._socket is None:
                return
            try:
                data, address = self._socket.recvfrom(_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                self._read_errors()
                return
            except OSError:
                # The error of an earlier send, reported here; the queue says of which.
                self._read_errors()
                continue
            self._receive(data, Hop(Transport.UDP, address[0], address[1]))

    def _read_errors(self) -> None:
        """Take the queue of ICMP errors; each brings the address it is about."""
        queue = getattr(socket, "MSG_ERRQUEUE", None)
        while queue is not None and self._socket is not None:
            try:
                _, _, _, address = self._socket.recvmsg(0, 512, queue)
            except OSError:
                return
            if address:
                self._report((address[0], address[1]))

    def _report(self, address: tuple[str, int]) -> None:
        self._unreachable(Hop(Transport.UDP, *address))
        for name in [name for name, at in self._names.items() if at == address]:
            self._unreachable(Hop(Transport.UDP, *name))

    def _send_to(self, data: bytes, hop: Hop, address: tuple[str, int]) -> None:
        if self._socket is None:
            return
        for _ in range(2):
            try:
                self._socket.sendto(data, address)
            except BlockingIOError:
                return  # as good as lost on the way; the transaction sends it again
            except ConnectionError:
                # Linux reports an earlier datagram's ICMP error here, and has not sent this one.
                self._read_errors()
                continue
            except OSError as error:
                log.info("sip_send_failed", to=str(hop), error=str(error))
                asyncio.get_running_loop().call_soon(self._unreachable, hop)
            return

    async def _look_up_and_send(self, data: bytes, hop: Hop) -> None:
        address = await look_up(hop.host, hop.port, socket.SOCK_DGRAM)
        if address is None:
            self._unreachable(hop)
            return
        self._names[hop.host, hop.port] = address
        self._send_to(data, hop, address)


class StreamTransport:
    """SIP over TCP: one connection per peer, used both ways (RFC 3261 §18; RFC 5923 in spirit)."""

    def __init__(self, receive: Receive, unreachable: Unreachable) -> None:
        self._receive, self._unreachable = receive, unreachable
        self._server: asyncio.Server | None = None
        self._flows: dict[int, _Flow] = {}
        self._peers: dict[tuple[str, int], int] = {}
        self._connecting: dict[tuple[str, int], list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_flow = 0

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted, host, port)

    def send(self, data: bytes, hop: Hop) -> None:
        """Send by the flow asked for, else by a connection to the peer, made when there is none."""
        peer = (hop.host, hop.port)
        flow = self._flows.get(hop.flow or 0) or self._flows.get(self._peers.get(peer, 0))
        if flow is not None:
            flow.write(data)
        elif peer in self._connecting:
            self._connecting[peer].append(data)
        else:
            self._connecting[peer] = [data]
            task = asyncio.ensure_future(self._connect(hop))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop listening and close every connection."""
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            self._server.close()
        for flow in list(self._flows.values()):
            flow.close()
        if self._server is not None:
            await self._server.wait_closed()

    def _accepted(self) -> asyncio.Protocol:
        return self._new_flow(None)

    def _new_flow(self, peer: tuple[str, int] | None) -> _Flow:
        self._last_flow += 1
        return _Flow(self._last_flow, peer, self)

    async def _connect(self, hop: Hop) -> None:
        peer = (hop.host, hop.port)
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(CONNECT_LIMIT_S):
                _, flow = await loop.create_connection(lambda: self._new_flow(peer), hop.host, hop.port)
        except (OSError, TimeoutError) as error:
            self._connecting.pop(peer, None)
            log.info("sip_connect_failed", to=str(hop), error=str(error) or "timed out")
            self._unreachable(Hop(Transport.TCP, *peer))
            return
        for data in self._connecting.pop(peer, []):
            flow.write(data)

    def opened(self, flow: _Flow) -> bool:
        """A connection stands; False when there are too many."""
        if len(self._flows) >= MAX_CONNECTIONS:
            log.warning("sip_connection_refused", limit=MAX_CONNECTIONS)
            return False
        self._flows[flow.number] = flow
        self._peers[flow.peer] = flow.number
        return True

    def closed(self, flow: _Flow) -> None:
        """A connection is gone."""
        self._flows.pop(flow.number, None)
        if self._peers.get(flow.peer) == flow.number:
            del self._peers[flow.peer]

    def received(self, data: bytes, flow: _Flow, source: tuple[str, int]) -> None:
        """One message came by a connection."""
        self._receive(data, Hop(Transport.TCP, source[0], source[1], flow.number))


class _Flow(asyncio.Protocol):
    """One connection."""

    def __init__(self, number: int, peer: tuple[str, int] | None, owner: StreamTransport) -> None:
        self.number = number
        self.peer = peer or ("", 0)
        self._owner = owner
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._source = ("", 0)
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._source = transport.get_extra_info("peername")[:2]
        if self.peer == ("", 0):
            self.peer = self._source
        if not self._owner.opened(self):
            self._transport.abort()
        self._used()

    def data_received(self, data: bytes) -> None:
        self._used()
        try:
            for message in self._framer.feed(data):
                if message:
                    self._owner.received(message, self, self._source)
                else:
                    self.write(b"\r\n")  # RFC 5626 §3.5.1: a ping gets its pong
        except FramingError as error:
            # Where the next message begins cannot be known any more.
            log.info("sip_stream_unreadable", source=self._source[0], reason=str(error))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._idle is not None:
            self._idle.cancel()
        self._owner.closed(self)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            log.info("sip_connection_stuck", source=self._source[0])
            self._transport.abort()
            return
        self._used()
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _used(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.close)


def is_address(host: str) -> bool:
    """Whether a host is an IP address and needs no lookup."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


async def look_up(host: str, port: int, kind: socket.SocketKind) -> tuple[str, int] | None:
    """First address of a name, or None."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind, family=socket.AF_INET)
    except OSError:
        return None
    return (str(found[0][4][0]), port) if found else None


def route_host(remote: str, fallback: str) -> str:
    """Our own address on the way to a remote one, as the kernel's routes say (nothing is sent)."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError:
            return fallback
        return str(probe.getsockname()[0])
