"""When speech begins and how long it has been silent."""

import pytest

from offhook.conversation.turns import SpeechTracker


def feed(tracker: SpeechTracker, pattern: str, confirm_ms: int = 112, at_ms: int = 0) -> int | None:
    """Windows: # voice, + weak voice, . silence. The time at which speech became certain."""
    certain = None
    for letter in pattern:
        at_ms += 32
        if tracker.feed(at_ms, {"#": 0.9, "+": 0.4, ".": 0.05}[letter], confirm_ms):
            certain = at_ms
    return certain


@pytest.mark.parametrize(
    ("pattern", "certain_ms"),
    [
        ("####", 128),
        ("##.##", 160),
        ("#.####", 160),
        ("#..####", 224),
        ("###", None),
        ("#..#..#..#..", None),
        ("++++++++", None),
    ],
)
def test_speech_is_certain_once_enough_voice_has_gathered(pattern, certain_ms):
    assert feed(SpeechTracker(), pattern) == certain_ms


def test_a_span_begins_with_its_first_voice():
    tracker = SpeechTracker()
    feed(tracker, "..##.##")
    assert tracker.span is not None
    assert tracker.span.start_ms == 64
    assert tracker.span.voiced_ms == 128


def test_a_click_long_ago_is_not_the_beginning():
    tracker = SpeechTracker()
    feed(tracker, "#........####")
    assert tracker.span is not None
    assert tracker.span.start_ms == 9 * 32


def test_weak_voice_carries_speech_on_but_does_not_take_it_up_again():
    tracker = SpeechTracker()
    feed(tracker, "####++")
    assert tracker.span is not None
    assert tracker.span.last_voiced_ms == 6 * 32
    feed(tracker, ".....++", at_ms=6 * 32)
    assert tracker.span.last_voiced_ms == 6 * 32
    feed(tracker, "#", at_ms=13 * 32)
    assert tracker.span.last_voiced_ms == 14 * 32
    assert tracker.span.silence_ms(15 * 32) == 32


def test_after_the_end_speech_has_to_be_confirmed_anew():
    tracker = SpeechTracker()
    feed(tracker, "####")
    tracker.end()
    assert tracker.span is None
    assert feed(tracker, "###", at_ms=128) is None
