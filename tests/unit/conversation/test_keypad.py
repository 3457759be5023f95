"""Keys to entries."""

from offhook.conversation.keypad import PAUSE_MS, Keypad


def test_digits_are_one_entry_when_the_caller_pauses():
    pad = Keypad()
    for at_ms, digit in enumerate("12*", start=1):
        assert pad.press(digit, at_ms * 1000) is None
    assert pad.due(3000 + PAUSE_MS - 1) is None
    entry = pad.due(3000 + PAUSE_MS)
    assert entry is not None
    assert (entry.text, entry.start_ms, entry.last_voiced_ms) == ("12*", 1000, 3000)
    assert not pad.collecting
    assert pad.due(100_000) is None


def test_a_hash_ends_the_entry_and_alone_is_one():
    pad = Keypad()
    pad.press("7", 100)
    assert pad.press("#", 200).text == "7"
    assert pad.press("#", 300).text == "#"
