"""A line without a network: ``tick`` passes 20 ms, sends what is queued and hands in what the far end says."""

from __future__ import annotations

from collections.abc import Callable

from offhook.errors import LineError
from offhook.lines.line import Ability, Answered, Ended, Frame, LineEvent, LineFacts, MediaStats, Party, Ringing, Sent

FRAME_BYTES = 320


class FakeLine:
    """Behaves as a SIP line does, tick by tick; ``said`` gathers all audio sent.

    It transfers and sends text messages too, and fails to for the reason in ``refusal``.
    """

    def __init__(self, from_number: str = "+33111111111", to_number: str = "+33123456789") -> None:
        self.rate_hz = 8000
        self.abilities = frozenset(Ability)
        self.transfers: list[tuple[str, bool]] = []
        self.texts: list[str] = []
        self.refusal: str | None = None
        self.facts = LineFacts(from_number, to_number, carrier_call_id="fake", remote="127.0.0.1:5060", codec="PCMU")
        self.on_event: Callable[[LineEvent], None] = lambda _: None
        self.on_frame: Callable[[Frame], None] = lambda _: None
        self.said = bytearray()
        self.rejected: tuple[int, int | None] | None = None
        self.dtmf_sent = ""
        self.ended = False
        self._queue: list[tuple[int, bytearray, bool]] = []
        self._counts: dict[int, int] = {}
        self._index = 0

    def ring(self) -> None:
        """The far end hears it ring."""
        self.on_event(Ringing())

    def answer(self) -> None:
        """Taken, and confirmed at once."""
        self.on_event(Answered())

    def reject(self, code: int, retry_after_s: int | None = None) -> None:
        """Refused."""
        self.rejected = (code, retry_after_s)
        self.ended = True

    def play(self, utterance: int, pcm: bytes) -> None:
        """Queue audio."""
        if not self._queue or self._queue[-1][0] != utterance:
            self._queue.append((utterance, bytearray(), False))
        self._queue[-1][1].extend(pcm)

    def flush(self, utterance: int) -> None:
        """Pad the last frame."""
        if self._queue and self._queue[-1][0] == utterance:
            pcm = self._queue[-1][1]
            pcm.extend(bytes(-len(pcm) % FRAME_BYTES))

    def clear(self) -> None:
        """Drop what is queued."""
        self._queue.clear()

    def send_dtmf(self, digits: str) -> None:
        """Remember the digits."""
        self.dtmf_sent += digits

    async def transfer(self, destination: str, *, attended: bool) -> None:
        """Remember where to, or refuse."""
        self._refuse()
        self.transfers.append((destination, attended))

    async def send_text(self, text: str) -> None:
        """Remember it, or refuse."""
        self._refuse()
        self.texts.append(text)

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise LineError(self.refusal)

    async def hang_up(self) -> None:
        """End it from our side."""
        if not self.ended:
            self.ended = True
            self.on_event(Ended(Party.PLATFORM, None, "we hung up"))

    def far_end_hangs_up(self) -> None:
        """End it from the other side."""
        self.ended = True
        self.on_event(Ended(Party.CALLER, None, "BYE"))

    @property
    def stats(self) -> MediaStats:
        """Counters of the ticks passed."""
        return MediaStats(sent=self._index, received=self._index)

    def tick(self, heard: bytes | None = None, digit: str | None = None) -> Frame:
        """Pass 20 ms."""
        said, sent = None, None
        if self._queue and len(self._queue[0][1]) >= FRAME_BYTES:
            utterance, pcm, _ = self._queue[0]
            said = bytes(pcm[:FRAME_BYTES])
            del pcm[:FRAME_BYTES]
            self._counts[utterance] = self._counts.get(utterance, 0) + FRAME_BYTES // 2
            sent = Sent(utterance, self._counts[utterance])
            if not pcm and len(self._queue) > 1:
                self._queue.pop(0)
            self.said += said
        else:
            self.said += bytes(FRAME_BYTES)
        frame = Frame(self._index, heard, said, sent, digit)
        self._index += 1
        self.on_frame(frame)
        return frame
