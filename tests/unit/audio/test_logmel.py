"""Features are the Whisper paper's: a tone stands in its own band, scaled to the loudest."""

import numpy as np

from offhook.audio import turn_model
from offhook.audio.logmel import N_MELS, log_mel


def test_ten_milliseconds_are_one_column_of_80_bands():
    assert log_mel(np.zeros(16000, np.float32)).shape == (N_MELS, 100)


def test_a_tone_is_loudest_in_the_band_of_its_frequency():
    times = np.arange(16000) / 16000
    loudest = [int(log_mel(np.sin(2 * np.pi * hz * times)).mean(axis=1).argmax()) for hz in (200, 1000, 4000)]
    # Slaney's scale: 1 kHz is mel 15 of 45.2 up to 8 kHz, in 81 steps.
    assert loudest == sorted(loudest)
    assert abs(loudest[1] - 26) <= 1


def test_silence_is_flat_and_the_range_is_two_decades_of_eight():
    quiet = log_mel(np.zeros(16000, np.float32))
    assert quiet.min() == quiet.max() == -1.5  # log10 of the floor 1e-10, plus 4, over 4
    loud = log_mel(np.random.default_rng(0).normal(0, 0.1, 16000))
    assert loud.max() - loud.min() <= 2.0


def test_known_values_of_a_reference_implementation():
    # Made with pipecat-ai 1.14's port of transformers' WhisperFeatureExtractor: a chirp that passes all bands.
    times = np.arange(16000) / 16000
    features = log_mel(np.sin(2 * np.pi * (100 + 3000 * times) * times))
    assert np.allclose(features[[19, 44, 61, 71], [10, 30, 60, 90]], KNOWN, atol=1e-4)


KNOWN = [1.4669, 1.197, 1.1826, 1.3066]


def test_the_turn_model_hears_the_last_eight_seconds_only():
    noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 10).astype(np.float32)
    assert np.array_equal(turn_model.features(noise), turn_model.features(noise[-16000 * 8 :]))
    assert turn_model.features(noise[:1600]).shape == (80, 800)
