"""The local recognizer understands the local voice over a phone line, and both stay well-behaved services."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from offhook.errors import ModelFilesError, ProviderError
from offhook.models.speech import VoiceChoice
from offhook.models.stt.local import LocalRecognizer
from offhook.models.tts.local import LocalSynthesizer

pytestmark = pytest.mark.asyncio(loop_scope="module")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Hello, this is the dental practice, how can I help you?", {"dental", "practice", "help"}),
        ("fr-FR", "Bonjour, je voudrais prendre un rendez-vous pour jeudi matin.", {"bonjour", "rendez", "matin"}),
    ],
)
async def test_what_the_voice_says_the_recognizer_understands(ear, say, language, text, expected):
    heard = await ear(language).hear(await say(text, language))
    assert expected <= set(words(heard.text))
    assert heard.error is None
    assert 0.4 < heard.confidence <= 1.0


@pytest.mark.parametrize("sound", ["silence", "noise", "hum", "click"])
async def test_where_nobody_speaks_no_words_are_made_up(ear, sound):
    times = np.arange(24000) / 8000
    click = np.zeros(24000)
    click[8000:8200] = 0.8
    sounds = {
        "silence": np.zeros(24000),
        "noise": np.random.default_rng(0).normal(0, 0.05, 24000),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * times) + 0.1 * np.sin(2 * np.pi * 150 * times),
        "click": click,
    }
    pcm = (np.clip(sounds[sound], -1, 1) * 32767).astype("<i2").tobytes()
    assert (await ear("en").hear(pcm)).text == ""


async def test_only_the_span_asked_for_is_written_down(ear, say):
    listening = ear("en")
    listening.feed(await say("The weather is very nice today.", "en"))
    listening.feed(bytes(8000))
    span = listening.feed(await say("My name is Peter.", "en"))
    listening.stream.request(5, *span, None)
    heard = await listening.answer()
    assert heard.request_id == 5
    assert "peter" in words(heard.text)
    assert "weather" not in words(heard.text)


async def test_vocabulary_gives_a_name_its_spelling(ear, say):
    heard = await ear("en", ("Lindqvist",)).hear(await say("My name is Anna Lindqvist.", "en"))
    assert "Lindqvist" in heard.text


async def test_a_cancelled_request_is_never_answered(ear, say):
    listening = ear("en")
    span = listening.feed(await say("Good morning, how are you?", "en"))
    listening.stream.request(1, *span, None)
    listening.stream.cancel(1)
    listening.stream.request(2, *span, None)
    assert (await listening.answer()).request_id == 2


async def test_a_crash_answers_what_was_asked_and_the_next_question_is_answered(recognizer, ear, say):
    listening = ear("en")
    pcm = await say("Good morning, how are you?", "en")
    listening.stream.request(1, *listening.feed(pcm), None)
    os.kill(recognizer.pid, signal.SIGKILL)
    failed = await listening.answer()
    assert failed.error is not None
    assert "recognizer" in failed.error
    assert "morning" in words((await listening.hear(pcm)).text)


async def test_the_process_ends_with_its_parent(models_dir):
    program = (
        "import asyncio, sys; from pathlib import Path; from offhook.models.stt.local import LocalRecognizer\n"
        "async def main():\n"
        "    r = LocalRecognizer(Path(sys.argv[1])); await r.start()\n"
        "    print(r.pid, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(models_dir), stdout=asyncio.subprocess.PIPE
    )
    child = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    parent.kill()
    await parent.wait()
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_clause_said_before_costs_nothing(synthesizer):
    async def speak() -> tuple[bytes, float]:
        started = time.monotonic()
        pcm = b"".join([piece async for piece in synthesizer.speak("Welcome back.", VoiceChoice(None, "en"), 8000)])
        return pcm, time.monotonic() - started

    first, first_s = await speak()
    second, second_s = await speak()
    assert first == second
    assert second_s < first_s / 10


async def test_prepared_phrases_outlive_the_process(models_dir, tmp_path):
    voice = VoiceChoice(None, "en")
    first = LocalSynthesizer(models_dir, tmp_path)
    await first.start()
    await first.prepare(["One moment, please."], voice, 8000)
    await first.close()
    # Never started: what it says can only come from the disk.
    later = LocalSynthesizer(models_dir, tmp_path)
    assert len(b"".join([pcm async for pcm in later.speak("One moment, please.", voice, 8000)])) > 8000


async def test_speech_comes_in_pieces_and_leaving_early_is_no_harm(synthesizer):
    long = "I can offer you Thursday at half past ten, or Friday in the afternoon. Which of the two would you like?"
    speech = synthesizer.speak(long, VoiceChoice(None, "en"), 8000)
    first = await anext(speech)
    await speech.aclose()
    assert 0.5 < len(first) / 16000 < 3.0
    assert [pcm async for pcm in synthesizer.speak("Yes.", VoiceChoice(None, "en"), 8000)]


@pytest.mark.parametrize("voice", ["af_heart", "am_michael", "bf_emma", "bm_george", "ff_siwis"])
async def test_every_voice_speaks_at_phone_loudness(synthesizer, voice):
    language = "fr" if voice.startswith("f") else "en"
    text = "Un instant, s'il vous plaît." if language == "fr" else "One moment, please."
    choice = VoiceChoice(voice, language)
    pcm = b"".join([piece async for piece in synthesizer.speak(text, choice, 16000)])
    samples = np.frombuffer(pcm, "<i2") / 32768
    assert 0.8 < len(samples) / 16000 < 4
    loud = np.percentile(np.sqrt(np.mean(samples[: len(samples) // 320 * 320].reshape(-1, 320) ** 2, axis=1)), 90)
    assert -24 < 20 * np.log10(loud) < -12


async def test_an_unknown_voice_is_told_with_those_there_are(synthesizer):
    with pytest.raises(ProviderError, match="af_heart"):
        await anext(synthesizer.speak("Hello.", VoiceChoice("nobody", "en"), 8000))


async def test_without_model_files_the_remedy_is_named(tmp_path):
    with pytest.raises(ModelFilesError, match="offhook models fetch whisper-base"):
        await LocalRecognizer(tmp_path).start()
    with pytest.raises(ModelFilesError, match="offhook models fetch kokoro"):
        await LocalSynthesizer(tmp_path, None).start()


async def test_without_espeak_the_package_to_install_is_named(models_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProviderError, match="apt-get install espeak-ng"):
        await LocalSynthesizer(models_dir, None).start()
