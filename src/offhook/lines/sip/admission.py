"""What is refused at the door: strangers, floods, and requests that ask for what is not there (RFC 3261 §8.2)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from offhook.lines.sip.address import AddressError, read_name_addr, read_uri
from offhook.lines.sip.message import Request
from offhook.lines.sip.replies import ALLOW

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A hundred set-ups a second is ten times what two cores can carry as calls; the burst lets a test start 200 at once.
SETUPS_PER_S = 100.0
SETUP_BURST = 200.0
RETRY_AFTER_S = 5
MAX_CACHED_SOURCES = 4096

# Methods that exist but are not served here: 405 tells the peer that we know what it asks for.
KNOWN = frozenset(
    {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE",
     "REFER", "PRACK", "PUBLISH"}
)  # fmt: skip
SERVED = frozenset(part.strip() for part in ALLOW.split(","))
_BODIES = frozenset({"", "application/sdp"})
_URI_SCHEMES = frozenset({"sip", "sips", "tel"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request is refused with this code and these headers."""

    code: int
    fields: tuple[tuple[str, str], ...] = ()


class Admission:
    """Who may call in, and how many a second."""

    def __init__(
        self, allow: Iterable[str | Network], setups_per_s: float = SETUPS_PER_S, burst: float = SETUP_BURST
    ) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in allow)
        self._sources: dict[str, bool] = {}
        self._rate, self._burst = setups_per_s, burst
        self._tokens, self._filled_at = burst, 0.0

    def knows(self, host: str) -> bool:
        """Whether this source address may begin anything."""
        known = self._sources.get(host)
        if known is None:
            if len(self._sources) >= MAX_CACHED_SOURCES:
                self._sources.clear()
            known = self._sources[host] = self._within(host)
        return known

    def has_room(self, now: float) -> bool:
        """Whether one more set-up fits into this second; it is counted."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _within(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self._networks)


def fault(request: Request) -> Refusal | None:
    """What in a request cannot be served, by the order of RFC 3261 §8.2; None when nothing stands against it."""
    if request.method not in SERVED:
        return Refusal(405 if request.method in KNOWN else 501, (("Allow", ALLOW),))
    bad = _bad_address(request)
    if bad is not None:
        return bad
    hops = request.headers.get("Max-Forwards")
    if hops is not None and not (hops.isascii() and hops.isdigit() and len(hops) <= 4 and int(hops) <= 255):
        return Refusal(400)
    wanted = request.headers.tokens("Require")
    if wanted and request.method != "CANCEL":
        # No extension is supported that a peer could require.
        return Refusal(420, (("Unsupported", ", ".join(wanted)),))
    return _bad_body(request)


def _bad_address(request: Request) -> Refusal | None:
    if request.uri.partition(":")[0].lower() not in _URI_SCHEMES:
        return Refusal(416)
    try:
        read_uri(request.uri)
        read_name_addr(request.headers.get("From") or "")
        read_name_addr(request.headers.get("To") or "")
    except AddressError:
        return Refusal(400)
    return None if request.from_tag or _is_2543(request) else Refusal(400)


def _is_2543(request: Request) -> bool:
    """RFC 2543 had no obligatory From tag, and no magic cookie in its branches."""
    return not request.branch.startswith("z9hG4bK")


def _bad_body(request: Request) -> Refusal | None:
    if request.method not in {"INVITE", "UPDATE"} or not request.body:
        return None
    if (request.headers.get("Content-Encoding") or "identity").strip().lower() != "identity":
        return Refusal(415, (("Accept-Encoding", "identity"),))
    if request.content_type not in _BODIES:
        return Refusal(415, (("Accept", "application/sdp"),))
    return None
