"""SIP messages as values (RFC 3261 §7): split into start line, headers and body, and joined again byte for byte.

``sipmessage`` knows the grammar of URIs, Via and CSeq. The split is ours because an answer must echo header values
exactly as they came, and because a message that is wrong in one header must still be answered with 400.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from sipmessage import CSeq, Via
from sipmessage.message import COMPACT_FORMS

from offhook.errors import LineError

# Room for a full SDP and a long route; what is larger is no call set-up (RFC 3261 §21.5.7 lets a server set the bound).
MAX_MESSAGE_BYTES = 16_384
# RFC 3261 §8.1.1.7: a branch that begins so is unique.
MAGIC_COOKIE = "z9hG4bK"
MAX_HEADERS = 200
# RFC 3261 §8.1.1.5: a sequence number is below 2**31.
CSEQ_LIMIT = 2**31

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_FOLD = re.compile(r"\r\n[ \t]+")
# RFC 3261 §25.1 ``hostname``, and underscores, which people's machines have all the same.
HOST_NAME = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?\.)*[A-Za-z](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?\.?"
STAND_IN = "name.invalid"
_VIA_HOST = re.compile(rf"(SIP\s*/\s*2\.0\s*/\s*[^\s/]+\s+)({HOST_NAME})(?=\s*(?:[;:]|\Z))")
_SINGLE = ("From", "To", "Call-ID", "CSeq")
_AT_MOST_ONCE = (*_SINGLE, "Max-Forwards", "Content-Length", "Content-Type")

PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
}


class MalformedMessageError(LineError):
    """Bytes that are no good SIP message; ``partial`` is what could be read, when that is enough to answer ``code``."""

    code = "sip_malformed"

    def __init__(self, reason: str, partial: Request | None = None, status: int = 400) -> None:
        self.reason, self.partial, self.status = reason, partial, status
        super().__init__(reason)


class Headers:
    """Header fields in their order, found by name without regard to case; never changed, only copied."""

    __slots__ = ("_by_name", "_fields")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)
        self._by_name: dict[str, list[str]] = {}
        for name, value in self._fields:
            self._by_name.setdefault(name.lower(), []).append(value)

    def get(self, name: str) -> str | None:
        """First value of a header, or None."""
        values = self._by_name.get(name.lower())
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return list(self._by_name.get(name.lower(), ()))

    def tokens(self, name: str) -> list[str]:
        """The comma-separated tokens of a header such as Require."""
        return [token for value in self.all(name) for part in value.split(",") if (token := part.strip())]

    def but(self, name: str, *values: str) -> Headers:
        """A copy in which a header has these values, at its old place or at the end."""
        wanted = name.lower()
        place = next((i for i, (key, _) in enumerate(self._fields) if key.lower() == wanted), len(self._fields))
        before = self._fields[:place]
        after = tuple(field for field in self._fields[place:] if field[0].lower() != wanted)
        return Headers((*before, *((name, value) for value in values), *after))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


@dataclass(frozen=True)
class Message:
    """What requests and responses share."""

    headers: Headers
    body: bytes = b""

    @cached_property
    def via(self) -> Via:
        """The topmost Via. Raises MalformedMessageError."""
        value = self.headers.get("Via")
        if value is None:
            raise MalformedMessageError("no Via")
        try:
            return _read_via(split_list(value)[0])
        except (ValueError, TypeError, IndexError) as error:  # TypeError: sipmessage on a parameter named "self"
            raise MalformedMessageError(f"Via: {error}") from error

    @cached_property
    def cseq(self) -> CSeq:
        """The CSeq. Raises MalformedMessageError."""
        try:
            value = CSeq.parse(self.headers.get("CSeq") or "")
        except ValueError as error:
            raise MalformedMessageError(f"CSeq: {error}") from error
        if value.sequence >= CSEQ_LIMIT:
            raise MalformedMessageError("CSeq is 2**31 or more")
        return value

    @property
    def branch(self) -> str:
        """The topmost Via's branch, empty when it has none."""
        return self.via.parameters.get("branch") or ""

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.headers.get("Call-ID") or ""

    @property
    def from_tag(self) -> str:
        """The tag in From, empty when it has none."""
        return tag_of(self.headers.get("From") or "")

    @property
    def to_tag(self) -> str:
        """The tag in To, empty outside a dialog."""
        return tag_of(self.headers.get("To") or "")

    @property
    def content_type(self) -> str:
        """Type of the body in lower case without parameters, empty when there is none."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    def __bytes__(self) -> bytes:
        return self._join(self._start_line())

    def _start_line(self) -> str:
        raise TypeError("a message is a request or a response")

    def _join(self, start: str) -> bytes:
        fields = [f"{name}: {value}\r\n" for name, value in self.headers if name != "Content-Length"]
        head = f"{start}\r\n{''.join(fields)}Content-Length: {len(self.body)}\r\n\r\n"
        return head.encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True)
class Request(Message):
    """A SIP request; ``uri`` is the Request-URI as written."""

    method: str = ""
    uri: str = ""

    def _start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    @cached_property
    def transaction_key(self) -> tuple[str, ...]:
        """What makes two requests one transaction (RFC 3261 §17.2.3), an ACK being one with its INVITE."""
        method = "INVITE" if self.method == "ACK" else self.method
        sent_by = f"{self.via.host}:{self.via.port or 5060}".lower()
        if self.branch.startswith(MAGIC_COOKIE) and len(self.branch) > len(MAGIC_COOKIE):
            return (self.branch, sent_by, method)
        # RFC 2543 had no unique branches.
        return (self.uri, self.call_id, self.from_tag, str(self.cseq.sequence), sent_by, method)

    def with_via(self, *values: str) -> Request:
        """A copy with other Via values that say the same of the sender: what was read of them holds on."""
        copy = replace(self, headers=self.headers.but("Via", *values))
        copy.__dict__.update({name: self.__dict__[name] for name in ("via", "cseq") if name in self.__dict__})
        return copy


@dataclass(frozen=True)
class Response(Message):
    """A SIP response."""

    code: int = 0
    phrase: str = ""

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.code} {self.phrase}"


def parse(data: bytes) -> Request | Response:
    """Read one message (a datagram, or what stream framing cut out). Raises MalformedMessageError."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MalformedMessageError("message too large", _salvage(data[:MAX_MESSAGE_BYTES]), status=513)
    head, separator, body = data.partition(b"\r\n\r\n")
    lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    headers, fault = _split_headers(lines[1:])
    if not separator:
        fault = fault or "no empty line after the headers"
    message = _start(lines[0], headers, body)
    try:
        return _checked(message, fault)
    except MalformedMessageError as error:
        partial = message if isinstance(message, Request) and _answerable(message) else None
        raise MalformedMessageError(error.reason, partial, error.status) from error


