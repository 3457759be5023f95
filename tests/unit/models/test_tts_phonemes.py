"""Espeak's IPA becomes the symbols that the voice was trained on."""

import pytest

from offhook.models.tts.phonemes import split_at_pauses, symbols, to_kokoro, tokens


@pytest.mark.parametrize(
    ("ipa", "language", "kokoro"),
    [
        ("ma^ɪ bˈɔ^ɪ", "en-us", "mI bˈY"),
        ("a^ɪ wɪl ba^ɪ", "en-us", "ˌI wɪl bI"),
        ("d^ʒˈʌd^ʒ t^ʃˈɛɹ", "en-us", "ʤˈʌʤ ʧˈɛɹ"),
        ("bˈɜːd", "en-us", "bˈɜɹd"),
        ("wˈɔːɾɚ", "en-us", "wˈɔTəɹ"),
        ("lˈɪɾə^l", "en-us", "lˈɪTᵊl"),
        ("ðe^ə", "en-gb", "ðɛː"),
        ("wˈɔːtə", "en-gb", "wˈɔːtə"),
        ("lə- ʁɑ̃dˈevu", "fr-fr", "lə ʁɑ̃dˈevu"),
        ("(en)mˈiːtɪŋ(fr) bɔ̃", "fr-fr", "mˈiːtɪŋ bɔ̃"),
    ],
)
def test_sounds(ipa, language, kokoro):
    assert to_kokoro(ipa, language) == kokoro


def test_every_symbol_has_a_number_of_the_model():
    assert len(symbols()) == 114
    assert max(symbols().values()) < 178  # n_token of the model's configuration
    assert tokens("bɔ̃☂") == [symbols()[letter] for letter in "bɔ̃"]


def test_punctuation_is_kept_apart_for_pauses():
    assert split_at_pauses("Yes, of course. 3.5?") == [("Yes", ","), ("of course", "."), ("3.5", "?")]
    assert split_at_pauses("...") == [("", ".")]


def test_marks_of_a_foreign_word_are_not_spoken() -> None:
    assert to_kokoro("œ̃ (^e^n)pˈɑːkɪŋ(^f^r)", "fr") == to_kokoro("œ̃ pˈɑːkɪŋ", "fr")
