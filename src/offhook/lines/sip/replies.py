"""Responses to requests: what is copied, tagged and added (RFC 3261 §8.2.6), and where they go (§18.2.2, RFC 3581)."""

from __future__ import annotations

import hashlib
import re

from offhook.lines.sip.address import DEFAULT_PORT, Hop
from offhook.lines.sip.message import PHRASES, Headers, Request, Response, split_list

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
SERVER = "offhook"
_RPORT = re.compile(r";\s*rport\s*(?:=\s*\d*)?(?=;|$|\s)", re.IGNORECASE)
_RECEIVED = re.compile(r";\s*received\s*=\s*[^;,\s]+", re.IGNORECASE)


def stamp(request: Request, source: tuple[str, int]) -> Request:
    """Note in the topmost Via where the request really came from (``received``, ``rport``)."""
    first, *others = [part for value in request.headers.all("Via") for part in split_list(value)]
    host, port = source
    via = request.via
    wants_rport = any(name.lower() == "rport" for name in via.parameters)
    if wants_rport or via.host.strip("[]") != host:
        first = f"{_RECEIVED.sub('', first)};received={host}"
    if wants_rport:
        first = _RPORT.sub("", first, count=1) + f";rport={port}"
    return request.with_via(first, *others)


def response_hop(request: Request, source: Hop) -> Hop:
    """Where responses to a request go: back where it came from with rport, else to the Via's port."""
    via = request.via
    if source.flow is not None or any(name.lower() == "rport" for name in via.parameters):
        return source
    return Hop(source.transport, source.host, via.port or DEFAULT_PORT)


def reply(
    request: Request,
    code: int,
    *,
    tag: str = "",
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    phrase: str = "",
) -> Response:
    """Make the response to a request; ``tag`` goes into To unless it has one or the code is 100."""
    copied = [(name, value) for name, value in request.headers if name.lower() == "via"]
    for name in ("From", "To", "Call-ID", "CSeq"):
        value = request.headers.get(name)
        if value is None:
            continue
        if name == "To" and code > 100 and tag and not request.to_tag:
            value = f"{value};tag={tag}"
        copied.append((name, value))
    if 101 <= code < 300:
        copied += [(name, value) for name, value in request.headers if name.lower() == "record-route"]
    extra = (*fields, ("Server", SERVER))
    return Response(Headers((*copied, *extra)), body, code=code, phrase=phrase or PHRASES.get(code, "Refused"))


def stateless(request: Request, code: int, fields: tuple[tuple[str, str], ...] = ()) -> Response:
    """A response made without any memory: its tag comes from the request alone (RFC 3261 §8.2.7)."""
    seed = f"{request.headers.get('Via')}{request.call_id}{request.from_tag}"
    tag = hashlib.sha256(seed.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return reply(request, code, tag=tag, fields=fields)
