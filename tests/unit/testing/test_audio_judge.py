import numpy as np

from offhook.testing.audio_judge import Talk, judge, talks

RATE = 8000


def channel(total_ms: int, *spans: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 0.0005, total_ms * RATE // 1000).astype(np.float32)
    for start, end in spans:
        a, b = start * RATE // 1000, end * RATE // 1000
        samples[a:b] += (0.2 * np.sin(2 * np.pi * 300 * np.arange(b - a) / RATE)).astype(np.float32)
    return samples


def test_speech_is_told_from_line_noise_and_short_holes_are_closed():
    assert talks(channel(3000, (500, 1000), (1100, 1500), (2000, 2030)), RATE) == (Talk(500, 1500),)


def test_response_is_from_the_callers_end_to_the_agents_start():
    stereo = np.stack([channel(6000, (1000, 2000)), channel(6000, (0, 800), (2600, 4000))], axis=1)
    found = judge(stereo, RATE)
    assert found.responses_ms == (600,)
    assert found.barge_ins_ms == ()


def test_barge_in_is_from_the_callers_onset_to_the_agents_stop():
    stereo = np.stack([channel(6000, (1000, 2000)), channel(6000, (0, 1180), (2900, 4000))], axis=1)
    assert judge(stereo, RATE).barge_ins_ms == (180,)


def test_an_empty_recording_has_nobody_in_it():
    found = judge(np.zeros((0, 2), np.float32), RATE)
    assert (found.caller, found.agent) == ((), ())
