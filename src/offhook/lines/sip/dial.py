"""What an outbound call is asked to be, and the INVITE that it becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.errors import LineError
from offhook.lines.sip.address import (
    AddressError,
    Hop,
    Transport,
    bracketed,
    is_number,
    next_hop,
    read_name_addr,
    read_uri,
)
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import Headers, Request
from offhook.lines.sip.replies import ALLOW, SERVER

RING_LIMIT_S = 60.0  # three rings more than most people's voicemail waits
_SEPARATORS = re.compile(r"[\s().\-]")
_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
# Headers that the stack writes itself: a caller of ours who sets them would break the call.
_OURS = frozenset(
    [
        "via",
        "call-id",
        "cseq",
        "contact",
        "content-length",
        "content-type",
        "content-encoding",
        "max-forwards",
        "route",
        "record-route",
        "require",
        "proxy-require",
        "supported",
        "allow",
        "authorization",
        "proxy-authorization",
        "v",
        "i",
        "m",
        "l",
        "c",
        "e",
        "k",
    ]
)


class InvalidNumberError(LineError):
    """What should be dialled cannot be: no number, no usable URI, or a number without a proxy."""

    code = "invalid_number"


@dataclass(frozen=True, slots=True)
class Dial:
    """An outbound call. ``to``: a SIP URI, or a number when there is a ``proxy`` (host or host:port).

    ``headers`` go into the INVITE; ``From``, ``To`` and ``P-Asserted-Identity`` among them replace ours.
    """

    to: str
    from_: str
    headers: Mapping[str, str] = field(default_factory=dict)
    ring_timeout_s: float = RING_LIMIT_S
    proxy: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def target_of(dial: Dial) -> tuple[str, Hop]:
    """The Request-URI and where to send it. Raises InvalidNumberError."""
    number = _SEPARATORS.sub("", dial.to).removeprefix("tel:")
    try:
        hop = next_hop(_proxy_uri(dial.proxy)) if dial.proxy else None
        if is_number(number):
            if hop is None:
                raise InvalidNumberError(f"{dial.to} is a number, and no proxy is set to dial it by")
            return f"sip:{number}@{bracketed(hop.host)}:{hop.port}", hop
        uri = dial.to.strip()
        if re.search(r"[\s<>?]", uri) or not read_uri(uri).host:
            raise InvalidNumberError(f"{dial.to!r} is neither a number nor a SIP URI")
        return uri, hop or next_hop(uri)
    except AddressError as error:
        raise InvalidNumberError(f"{dial.to!r} cannot be dialled: {error}") from error


def _proxy_uri(proxy: str) -> str:
    return proxy if proxy.lower().startswith(("sip:", "sips:")) else f"sip:{proxy}"


def first_invite(dial: Dial, uri: str, hop: Hop, *, local: Local, contact: str, body: bytes) -> Request:
    """The INVITE of a call. Raises LineError for headers that may not or cannot be set."""
    custom = _checked(dial.headers)
    host = bracketed(local.host_for(hop.host))
    caller = custom.pop("from", None) or _party(dial.from_, host)
    callee = custom.pop("to", None) or f"<{uri}>"
    fields = [
        ("Via", local.via(hop.transport, hop.host)),
        ("Max-Forwards", "70"),
        ("From", f"{_without_tag(caller)};tag={local.token()}"),
        ("To", _without_tag(callee)),
        ("Call-ID", f"{local.token()}{local.token()}"),
        ("CSeq", "1 INVITE"),
        ("Contact", contact),
        ("Allow", ALLOW),
        ("User-Agent", SERVER),
        *((name, value) for name, value in dial.headers.items() if name.lower() in custom),
        ("Content-Type", "application/sdp"),
    ]
    return Request(Headers(fields), body, method="INVITE", uri=uri)


def contact_of(dial: Dial, local: Local, hop: Hop) -> str:
    """Our Contact in a call: its user part is the calling number."""
    user = _SEPARATORS.sub("", dial.from_)
    return local.contact(user if is_number(user) else "offhook", Transport(hop.transport), hop.host)


def _party(text: str, host: str) -> str:
    compact = _SEPARATORS.sub("", text)
    if is_number(compact):
        return f"<sip:{compact}@{host}>"
    try:
        usable = bool(read_uri(text).host) and re.search(r"[\s<>]", text) is None
    except AddressError:
        usable = False
    if not usable:
        raise InvalidNumberError(f"from {text!r} is neither a number nor a SIP URI")
    return f"<{text}>"


def _without_tag(value: str) -> str:
    try:
        address = read_name_addr(value)
        read_uri(address.uri)
    except AddressError as error:
        raise LineError(f"{value!r} cannot stand in From or To: {error}") from error
    display = f'"{address.display}" ' if address.display else ""
    return f"{display}<{address.uri}>"


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """The custom headers by lower-case name. A line break in one would smuggle in headers of its own."""
    for name, value in headers.items():
        if not _NAME.match(name):
            raise LineError(f"{name!r} is not the name of a SIP header")
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise LineError(f"{name}: a header's value is one line without control characters")
        if name.lower() in _OURS:
            raise LineError(f"{name} is written by the SIP stack and cannot be set")
    return {name.lower(): value for name, value in headers.items()}
