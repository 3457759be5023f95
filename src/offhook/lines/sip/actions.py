"""What the call machines want done, as values; the stack carries them out."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.lines.line import Party
from offhook.lines.sip.address import Hop
from offhook.lines.sip.message import Message, Request, Response
from offhook.lines.sip.negotiation import Agreed
from offhook.lines.sip.transactions import ServerTransaction


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer a request through its transaction."""

    transaction: ServerTransaction
    response: Response


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request in a transaction of its own; its responses come back to the call."""

    request: Request
    hop: Hop


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a message without a transaction (the ACK of a 2xx)."""

    message: Message
    hop: Hop


@dataclass(frozen=True, slots=True)
class Abandon:
    """Nobody waits for the responses to this request any more."""

    request: Request


@dataclass(frozen=True, slots=True)
class Rang:
    """The far end rings; ``early_media`` when it sends audio already."""

    early_media: bool


@dataclass(frozen=True, slots=True)
class MediaAgreed:
    """Audio goes this way from now on (first, or after a re-INVITE)."""

    agreed: Agreed


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The call is answered and both ends know."""


@dataclass(frozen=True, slots=True)
class Over:
    """The call is over; the last thing told of it."""

    party: Party
    code: int | None
    detail: str


CallEvent = Rang | MediaAgreed | Confirmed | Over


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the line of this call."""

    event: CallEvent


Action = Respond | Ask | Transmit | Abandon | Tell
