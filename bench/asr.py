"""Word error rate and latency of the local recognizer on phone-quality speech of the local voices.

``offhook bench asr``; ``python bench/asr.py [--quick] [--show]``. Each sentence is spoken at 24 kHz, goes through a
telephone's band (300-3400 Hz) and µ-law, and is recognized as a call would have it: one request at its end, no prompt.
The speech is kept beside the models, so that a second run measures at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from figures import Figure
from offhook.audio.g711 import ulaw_decode, ulaw_encode
from offhook.audio.resample import float_to_pcm, pcm_to_float
from offhook.models.speech import Transcription, VoiceChoice
from offhook.models.stt.local import LocalRecognizer
from offhook.models.tts.local import LocalSynthesizer
from word_error import errors

RATE_HZ = 8000
SENTENCES = Path(__file__).parent / "data" / "asr_sentences.json"
VOICES = {"en": ("af_heart", "am_michael", "bf_emma", "bm_george"), "fr": ("ff_siwis",)}
TARGETS = {"en": 5.0, "fr": 12.0}
QUICK = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--show", action="store_true", help="tell every sentence with an error on stderr")
    arguments = parser.parse_args()
    models_dir = Path(os.environ.get("OFFHOOK_MODELS_DIR", Path(__file__).parents[1] / ".models")).expanduser()
    for figure in asyncio.run(measure(models_dir, quick=arguments.quick, show=arguments.show)):
        print(json.dumps(asdict(figure)), flush=True)


async def measure(models_dir: Path, *, quick: bool, show: bool) -> list[Figure]:
    recognizer = LocalRecognizer(models_dir)
    synthesizer = LocalSynthesizer(models_dir, models_dir / "bench-speech")
    await asyncio.gather(recognizer.start(), synthesizer.start())
    figures, latencies = [], []
    for language, target in TARGETS.items():
        wrong = said = count = 0
        for text, voice in spoken(language, quick=quick):
            pcm = await render(synthesizer, text, voice, language)
            written, latency_ms = await recognize(recognizer, pcm, language)
            bad, words = errors(text, written, language)
            wrong, said, count = wrong + bad, said + words, count + 1
            latencies.append(latency_ms)
            if bad and show:
                print(f"{voice:11} {bad}/{words}  {text}\n{'':16} {written}", file=sys.stderr)
        rate = 100 * wrong / said
        note = f"{said} words, {len(VOICES[language])} voices, 300-3400 Hz, µ-law"
        figures.append(Figure(f"asr.wer_{language}_pct", round(rate, 2), "%", target, rate <= target, count, note))
    await asyncio.gather(recognizer.close(), synthesizer.close())
    p50 = statistics.median(latencies)
    note = "request to answer, nothing else running"
    return [*figures, Figure("asr.final_p50_ms", round(p50), "ms", None, True, len(latencies), note)]


def spoken(language: str, *, quick: bool) -> Iterator[tuple[str, str]]:
    """Every sentence with a voice, the voices in turn."""
    sentences = json.loads(SENTENCES.read_text(encoding="utf-8"))[language]
    for index, text in enumerate(sentences[:QUICK] if quick else sentences):
        yield text, VOICES[language][index % len(VOICES[language])]


async def render(synthesizer: LocalSynthesizer, text: str, voice: str, language: str) -> bytes:
    choice = VoiceChoice(voice, language)
    await synthesizer.prepare([text], choice, RATE_HZ)
    pcm = b"".join([piece async for piece in synthesizer.speak(text, choice, RATE_HZ)])
    # As the call has it: the end of speech is seen 200 ms after it.
    return ulaw_decode(ulaw_encode(telephone_band(bytes(RATE_HZ // 5) + pcm + bytes(RATE_HZ * 2 // 5))))


def telephone_band(pcm: bytes) -> bytes:
    """300-3400 Hz, as an old network's filters let through."""
    samples = pcm_to_float(pcm)
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    # 12 dB an octave below, a steep edge above.
    gain = np.minimum(1.0, (hz / 300) ** 2) * (hz < 3400)
    return float_to_pcm(np.fft.irfft(spectrum * gain, len(samples)).astype(np.float32))


async def recognize(recognizer: LocalRecognizer, pcm: bytes, language: str) -> tuple[str, float]:
    answer: asyncio.Future[Transcription] = asyncio.get_running_loop().create_future()
    stream = recognizer.open(language=language, rate_hz=RATE_HZ, vocabulary=(), on_transcription=answer.set_result)
    stream.feed(pcm)
    started = time.monotonic()
    stream.request(1, 0, len(pcm) // 2, None)
    heard = await answer
    await stream.close()
    return heard.text, (time.monotonic() - started) * 1000


if __name__ == "__main__":
    main()
