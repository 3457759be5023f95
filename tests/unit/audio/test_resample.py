"""Resampling keeps tones, and pieces make no clicks."""

import numpy as np
import pytest

from offhook.audio.resample import ResampleStream, float_to_pcm, pcm_to_float, resample


def tone(hz: float, rate_hz: int, seconds: float) -> bytes:
    return float_to_pcm(0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz).astype(np.float32))


@pytest.mark.parametrize("piece", [320, 2, 1000])
def test_a_stream_gives_what_the_whole_gives_however_it_is_cut(piece):
    pcm = tone(440, 8000, 0.5)
    stream = ResampleStream(8000, 16000)
    pieces = [stream.push(pcm[start : start + piece]) for start in range(0, len(pcm), piece)]
    streamed = np.frombuffer(b"".join([*pieces, stream.finish()]), "<i2").astype(int)
    whole = np.frombuffer(float_to_pcm(resample(pcm_to_float(pcm), 8000, 16000)), "<i2").astype(int)
    assert len(streamed) == len(whole) == 8000
    # Dither and rounding: the 16-bit stream may differ by a step or two.
    assert np.abs(streamed - whole).max() <= 4


def test_what_the_lower_rate_cannot_carry_is_gone_not_folded_back():
    high = pcm_to_float(tone(6000, 24000, 0.5))
    # Its sudden beginning and end are broadband and stay.
    assert np.abs(resample(high, 24000, 8000)[200:-200]).max() < 0.001


def test_the_same_rate_changes_nothing():
    pcm = tone(440, 8000, 0.02)
    stream = ResampleStream(8000, 8000)
    assert stream.push(pcm) + stream.finish() == pcm


def test_overdrive_is_clipped_not_wrapped():
    assert np.frombuffer(float_to_pcm(np.array([1.5, -1.5], np.float32)), "<i2").tolist() == [32767, -32768]
