"""SDP (RFC 8866) as far as a phone call needs it: strict on what we use, blind to the rest."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum

from offhook.errors import LineError

MAX_MEDIA = 16  # a phone offers one or two; a bound keeps answers short
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-.]{0,252})\Z")


class SdpError(LineError):
    """A session description that cannot be used."""

    code = "sdp_malformed"


class Direction(StrEnum):
    """Which way media flows, seen from whoever wrote the description (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether its writer wants to send."""
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        """Whether its writer wants to receive."""
        return self in {Direction.SENDRECV, Direction.RECVONLY}


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type: ``PCMU/8000`` with its format parameters."""

    payload: int
    name: str
    rate_hz: int
    parameters: str = ""

    def __str__(self) -> str:
        return f"{self.name}/{self.rate_hz}"


# RFC 3551 table 4: what a payload type means without an rtpmap.
STATIC = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    13: ("CN", 8000),
    18: ("G729", 8000),
}


@dataclass(frozen=True, slots=True)
class Media:
    """One ``m=`` section. ``port`` 0 means rejected; ``address`` is None where neither level names one."""

    kind: str
    port: int
    protocol: str
    payloads: tuple[str, ...]
    formats: tuple[Format, ...] = ()
    address: str | None = None
    direction: Direction = Direction.SENDRECV
    ptime_ms: int | None = None
    on_hold_address: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A session description. ``origin`` is the o= line's value: its id and version tell one from the next."""

    origin: str
    media: tuple[Media, ...]


@dataclass(slots=True)
class _Section:
    line: str
    connection: str | None = None
    attributes: list[tuple[str, str]] = field(default_factory=list)


def parse_sdp(body: bytes) -> Session:
    """Read a description. Raises SdpError."""
    lines = [line for line in body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n") if line.strip()]
    if not lines or lines[0].strip() != "v=0":
        raise SdpError("does not begin with v=0")
    origin, top = "", _Section("")
    sections: list[_Section] = []
    for line in lines[1:]:
        kind, equals, value = line.partition("=")
        value = value.strip()
        if equals != "=" or len(kind) != 1:
            raise SdpError(f"line {line[:40]!r} is not of the form x=value")
        current = sections[-1] if sections else top
        if kind == "m":
            sections.append(_Section(value))
        elif kind == "c":
            current.connection = value
        elif kind == "a":
            name, _, text = value.partition(":")
            current.attributes.append((name.strip(), text.strip()))
        elif kind == "o" and not sections:
            origin = value
    if not sections:
        raise SdpError("has no media")
    if len(sections) > MAX_MEDIA:
        raise SdpError(f"has more than {MAX_MEDIA} media")
    return Session(origin, tuple(_media(section, top) for section in sections))


def _media(section: _Section, top: _Section) -> Media:
    parts = section.line.split()
    if len(parts) < 4:
        raise SdpError(f"m={section.line[:40]} is too short")
    kind, port_text, protocol, *payloads = parts
    port = _number(port_text.partition("/")[0], 65535, f"m={section.line[:40]}: port")
    connection = section.connection or top.connection
    address = _address(connection) if connection is not None else None
    # RFC 2543 hold: the peer takes media nowhere.
    held = address in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    return Media(
        kind=kind.lower(),
        port=port,
        protocol=protocol.upper(),
        payloads=tuple(payloads),
        formats=_formats(payloads, section) if protocol.upper().startswith("RTP/") else (),
        address=address,
        direction=_direction(section.attributes, _direction(top.attributes, Direction.SENDRECV)),
        ptime_ms=_ptime(section.attributes),
        on_hold_address=held,
    )


def _formats(payloads: list[str], section: _Section) -> tuple[Format, ...]:
    maps, parameters = {}, {}
    for name, text in section.attributes:
        number, _, rest = text.partition(" ")
        if name == "rtpmap":
            maps[number] = rest.strip()
        elif name == "fmtp":
            parameters[number] = rest.strip()
    found = []
    for payload in payloads:
        payload_type = _number(payload, 127, "payload type")
        encoding = _encoding(maps.get(payload), payload_type)
        if encoding is not None:
            found.append(Format(payload_type, *encoding, parameters.get(payload, "")))
    return tuple(found)


def _encoding(mapped: str | None, number: int) -> tuple[str, int] | None:
    if mapped is None:
        return STATIC.get(number)
    name, _, rest = mapped.partition("/")
    rate, _, channels = rest.partition("/")
    if channels not in {"", "1"}:
        return None
    return name.strip(), _number(rate, 1_000_000, "clock rate")


def _address(connection: str) -> str:
    parts = connection.split()
    if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in {"IP4", "IP6"}:
        raise SdpError(f"c={connection[:60]} is not an internet address")
    host = parts[2].partition("/")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOSTNAME.match(host) or not any(char.isalpha() for char in host):
            raise SdpError(f"c={connection[:60]} has no usable address") from None
        return host
    if address.is_multicast:
        raise SdpError("multicast media is not for a phone call")
    return str(address)


def _direction(attributes: list[tuple[str, str]], default: Direction) -> Direction:
    named = [Direction(name.lower()) for name, _ in attributes if name.lower() in set(Direction)]
    return named[-1] if named else default


def _ptime(attributes: list[tuple[str, str]]) -> int | None:
    text = next((text for name, text in attributes if name == "ptime"), None)
    # A ptime that is no number is not worth a refused call; we send 20 ms whatever it says.
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 4 else None


def _number(text: str, limit: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 7) or int(text) > limit:
        raise SdpError(f"{what} {text[:20]!r} is not a number up to {limit}")
    return int(text)


def format_sdp(session: Session, host: str) -> bytes:
    """Write a description whose media is received at ``host``."""
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o={session.origin}", "s=-", f"c=IN {family} {host}", "t=0 0"]
    for media in session.media:
        lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.payloads)}")
        if media.port == 0:
            continue
        for one in media.formats:
            lines.append(f"a=rtpmap:{one.payload} {one}")
            if one.parameters:
                lines.append(f"a=fmtp:{one.payload} {one.parameters}")
        if media.ptime_ms is not None:
            lines.append(f"a=ptime:{media.ptime_ms}")
        lines.append(f"a={media.direction}")
    return ("\r\n".join(lines) + "\r\n").encode()