def _read_via(value: str) -> Via:
    named = _VIA_HOST.match(value)
    if named is None:
        return Via.parse(value)
    # sipmessage takes no host name that ends in a digit ("pbx1"): it reads the rest, and the name is put back.
    return replace(Via.parse(f"{named[1]}{STAND_IN}{value[named.end() :]}"), host=named[2])


def _start(line: str, headers: Headers, body: bytes) -> Request | Response:
    if line.startswith("SIP/2.0 "):
        _, code, phrase = [*line.split(" ", 2), ""][:3]
        if len(code) == 3 and code.isascii() and code.isdigit() and 100 <= int(code) <= 699:
            return Response(headers, body, code=int(code), phrase=phrase)
        raise MalformedMessageError(f"response code {code[:20]!r}")
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if not _TOKEN.match(method):
        raise MalformedMessageError("neither request nor response")
    request = Request(headers, body, method=method, uri=uri)
    if version == "SIP/2.0" and uri and not re.search(r"[\s<>]", uri):
        return request
    partial = request if _answerable(request) else None
    other = re.fullmatch(r"SIP/\d+\.\d+", version) is not None and version != "SIP/2.0"
    raise MalformedMessageError("request line", partial, status=505 if other else 400)


def _split_headers(lines: list[str]) -> tuple[Headers, str | None]:
    fields, fault = [], None
    if len(lines) > MAX_HEADERS:
        fault = f"more than {MAX_HEADERS} headers"
    for line in lines[:MAX_HEADERS]:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _TOKEN.match(name):
            fault = fault or f"header line {line[:40]!r}"
            continue
        fields.append((COMPACT_FORMS.get(name.lower(), name), value.strip(" \t")))
    return Headers(fields), fault


def _checked(message: Request | Response, fault: str | None) -> Request | Response:
    """Check what every message must have (RFC 3261 §8.1.1) and cut the body to its length."""
    if fault:
        raise MalformedMessageError(fault)
    for name in _SINGLE:
        if message.headers.get(name) is None:
            raise MalformedMessageError(f"no {name}")
    for name in _AT_MOST_ONCE:
        if len(message.headers.all(name)) > 1:
            raise MalformedMessageError(f"more than one {name}")
    for value in (message.headers.get("From") or "", message.headers.get("To") or ""):
        if value.count('"') - value.count('\\"') & 1:
            raise MalformedMessageError("unbalanced quotes")
    _ = message.via
    if isinstance(message, Request) and message.cseq.method != message.method:
        raise MalformedMessageError("CSeq names another method")
    _ = message.cseq
    body = _cut(message.headers, message.body)
    return message if len(body) == len(message.body) else replace(message, body=body)


def _cut(headers: Headers, body: bytes) -> bytes:
    text = headers.get("Content-Length")
    if text is None:
        return body
    # Ten digits hold any length; more would be a trap for int().
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise MalformedMessageError("Content-Length is not a number")
    if int(text) > len(body):
        raise MalformedMessageError("body is shorter than Content-Length")
    return body[: int(text)]


def _answerable(request: Request) -> bool:
    """Whether enough is there to send a response to: a Via, and something to match it by."""
    try:
        return bool(request.via.host) and request.method != "ACK"
    except MalformedMessageError:
        return False


def _salvage(data: bytes) -> Request | None:
    lines = _FOLD.sub(" ", data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")).split("\r\n")
    headers, _ = _split_headers(lines[1:])
    request = Request(headers, method=lines[0].partition(" ")[0], uri="")
    return request if _answerable(request) else None


def split_list(value: str) -> list[str]:
    """Split a header value at its commas, but not inside quotes or angle brackets."""
    if "," not in value:
        return [stripped] if (stripped := value.strip()) else []
    parts, start, quoted, depth, escaped = [], 0, False, 0, False
    for i, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            depth += 1 if char == "<" else -1
        elif char == "," and depth <= 0:
            parts.append(value[start:i].strip())
            start = i + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def readable(text: str, limit: int = 1000) -> str:
    """A text of the wire for records and logs: what is no UTF-8 or no print becomes a mark, and length has an end."""
    decoded = text[:limit].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in decoded)


def tag_of(value: str) -> str:
    """The ``tag`` parameter of a From or To value; empty when there is none."""
    after = value.rpartition(">")[2] if ">" in value else value
    found = re.search(r";\s*tag\s*=\s*([^\s;,]+)", after, re.IGNORECASE)
    return found[1] if found else ""
