"""Sound waiting to be sent, frame by frame, each counted to its utterance."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from offhook.lines.line import Sent
from offhook.lines.media.codec import FRAME_BYTES, FRAME_SAMPLES, Codec


class _Chunk(NamedTuple):
    """Sound of an utterance as PCM and coded; without sound: the utterance is complete."""

    utterance: int
    pcm: bytes
    payload: bytes
    codec: Codec


_EMPTY = _Chunk(0, b"", b"", Codec.PCMU)


class PlayQueue:
    """One thread adds, another takes. Clearing is making a new one: what the taker holds goes with the old one."""

    def __init__(self) -> None:
        self._waiting: deque[_Chunk] = deque()
        self._odd: tuple[int, bytes] = (0, b"")
        self._chunk = _EMPTY
        self._at = 0
        self._samples = 0

    def play(self, utterance: int, pcm: bytes, codec: Codec) -> None:
        """Add s16le PCM of an utterance, any length, and code it, many frames at once."""
        if self._odd[1]:
            # A voice's stream was cut within a sample: its other byte comes first now.
            pcm = self._odd[1] + pcm if self._odd[0] == utterance else pcm
        whole = len(pcm) & ~1
        self._odd = (utterance, pcm[whole:])
        if whole:
            pcm = bytes(pcm[:whole])
            self._waiting.append(_Chunk(utterance, pcm, codec.encode(pcm), codec))

    def flush(self, utterance: int) -> None:
        """The utterance has no more: its last partial frame may go."""
        self._waiting.append(_EMPTY._replace(utterance=utterance))

    def take(self, codec: Codec) -> tuple[bytes, bytes, Sent] | None:
        """The next frame, coded (160 bytes) and as PCM (320), and how far its utterance now is.

        None while less than a frame is there. The end of an utterance, padded with silence, goes when it is flushed
        or another one follows.
        """
        at, chunk = self._at, self._chunk
        end = at + FRAME_SAMPLES
        if end > len(chunk.payload):
            return self._take_across(codec)
        if chunk.codec is not codec:
            # Negotiated anew in mid-utterance.
            self._chunk = chunk = chunk._replace(payload=codec.encode(chunk.pcm), codec=codec)
        self._at = end
        self._samples += FRAME_SAMPLES
        return chunk.payload[at:end], chunk.pcm[2 * at : 2 * end], Sent(chunk.utterance, self._samples)

    def _take_across(self, codec: Codec) -> tuple[bytes, bytes, Sent] | None:
        """The frame's sound lies in several chunks, or ends."""
        waiting, closed = self._waiting, False
        utterance, pcm = self._chunk.utterance, self._chunk.pcm[2 * self._at :]
        if not pcm and waiting and waiting[0].utterance == utterance and len(waiting[0].pcm) >= FRAME_BYTES:
            self._chunk, self._at = waiting.popleft(), 0
            return self.take(codec)
        while len(pcm) < FRAME_BYTES and waiting:
            following = waiting[0]
            if pcm and (following.utterance != utterance or not following.pcm):
                closed = True
                break
            waiting.popleft()
            if following.utterance != utterance:
                utterance, self._samples = following.utterance, 0
            # A chunk is copied here at most once: frames within it are slices.
            pcm = pcm + following.pcm if pcm else following.pcm
        self._chunk, self._at = _Chunk(utterance, pcm, codec.encode(pcm), codec), 0
        if len(pcm) >= FRAME_BYTES:
            return self.take(codec)
        return self._take_end(codec) if closed else None

    def _take_end(self, codec: Codec) -> tuple[bytes, bytes, Sent]:
        chunk = self._chunk
        self._chunk = _EMPTY._replace(utterance=chunk.utterance)
        self._samples += len(chunk.payload)
        payload = chunk.payload.ljust(FRAME_SAMPLES, codec.silence)
        return payload, chunk.pcm.ljust(FRAME_BYTES, b"\0"), Sent(chunk.utterance, self._samples)
