"""The voice's process: ``python -m offhook.models.local.voice FD MODELS_DIR THREADS``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from offhook.audio.resample import float_to_pcm, resample
from offhook.models.files import require
from offhook.models.local.jobs import ClauseAudio, ClauseJob
from offhook.models.local.worker import Cancelled, connection_from, serve
from offhook.models.manifest import KOKORO
from offhook.models.tts.kokoro import RATE_HZ, Kokoro
from offhook.models.tts.normalize import spoken
from offhook.models.tts.pieces import pieces
from offhook.models.tts.shape import shape


class VoiceModel:
    """Kokoro with what comes before and after it."""

    def __init__(self, models_dir: Path) -> None:
        require(KOKORO.name, models_dir)
        self._kokoro = Kokoro(models_dir / KOKORO.name)
        self._decoder = msgspec.msgpack.Decoder(ClauseJob)
        # The first run allocates; let no caller wait for that.
        self._kokoro.render("Hello.", "af_heart", "en-us", 1.0)

    def work(self, job: msgspec.Raw, cancelled: Cancelled) -> Iterator[ClauseAudio]:
        """Speak, a piece at a time."""
        clause = self._decoder.decode(job)
        for piece in pieces(spoken(clause.text, clause.language)):
            if cancelled():
                return
            audio = self._kokoro.render(piece, clause.voice, clause.language, clause.speed)
            shaped = shape(audio, RATE_HZ, piece[-1:])
            if len(shaped):
                yield ClauseAudio(float_to_pcm(resample(shaped, RATE_HZ, clause.rate_hz)))


def main() -> None:
    """Serve until the call process is gone."""
    descriptor, models_dir, threads = sys.argv[1:]
    serve(lambda: VoiceModel(Path(models_dir)), connection_from(descriptor), int(threads))


if __name__ == "__main__":
    main()
