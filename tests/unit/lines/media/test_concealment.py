import numpy as np

from offhook.lines.media.concealment import Concealer


def tone(frames, hz=125.0):
    samples = 8000 * np.sin(2 * np.pi * hz * np.arange(160 * frames) / 8000)
    pcm = samples.astype("<i2").tobytes()
    return [pcm[i : i + 320] for i in range(0, len(pcm), 320)]


def level(pcm):
    return float(np.abs(np.frombuffer(pcm, "<i2").astype(float)).max())


def test_a_lost_frame_continues_the_voice():
    concealer, frames = Concealer(), tone(6)
    for frame in frames[:5]:
        concealer.heard(frame)
    made, real = np.frombuffer(concealer.conceal(), "<i2"), np.frombuffer(frames[5], "<i2")
    # The first 10 ms aren't faded: they should be the tone itself, period for period.
    assert np.corrcoef(made[:80], real[:80])[0, 1] > 0.98


def test_what_is_made_up_fades_to_silence_within_60_ms():
    concealer = Concealer()
    for frame in tone(5):
        concealer.heard(frame)
    made = [concealer.conceal() for _ in range(4)]
    assert made[3] is None
    assert level(made[0]) > level(made[1]) > level(made[2]) > 0
    assert abs(int(np.frombuffer(made[2], "<i2")[-1])) < 200


def test_a_real_frame_ends_the_fade():
    concealer, frames = Concealer(), tone(5)
    for frame in frames:
        concealer.heard(frame)
    for _ in range(4):
        concealer.conceal()
    for frame in frames:
        concealer.heard(frame)
    assert level(concealer.conceal()) > 7000


def test_nothing_is_made_up_without_sound_before():
    assert Concealer().conceal() is None


def test_silence_is_not_continued_with_what_was_before_it():
    concealer = Concealer()
    for frame in tone(5):
        concealer.heard(frame)
    concealer.forget()
    assert concealer.conceal() is None
