"""Words that were nearly heard right get the vocabulary's spelling; all others keep theirs."""

import pytest

from offhook.models.stt.vocabulary import correct


@pytest.mark.parametrize(
    ("heard", "vocabulary", "mended"),
    [
        ("Is this off hook?", ("Offhook",), "Is this Offhook?"),
        ("I spoke to Anna Lindkvist.", ("Anna Lindqvist",), "I spoke to Anna Lindqvist."),
        (
            "Je voudrais le docteur Lefèbre, s'il vous plaît.",
            ("Lefebvre",),
            "Je voudrais le docteur Lefebvre, s'il vous plaît.",
        ),
        ("my name is katherine jonson", ("Catherine Johnson",), "my name is Catherine Johnson"),
        ("OFFHOOK, please", ("Offhook",), "Offhook, please"),
    ],
)
def test_a_near_miss_is_spelt_as_expected(heard, vocabulary, mended):
    assert correct(heard, vocabulary) == mended


@pytest.mark.parametrize(
    ("heard", "vocabulary"),
    [
        ("See you in the morning then.", ("Marin", "Corning")),
        ("On se voit demain matin.", ("Martin",)),
        ("Call me later.", ("Peter",)),
        ("No, never. Mind the gap.", ("nevermind the gap now",)),
        ("Anything at all.", ()),
        ("An ox.", ("Ax",)),
    ],
)
def test_other_words_are_left_alone(heard, vocabulary):
    assert correct(heard, vocabulary) == heard
