"""Sound waiting to be sent, frame by frame, each counted to its utterance."""

from __future__ import annotations

from collections import deque

from offhook.lines.line import Sent
from offhook.lines.media.codec import FRAME_BYTES


class PlayQueue:
    """One thread adds, another takes. Clearing is making a new one: what the taker holds goes with the old one."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes | None]] = deque()
        self._utterance = 0
        self._chunk = b""
        self._at = 0
        self._samples = 0

    def play(self, utterance: int, pcm: bytes) -> None:
        """Add s16le PCM of an utterance; any length."""
        if pcm:
            self._waiting.append((utterance, pcm))

    def flush(self, utterance: int) -> None:
        """The utterance has no more: its last partial frame may go."""
        self._waiting.append((utterance, None))

    def take(self) -> tuple[bytes, Sent] | None:
        """The next frame (320 bytes) and how far its utterance now is; None while less than a frame is there.

        The end of an utterance, padded with silence, goes when it is flushed or another one follows.
        """
        at, end = self._at, self._at + FRAME_BYTES
        if end <= len(self._chunk):
            self._at = end
            self._samples += FRAME_BYTES // 2
            return self._chunk[at:end], Sent(self._utterance, self._samples)
        return self._take_across()

    def _take_across(self) -> tuple[bytes, Sent] | None:
        waiting, rest = self._waiting, self._chunk[self._at :]
        closed = False
        while len(rest) < FRAME_BYTES and waiting:
            utterance, pcm = waiting[0]
            if rest and (utterance != self._utterance or pcm is None):
                closed = True
                break
            waiting.popleft()
            if utterance != self._utterance:
                self._utterance, self._samples = utterance, 0
            if pcm is not None:
                # A chunk is copied here at most once: frames within it are slices.
                rest = rest + pcm if rest else pcm
        self._chunk, self._at = rest, 0
        if len(rest) >= FRAME_BYTES:
            return self.take()
        if not closed:
            return None
        self._chunk = b""
        self._samples += len(rest) // 2
        return rest.ljust(FRAME_BYTES, b"\0"), Sent(self._utterance, self._samples)
