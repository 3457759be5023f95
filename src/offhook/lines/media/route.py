"""Where a leg's media goes and what it is, as signalling negotiated it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from offhook.errors import LineError
from offhook.lines.media.codec import Codec

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Route:
    """The far end's address, the codec, and the payload type of telephone events (None: it takes none).

    ``reachable`` tells whether anything can be sent there: 0.0.0.0 and port 0 mean hold or no media.
    """

    address: Address
    codec: Codec
    telephone_event_pt: int | None
    reachable: bool


def make_route(remote: Address, codec: Codec, telephone_event_pt: int | None) -> Route:
    """Check an address: names are for signalling to resolve. Raises LineError."""
    try:
        host = ip_address(remote[0])
    except ValueError as error:
        raise LineError(f"{remote[0]!r} is not an IP address media can be sent to") from error
    return Route((host.compressed, remote[1]), codec, telephone_event_pt, remote[1] > 0 and not host.is_unspecified)
