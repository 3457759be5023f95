import numpy as np
import pytest

from offhook.lines.media.codec import Codec


@pytest.mark.parametrize("codec", list(Codec))
def test_silence_is_silence(codec):
    assert np.abs(np.frombuffer(codec.decode(codec.silence * 160), "<i2")).max() <= 8


@pytest.mark.parametrize("codec", list(Codec))
def test_a_voice_stays_itself(codec):
    voice = (8000 * np.sin(np.arange(800) / 5)).astype("<i2")
    back = np.frombuffer(codec.decode(codec.encode(voice.tobytes())), "<i2")
    noise = (back.astype(float) - voice).std()
    assert 20 * np.log10(voice.std() / noise) > 30


def test_names_and_numbers_are_those_of_sdp():
    assert (Codec["PCMU"], Codec["PCMA"]) == (0, 8)
