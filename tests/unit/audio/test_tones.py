"""Key tones are heard as the keys they are, and speech is not."""

import numpy as np
import pytest

from offhook.audio.g711 import ulaw_decode, ulaw_encode
from offhook.audio.inband_dtmf import InbandDtmf
from offhook.audio.tones import dtmf

KEYS = "0123456789*#ABCD"


def heard(pcm: bytes, chunk: int = 320) -> str:
    detector = InbandDtmf()
    return "".join(detector.feed(pcm[start : start + chunk]) for start in range(0, len(pcm), chunk))


def with_noise(pcm: bytes, snr_db: float, seed: int = 1) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    power = np.mean(samples[samples != 0] ** 2) / 10 ** (snr_db / 10)
    noisy = samples + np.random.default_rng(seed).normal(0, np.sqrt(power), len(samples))
    return np.clip(noisy, -32768, 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("duration_ms", [45, 100, 1000])
def test_every_key_is_heard_once_through_a_noisy_phone_line(duration_ms):
    pressed = b"".join(dtmf(key, 8000, duration_ms, 60) for key in KEYS) + bytes(800)
    assert heard(ulaw_decode(ulaw_encode(with_noise(pressed, 15)))) == KEYS


def test_a_key_pressed_twice_is_two_keys():
    assert heard(dtmf("5", 8000) + dtmf("5", 8000) + bytes(800)) == "55"


def test_how_the_audio_is_cut_makes_no_difference():
    pressed = dtmf("7", 8000) + dtmf("#", 8000) + bytes(800)
    assert {heard(pressed, chunk) for chunk in (2, 100, 320, 5000)} == {"7#"}


def test_a_faint_key_is_heard():
    faint = (np.frombuffer(dtmf("9", 8000) + bytes(800), "<i2") * 0.03).astype("<i2")
    assert heard(faint.tobytes()) == "9"


@pytest.mark.parametrize("twist_db", [-12, 12])
def test_tones_too_unequal_are_no_key(twist_db):
    times = np.arange(1600) / 8000
    low, high = np.sin(2 * np.pi * 770 * times), np.sin(2 * np.pi * 1336 * times)
    mixed = 0.2 * low + 0.2 * 10 ** (twist_db / 20) * high
    assert heard((mixed * 32767).astype("<i2").tobytes()) == ""


def test_a_voice_like_sound_with_harmonics_is_no_key():
    # A 154-Hz voice has lines near 770 and 1386 Hz, and many others.
    times = np.arange(8000) / 8000
    voice = sum(np.sin(2 * np.pi * 154 * n * times) / n for n in range(1, 20))
    assert heard((voice * 6000).astype("<i2").tobytes()) == ""


def test_dial_tone_and_noise_are_no_keys():
    times = np.arange(16000) / 8000
    dial = 0.2 * np.sin(2 * np.pi * 350 * times) + 0.2 * np.sin(2 * np.pi * 440 * times)
    noise = np.random.default_rng(2).normal(0, 0.1, 16000)
    assert heard((dial * 32767).astype("<i2").tobytes()) + heard((noise * 32767).astype("<i2").tobytes()) == ""


@pytest.mark.parametrize("wrong", ["E", "", "12", "w"])
def test_what_is_no_key_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="use 0-9"):
        dtmf(wrong, 8000)
