"""An agent's language finds a voice that speaks it."""

import pytest

from offhook.errors import ProviderError
from offhook.models.speech import VoiceChoice
from offhook.models.tts.voices import resolve


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        (None, "en", ("af_heart", "en-us")),
        (None, "fr-BE", ("ff_siwis", "fr-fr")),
        ("bm_george", "en", ("bm_george", "en-gb")),
        ("am_michael", "en", ("am_michael", "en-us")),
        ("af_heart", "fr", ("af_heart", "fr-fr")),
    ],
)
def test_voice_and_accent(name, language, expected):
    assert resolve(VoiceChoice(name, language)) == expected


def test_a_language_without_a_voice_says_which_there_are():
    with pytest.raises(ProviderError, match="en and fr"):
        resolve(VoiceChoice(None, "de"))
