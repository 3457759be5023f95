"""Offer and answer of one call's audio (RFC 3264): which codec, where to, which way.

One audio stream is taken; every other stream of an offer is refused with port 0, as the RFC asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from offhook.lines.sip.sdp import Direction, Format, Media, SdpError, Session, format_sdp, parse_sdp

PTIME_MS = 20
EVENT_PAYLOAD = 101  # the number everybody uses for telephone-event in an offer
EVENT_RATE_HZ = 8000
# Our order in an offer; an answer follows the offer's own order (RFC 3264 §6.1).
CODECS = (Format(0, "PCMU", 8000), Format(8, "PCMA", 8000))
EVENTS = Format(EVENT_PAYLOAD, "telephone-event", EVENT_RATE_HZ, "0-15")
_MIRROR = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides agreed on. ``sends``/``receives`` is our side; ``event_payload`` None means no RFC 4733 keys."""

    remote: tuple[str, int]
    codec: str
    event_payload: int | None
    sends: bool = True
    receives: bool = True


class Negotiation:
    """The offers and answers of one call, from our side. ``host`` and ``port`` are where we receive."""

    def __init__(self, host: str, session_id: int) -> None:
        self._host = host
        self._session_id = session_id
        self._version = 0
        self._slots: tuple[Media, ...] = ()
        self._index = 0
        self.agreed: Agreed | None = None

    @staticmethod
    def check(body: bytes) -> Session:
        """Whether we could answer this offer. Raises SdpError (488)."""
        offer = parse_sdp(body)
        _pick(offer)
        return offer

    def answer(self, body: bytes, port: int) -> bytes:
        """Answer an offer; ``agreed`` is then what holds. Raises SdpError, and leaves everything as it was."""
        offer = parse_sdp(body)
        index, agreed = _pick(offer)
        chosen = next(codec for codec in CODECS if codec.name == agreed.codec)
        formats = [chosen]
        if agreed.event_payload is not None:
            formats.append(replace(EVENTS, payload=agreed.event_payload))
        mine = _audio(formats, port, _mirrored(offer.media[index]))
        mine = replace(mine, protocol=offer.media[index].protocol)
        slots = tuple(mine if i == index else _refused(media) for i, media in enumerate(offer.media))
        self._index, self.agreed = index, agreed
        return self._describe(slots)

    def offer(self, port: int) -> bytes:
        """Offer what we can (first, or again inside the call: streams keep their places, RFC 3264 §8)."""
        mine = _audio([*CODECS, EVENTS], port, Direction.SENDRECV)
        slots = tuple(mine if i == self._index else media for i, media in enumerate(self._slots)) or (mine,)
        return self._describe(slots)

    def take_answer(self, body: bytes) -> Agreed:
        """Take the answer to our offer. Raises SdpError when it names nothing we offered."""
        answer = parse_sdp(body)
        if self._index >= len(answer.media):
            raise SdpError("the answer leaves out the audio that was offered")
        media = answer.media[self._index]
        agreed = _usable(media)
        if agreed is None:
            raise SdpError("the answer takes no audio that was offered")
        self.agreed = agreed
        return agreed

    def _describe(self, slots: tuple[Media, ...]) -> bytes:
        if slots != self._slots:
            self._version += 1
            self._slots = slots
        family = "IP6" if ":" in self._host else "IP4"
        origin = f"offhook {self._session_id} {self._version} IN {family} {self._host}"
        return format_sdp(Session(origin, slots), self._host)


def _pick(offer: Session) -> tuple[int, Agreed]:
    for index, media in enumerate(offer.media):
        agreed = _usable(media)
        if agreed is not None:
            return index, agreed
    raise SdpError("offers no G.711 audio over plain RTP")


def _usable(media: Media) -> Agreed | None:
    if media.kind != "audio" or media.port == 0 or media.protocol not in {"RTP/AVP", "RTP/AVPF"}:
        return None
    codec = next((one for one in media.formats if _is_ours(one)), None)
    if codec is None:
        return None
    if media.address is None:
        raise SdpError("names no address for its audio")
    events = next(
        (
            one.payload
            for one in media.formats
            if one.name.lower() == "telephone-event" and one.rate_hz == EVENT_RATE_HZ
        ),
        None,
    )
    direction = _offered(media)
    return Agreed((media.address, media.port), codec.name.upper(), events, direction.receives, direction.sends)


def _is_ours(one: Format) -> bool:
    return any((one.payload, one.name.upper(), one.rate_hz) == (ours.payload, ours.name, 8000) for ours in CODECS)


def _offered(media: Media) -> Direction:
    """The direction meant: an address of 0.0.0.0 is the old way to say "send me nothing" (RFC 3264 §8.4)."""
    if not media.on_hold_address:
        return media.direction
    return Direction.SENDONLY if media.direction.sends else Direction.INACTIVE


def _mirrored(media: Media) -> Direction:
    return _MIRROR[_offered(media)]


def _audio(formats: list[Format], port: int, direction: Direction) -> Media:
    payloads = tuple(str(one.payload) for one in formats)
    return Media("audio", port, "RTP/AVP", payloads, tuple(formats), direction=direction, ptime_ms=PTIME_MS)


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.payloads[:1])
