"""G.711 loses what the Recommendation says it loses, and no more."""

import numpy as np
import pytest

from offhook.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_a_decoded_code_encodes_to_itself(encode, decode):
    codes = encode(decode(EVERY_CODE))
    # µ-law has two codes for zero; both decode to 0, which encodes to the positive one.
    assert [b for a, b in zip(codes, EVERY_CODE, strict=True) if a != b] in ([], [0x7F])


@pytest.mark.parametrize(
    ("encode", "silence", "loudest"), [(ulaw_encode, 0xFF, 0x80), (alaw_encode, 0xD5, 0xAA)], ids=["ulaw", "alaw"]
)
def test_silence_and_full_scale_have_the_codes_of_the_recommendation(encode, silence, loudest):
    assert encode(np.array([0, 32767], "<i2").tobytes()) == bytes([silence, loudest])


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_speech_keeps_a_signal_to_noise_ratio_of_35_db(encode, decode):
    wave = (12000 * np.sin(np.arange(8000) * 0.35)).astype("<i2")
    heard = np.frombuffer(decode(encode(wave.tobytes())), "<i2").astype(float)
    noise = np.mean((heard - wave) ** 2)
    assert 10 * np.log10(np.mean(wave.astype(float) ** 2) / noise) > 35
