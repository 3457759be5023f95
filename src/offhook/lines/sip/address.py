"""SIP addresses: name-addr values, URIs, where a message goes next, and what counts as a phone number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sipmessage import URI

from offhook.errors import LineError
from offhook.lines.sip.message import HOST_NAME, STAND_IN, split_list

DEFAULT_PORT = 5060
_NUMBER = re.compile(r"\+?[0-9]+\Z")
_HOST = re.compile(rf"{HOST_NAME}(?=[:;]|\Z)")
_PARAMETER = re.compile(r'\s*;\s*([^\s;=,]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,]*))?')
_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*')


class AddressError(LineError):
    """A URI or name-addr that cannot be used."""

    code = "sip_address"


class Transport(StrEnum):
    """How messages travel. TLS is named so that a URI asking for it is refused with a reason."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a message goes: a host (name or address) and port; ``flow`` is the connection it should use, if any."""

    transport: Transport
    host: str
    port: int
    flow: int | None = None

    @property
    def reliable(self) -> bool:
        """Whether nothing is lost on the way, so that nothing is sent twice."""
        return self.transport is not Transport.UDP

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class NameAddr:
    """One value of From, To, Contact, Route or P-Asserted-Identity; ``uri`` is as written."""

    uri: str
    display: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_name_addr(value: str) -> NameAddr:
    """Read the first name-addr or addr-spec of a header value. Raises AddressError."""
    quoted = _QUOTED.match(value)
    display, rest = (quoted[1], value[quoted.end() :]) if quoted else ("", value)
    before, opened, after = rest.partition("<")
    if opened:
        uri, closed, tail = after.partition(">")
        if not closed:
            raise AddressError(f"{value[:60]!r} has no closing bracket")
        display = display or before.strip()
    else:
        # RFC 3261 §20: without brackets the parameters belong to the header, not to the URI.
        found = re.match(r"\s*([^\s;,]+)", rest)
        if quoted or found is None:
            raise AddressError(f"{value[:60]!r} is no address")
        uri, tail = found[1], rest[found.end() :]
    if not uri.strip():
        raise AddressError(f"{value[:60]!r} has no URI")
    return NameAddr(uri.strip(), display, _parameters(tail))


def read_name_addrs(values: list[str]) -> list[NameAddr]:
    """Read every name-addr of a header that may be a list. Raises AddressError."""
    return [read_name_addr(part) for value in values for part in split_list(value)]


def _parameters(tail: str) -> dict[str, str]:
    return {found[1].lower(): (found[2] or "").strip('"') for found in _PARAMETER.finditer(tail)}


def read_uri(text: str) -> URI:
    """Read a sip, sips or tel URI; header parts (``?…``) are left out. Raises AddressError."""
    scheme, colon, rest = text.partition("?")[0].partition(":")
    user, at, where = rest.rpartition("@")
    named = _HOST.match(where) if scheme.lower() != "tel" else None
    try:
        if named is None:
            return URI.parse(f"{scheme.lower()}{colon}{rest}")
        # sipmessage takes no host name that ends in a digit ("pbx1"): it reads the rest, and the name is put back.
        stood_in = URI.parse(f"{scheme.lower()}{colon}{user}{at}{STAND_IN}{where[named.end() :]}")
        return replace(stood_in, host=named[0])
    except (ValueError, TypeError) as error:  # TypeError: sipmessage on a parameter named "self"
        raise AddressError(f"{text[:80]!r} is not a sip, sips or tel URI") from error


def parameter(uri: URI, name: str) -> str | None:
    """A URI parameter by name without regard to case; empty when it has no value, None when absent."""
    return next((value or "" for key, value in uri.parameters.items() if key.lower() == name), None)


def next_hop(text: str) -> Hop:
    """Where a request to this URI goes (RFC 3263 §4.1 without NAPTR and SRV). Raises AddressError."""
    uri = read_uri(text)
    if not uri.host:
        raise AddressError(f"{text!r} is a number and needs a proxy to be dialled")
    transport = (parameter(uri, "transport") or "udp").upper()
    if uri.scheme == "sips" or transport not in {Transport.UDP, Transport.TCP}:
        raise AddressError(f"{text!r} asks for a transport that is not there (udp and tcp are)")
    host = parameter(uri, "maddr") or uri.host
    port = DEFAULT_PORT if uri.port is None else uri.port
    if not 0 < port < 65536:
        raise AddressError(f"{text!r} has no usable port")
    return Hop(Transport(transport), host.strip("[]"), port)


def is_number(text: str) -> bool:
    """Whether a text is a phone number: digits, perhaps after a plus."""
    return _NUMBER.match(text) is not None


def caller_or_callee(text: str) -> str:
    """What a URI says about a party: its user part when that is a phone number, else ``sip:user@host[:port]``."""
    try:
        uri = read_uri(text)
    except AddressError:
        return text
    number = (uri.user or "").partition(";")[0]
    if is_number(number):
        return number
    # As written: an escaped line break must stay escaped.
    user, at, host = text.partition("?")[0].partition(":")[2].rpartition("@")
    return f"{uri.scheme}:{user.partition(':')[0]}{at}{host.partition(';')[0]}"


def bracketed(host: str) -> str:
    """A host as it stands in a URI or Via: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host
