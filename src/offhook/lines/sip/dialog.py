"""A dialog (RFC 3261 §12): who the two ends are, by which way requests go, and in which order they may come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offhook.lines.sip.address import AddressError, Hop, next_hop, parameter, read_name_addr, read_name_addrs, read_uri
from offhook.lines.sip.message import Headers, Request, Response


@dataclass(frozen=True, slots=True)
class DialogId:
    """What names a dialog, seen from us."""

    call_id: str
    local_tag: str
    remote_tag: str


@dataclass(slots=True)
class Dialog:
    """One dialog. ``local`` and ``remote`` are From/To values as written, tags included.

    ``flow`` is the connection that the peer opened: through NAT there is no other way back (RFC 5626 §5.3 in spirit).
    """

    call_id: str
    local: str
    remote: str
    local_tag: str
    remote_tag: str
    remote_target: str
    routes: tuple[str, ...]
    local_cseq: int
    remote_cseq: int | None
    flow: int | None = None

    @property
    def id(self) -> DialogId:
        """Its name."""
        return DialogId(self.call_id, self.local_tag, self.remote_tag)

    @classmethod
    def of_server(cls, invite: Request, local_tag: str, flow: int | None = None) -> Dialog:
        """The dialog that our answer to an INVITE makes (§12.1.1). Raises AddressError when it has no Contact."""
        to = invite.headers.get("To") or ""
        return cls(
            call_id=invite.call_id,
            local=f"{to};tag={local_tag}",
            remote=invite.headers.get("From") or "",
            local_tag=local_tag,
            remote_tag=invite.from_tag,
            remote_target=_contact(invite.headers),
            routes=_routes(invite.headers),
            local_cseq=0,
            remote_cseq=invite.cseq.sequence,
            flow=flow,
        )

    @classmethod
    def of_client(cls, invite: Request, response: Response) -> Dialog:
        """The dialog that a response to our INVITE makes (§12.1.2).

        Without a usable Contact the INVITE's URI stands in.
        Raises AddressError for routes that cannot be followed.
        """
        return cls(
            call_id=invite.call_id,
            local=invite.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            local_tag=invite.from_tag,
            remote_tag=response.to_tag,
            remote_target=_contact_or(response.headers, invite.uri),
            routes=tuple(reversed(_routes(response.headers))),
            local_cseq=invite.cseq.sequence,
            remote_cseq=None,
        )

    def follows(self, request: Request) -> bool:
        """Whether a request inside the dialog comes in order (§12.2.2); it counts from now on."""
        number = request.cseq.sequence
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh(self, headers: Headers) -> None:
        """Take a new remote target from a re-INVITE, an UPDATE or its 2xx; a bad one changes nothing."""
        self.remote_target = _contact_or(headers, self.remote_target)

    def request(self, method: str, via: str, *, cseq: int | None = None, fields: tuple[tuple[str, str], ...] = (),
                body: bytes = b"") -> Request:  # fmt: skip
        """Make a request inside the dialog (§12.2.1.1); an ACK brings its INVITE's ``cseq``."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._way()
        headers = (
            ("Via", via),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *fields,
        )
        return Request(Headers(headers), body, method=method, uri=uri)

    def hop(self) -> Hop:
        """Where requests inside the dialog are sent: the first route, else the remote target. Raises AddressError."""
        if self.routes:
            return next_hop(read_name_addr(self.routes[0]).uri)
        hop = next_hop(self.remote_target)
        return replace(hop, flow=self.flow) if hop.reliable else hop

    def _way(self) -> tuple[str, tuple[str, ...]]:
        """Request-URI and Route: a strict router (no ``lr``) gets itself as Request-URI, the target goes last."""
        if not self.routes:
            return self.remote_target, ()
        first = read_name_addr(self.routes[0]).uri
        if parameter(read_uri(first), "lr") is not None:
            return self.remote_target, self.routes
        return first.partition("?")[0], (*self.routes[1:], f"<{self.remote_target}>")


def _contact(headers: Headers) -> str:
    contacts = read_name_addrs(headers.all("Contact"))
    if not contacts:
        raise AddressError("no Contact")
    next_hop(contacts[0].uri)
    return contacts[0].uri


def _contact_or(headers: Headers, other: str) -> str:
    try:
        return _contact(headers)
    except AddressError:
        return other


def _routes(headers: Headers) -> tuple[str, ...]:
    routes = read_name_addrs(headers.all("Record-Route"))
    for route in routes:
        next_hop(route.uri)
    return tuple(f"<{route.uri}>" for route in routes)
