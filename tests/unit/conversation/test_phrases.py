"""What the platform itself says."""

import pytest

from offhook.conversation.phrases import phrases

LANGUAGES = ["en", "fr", "fr-FR", "fr-BE", "fr-CA", "es", "de", "it", "nl", "pl", "ar", "pt", "el", "hr", "zh"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_of_an_agent_has_its_own_sentences(language):
    own = phrases(language)
    assert all(len(sentence) > 3 for sentence in (own.goodbye, own.repeat, own.presence))
    assert (own == phrases("en")) is (language == "en")


def test_an_unknown_language_gets_english():
    assert phrases("xx") == phrases("en")
