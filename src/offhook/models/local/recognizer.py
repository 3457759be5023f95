"""The recognizer's process: ``python -m offhook.models.local.recognizer FD MODELS_DIR THREADS``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from offhook.audio.logmel import RATE_HZ
from offhook.audio.resample import pcm_to_float, resample
from offhook.audio.vad import RATE_HZ as VAD_RATE_HZ
from offhook.audio.vad import BatchedVad, has_voice
from offhook.errors import ProviderError
from offhook.models.files import require
from offhook.models.local.jobs import SpanJob, SpanText
from offhook.models.local.worker import Cancelled, connection_from, serve
from offhook.models.manifest import WHISPER_BASE
from offhook.models.stt.vocabulary import correct
from offhook.models.stt.whisper import MAX_SPAN_S, Whisper

LEAST_VOICED_MS = 150  # on less Whisper invents text: a breath, a click, a bar of hold music


class RecognizerModel:
    """Whisper behind a check for voice."""

    def __init__(self, models_dir: Path, threads: int) -> None:
        require(WHISPER_BASE.name, models_dir)
        try:
            self._whisper = Whisper(models_dir / WHISPER_BASE.name, threads)
        except ImportError as error:
            raise ProviderError(f"the local recognizer needs `pip install offhook[local]` ({error})") from error
        self._vad, self._vad_lock = BatchedVad(), threading.Lock()
        self._decoder = msgspec.msgpack.Decoder(SpanJob)
        self._whisper.warm_up()

    def work(self, job: msgspec.Raw, cancelled: Cancelled) -> Iterator[SpanText]:
        """Write one span down."""
        span = self._decoder.decode(job)
        samples = pcm_to_float(span.pcm)[-int(MAX_SPAN_S * span.rate_hz) :]
        with self._vad_lock:
            voiced = has_voice(self._vad, resample(samples, span.rate_hz, VAD_RATE_HZ), LEAST_VOICED_MS)
        if not voiced:
            yield SpanText("", None)
            return
        language = span.language.partition("-")[0].lower()
        if cancelled():
            return
        pcm16k = resample(samples, span.rate_hz, RATE_HZ)
        text, confidence = self._whisper.transcribe(pcm16k, language, span.prompt, span.vocabulary)
        yield SpanText(correct(text, span.vocabulary), confidence)


def main() -> None:
    """Serve until the call process is gone."""
    descriptor, models_dir, threads = sys.argv[1:]
    serve(lambda: RecognizerModel(Path(models_dir), int(threads)), connection_from(descriptor), int(threads))


if __name__ == "__main__":
    main()
