"""A beep is one steady line; a voice, a noise, a melody and a hum are none."""

from __future__ import annotations

import numpy as np
import pytest

from offhook.audio.beep import BeepDetector

RATE_HZ = 8000
FRAME = 160


def tone(hz: float, ms: int, rms: float = 3000) -> np.ndarray:
    return rms * np.sqrt(2) * np.sin(2 * np.pi * hz * np.arange(RATE_HZ * ms // 1000) / RATE_HZ)


def noise(ms: int, rms: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, rms, RATE_HZ * ms // 1000)


def beeps(audio: np.ndarray) -> list[int]:
    """When the detector told of a beep, in ms, fed in frames of 20 ms."""
    detector = BeepDetector(RATE_HZ)
    pcm = np.clip(audio, -32768, 32767).astype("<i2")
    starts = range(0, len(pcm), FRAME)
    return [
        (start + FRAME) * 1000 // RATE_HZ for start in starts if detector.feed(pcm[start : start + FRAME].tobytes())
    ]


@pytest.mark.parametrize("hz", [400, 440, 850, 1000, 1400, 2200])
@pytest.mark.parametrize("ms", [220, 500, 1200])
def test_a_beep_is_told_when_it_ends(hz: float, ms: int) -> None:
    audio = np.concatenate((noise(600, 30), tone(hz, ms) + noise(ms, 30), noise(600, 30)))
    (at_ms,) = beeps(audio)
    assert 600 + ms - 20 <= at_ms <= 600 + ms + 60


def test_a_beep_on_a_noisy_line_is_found() -> None:
    audio = np.concatenate((noise(400, 300), tone(1000, 400) + noise(400, 300), noise(400, 300)))
    assert len(beeps(audio)) == 1


@pytest.mark.parametrize("ms", [60, 120])
def test_a_click_or_a_key_tone_is_too_short(ms: int) -> None:
    assert beeps(np.concatenate((noise(300, 30), tone(1000, ms), noise(300, 30)))) == []


@pytest.mark.parametrize(
    "audio",
    [
        noise(3000, 3000),
        tone(697, 800) + tone(1209, 800),  # a key: two lines
        tone(50, 2000) + tone(150, 2000, 1000),  # mains hum
        tone(1000, 1000, 40),  # far below speech
        np.concatenate([tone(hz, 150) for hz in (523, 587, 659, 698, 784, 880)]),  # a jingle
    ],
    ids=["noise", "dtmf", "hum", "faint", "melody"],
)
def test_what_is_no_beep_is_not_told(audio: np.ndarray) -> None:
    assert beeps(np.concatenate((noise(200, 30), audio, noise(300, 30)))) == []


def test_a_voice_with_harmonics_is_no_beep() -> None:
    at = np.arange(RATE_HZ * 2) / RATE_HZ
    pitch = 2 * np.pi * np.cumsum(180 + 15 * np.sin(2 * np.pi * 3 * at)) / RATE_HZ
    voice = sum(2000 / k * np.sin(k * pitch) for k in range(1, 12))
    assert beeps(np.concatenate((voice, noise(300, 30)))) == []
