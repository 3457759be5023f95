"""Many calls share one VAD and none notices the others."""

import numpy as np
import pytest

from offhook.audio.vad import WINDOW_SAMPLES, BatchedVad, has_voice


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Windows (40, 256) of what the VAD takes for speech: a hummed vowel with a voice's harmonics and syllables."""
    times = np.arange(40 * WINDOW_SAMPLES) / 8000
    pitch = 2 * np.pi * np.cumsum(140 + 15 * np.sin(2 * np.pi * 2.5 * times)) / 8000
    formants = sum(
        np.exp(-(((140 * n - centre) / 180) ** 2)) * gain * np.sin(n * pitch)
        for n in range(1, 24)
        for centre, gain in ((600, 1.0), (1150, 0.6), (2500, 0.3))
    )
    sound = 0.15 * formants * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * times))
    return sound.astype(np.float32).reshape(40, WINDOW_SAMPLES)


def alone(windows: np.ndarray) -> list[float]:
    vad = BatchedVad()
    slot = vad.alloc()
    return [float(vad.run([slot], window[None])[0]) for window in windows]


def test_voice_is_told_from_silence_and_from_noise(voice):
    noise = np.random.default_rng(0).normal(0, 0.02, voice.shape).astype(np.float32)
    assert max(alone(voice)) > 0.7
    assert max(alone(np.zeros_like(voice))) < 0.2
    assert max(alone(noise)) < 0.5


def test_a_batch_gives_the_same_bits_as_one_call_alone(voice):
    vad = BatchedVad()
    slots = [vad.alloc() for _ in range(33)]  # more than there are slots at first
    noise = np.random.default_rng(0).normal(0, 0.02, (len(voice), 32, WINDOW_SAMPLES)).astype(np.float32)
    batched = [
        vad.run(slots, np.concatenate((window[None], other)))[0] for window, other in zip(voice, noise, strict=True)
    ]
    assert [float(p) for p in batched] == alone(voice)


def test_a_slot_given_back_and_taken_again_has_forgotten(voice):
    vad = BatchedVad()
    slot = vad.alloc()
    first = [float(vad.run([slot], window[None])[0]) for window in voice]
    vad.free(slot)
    assert vad.alloc() == slot
    assert [float(vad.run([slot], window[None])[0]) for window in voice] == first


def test_a_slot_given_back_twice_is_an_error():
    vad = BatchedVad()
    slot = vad.alloc()
    vad.free(slot)
    with pytest.raises(ValueError, match="not taken"):
        vad.free(slot)


def test_windows_of_another_size_are_refused():
    vad = BatchedVad()
    with pytest.raises(ValueError, match="256"):
        vad.run([vad.alloc()], np.zeros((1, 160), np.float32))


def test_no_window_is_no_work():
    assert len(BatchedVad().run([], np.zeros((0, WINDOW_SAMPLES), np.float32))) == 0


def test_a_span_has_voice_only_when_there_is_enough_of_it(voice):
    vad = BatchedVad()
    assert has_voice(vad, voice.ravel(), 150)
    assert not has_voice(vad, np.zeros(8000, np.float32), 150)
    assert not has_voice(vad, voice.ravel(), 5000)
