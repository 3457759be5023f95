"""The guard against server-side request forgery: a user's URL reaches the public internet and nothing else.

The address is checked where the connection is made, on what the name resolved to in that moment, and that very address
is connected to: a name that answers differently the second time (DNS rebinding) gains nothing. TLS goes on verifying
the name. What the operator lists (``OFFHOOK_WEBHOOK_ALLOW``, ``OFFHOOK_TOOL_ALLOW``) is let through.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import httpcore2
import httpx2

from offhook.errors import ForbiddenAddressError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Addresses of a name, as text, in the order in which they should be tried.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

# Not told by ``is_global``, yet nobody's web server.
_NEVER = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's metadata and agent address, public by its number only
    ipaddress.ip_network("192.0.0.0/24"),  # IETF protocol assignments; Oracle's metadata service lives here
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, withdrawn by RFC 7526
    ipaddress.ip_network("fec0::/10"),  # site-local, withdrawn by RFC 3879, still routed in places
)
# IPv6 that carries an IPv4 address: the translator of NAT64 (RFC 6052, RFC 8215), in its last four bytes.
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.ip_network("::/96")


class Guard:
    """Which addresses may be reached; ``allow`` are the operator's networks beyond the public internet.

    ``deny`` are refused also inside those. ``setting`` is where the operator allows more, for the error's sentence.
    """

    def __init__(
        self, allow: Iterable[str] = (), *, deny: Iterable[str] = (), setting: str = "OFFHOOK_WEBHOOK_ALLOW"
    ) -> None:
        self._allow = tuple(ipaddress.ip_network(network) for network in allow)
        self._deny = tuple(ipaddress.ip_network(network) for network in deny)
        self.setting = setting

    def permits(self, address: str) -> bool:
        """Whether an address, written out, may be connected to."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        meant = tuple(_meanings(found))
        if any(_within(each, self._deny) for each in meant):
            return False
        return any(_within(each, self._allow) for each in meant) or all(map(_is_public, meant))


def _meanings(address: Address) -> Iterator[Address]:
    """The address, and every IPv4 address that a stack or a gateway on the way would take it for."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if _within(address, (*_NAT64, _COMPATIBLE)):
        yield ipaddress.IPv4Address(address.packed[-4:])


def _is_public(address: Address) -> bool:
    translated = _within(address, _NAT64)  # reserved by its number; what matters is the address it carries
    reserved = address.is_reserved and not translated
    return (
        (address.is_global or translated)
        and not (address.is_multicast or reserved or address.is_unspecified or address.is_loopback)
        and not _within(address, _NEVER)
    )


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


async def system_resolver(host: str, port: int) -> list[str]:
    """Addresses by the operating system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


class _GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Opens connections to permitted addresses only."""

    def __init__(self, guard: Guard, resolve: Resolver) -> None:
        self._guard, self._resolve = guard, resolve
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, and connect to the first permitted address that answers."""
        try:
            addresses = await asyncio.wait_for(self._resolve(host, port), timeout)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"the name {host} was not resolved in time") from error
        except OSError as error:
            raise httpcore2.ConnectError(f"the name {host} can't be resolved: {error.strerror or error}") from error
        permitted = [address for address in dict.fromkeys(addresses) if self._guard.permits(address)]
        if not permitted:
            raise ForbiddenAddressError(
                f"{host} leads to {', '.join(addresses) or 'no address'}, which is not on the public internet; "
                f"the operator can allow it with {self._guard.setting}"
            )
        failure: Exception | None = None
        for address in permitted:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(host)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 - the interface's
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - the interface's
    ) -> httpcore2.AsyncNetworkStream:
        """Never: a URL that names a file of this machine is no user's business."""
        raise ForbiddenAddressError(f"{path} is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """A transport of httpx2 for URLs that users name. Raises ForbiddenAddressError where it may not connect.

    Proxies of the environment are not used: they would resolve the name themselves.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        resolve: Resolver = system_resolver,
        verify: ssl.SSLContext | None = None,
        connections: int = 100,
    ) -> None:
        context = verify or httpx2.create_ssl_context()
        super().__init__(verify=context, trust_env=False)
        # httpx2 has no parameter for the network below its pool; the pool has.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=30.0,  # the next event of a call comes within seconds
            network_backend=_GuardedNetwork(guard, resolve),
        )
