"""Clauses come with one loudness, without dead air, and with the pause of their punctuation."""

import numpy as np
import pytest

from offhook.models.tts.shape import shape

RATE = 24000


def burst(level: float, seconds: float = 1.0, silence_s: float = 0.5) -> np.ndarray:
    times = np.arange(int(RATE * seconds)) / RATE
    silence = np.zeros(int(RATE * silence_s))
    return np.concatenate((silence, level * np.sin(2 * np.pi * 200 * times), silence)).astype(np.float32)


def test_silence_around_is_trimmed():
    assert 1.0 <= len(shape(burst(0.2), RATE, "")) / RATE <= 1.1


@pytest.mark.parametrize("level", [0.05, 0.1, 0.5, 0.9])
def test_soft_and_loud_clauses_come_equally_loud(level):
    shaped = shape(burst(level), RATE, "")[2400:-2400]
    assert 20 * np.log10(np.sqrt(np.mean(shaped**2))) == pytest.approx(-21, abs=0.5)


def test_peaks_stay_below_full_scale():
    clicking = burst(0.02)
    clicking[RATE] = 0.9
    assert np.abs(shape(clicking, RATE, "")).max() <= 0.71


def test_a_full_stop_pauses_longer_than_a_comma_and_no_mark_not_at_all():
    lengths = [len(shape(burst(0.2), RATE, mark)) for mark in ("", ",", ".")]
    assert lengths[1] - lengths[0] == RATE // 10
    assert lengths[2] > lengths[1]


def test_it_begins_and_ends_at_zero():
    shaped = shape(burst(0.2, silence_s=0.0), RATE, "")
    assert shaped[0] == shaped[-1] == 0.0


def test_silence_is_nothing():
    assert len(shape(np.zeros(RATE, np.float32), RATE, ".")) == 0
