"""Keys to entries."""

from offhook.conversation.events import Ask, Pause, Resume
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


LONG = "We are open from nine to six, from Monday to Friday, and on Saturday until noon, but closed on Sunday."


def test_keys_are_one_entry_after_a_pause(stage):
    call = stage(answers=["Thank you."])
    for digit in "4711":
        call.key(digit)
        call.run(600)
    call.run(5000)
    assert call.transcript == ["caller: 4711", "agent: Thank you."]
    assert call.reasons == ["keypad"]


def test_a_hash_ends_an_entry_at_once(stage):
    call = stage()
    call.key("4")
    call.key("2")
    call.key("#")
    assert call.asked == ["42"]


def test_a_key_stops_the_agent(stage):
    call = stage(LONG, answers=["Sales, one moment."]).run(2000)
    call.key("1")
    call.run(8000)
    assert call.when(Pause) == [2000]
    assert call.items[0].interrupted
    assert call.transcript[1:] == ["caller: 1", "agent: Sales, one moment."]


def test_noise_between_keys_does_not_set_the_agent_going(stage):
    call = stage(LONG).run(2000)
    call.key("1")
    call.noise(100, after=200)
    call.run(1400)
    assert call.of(Resume) == []


def test_keys_behind_unanswered_words_are_one_turn(stage, answer):
    call = stage(answers=[answer(["When?"], delay_ms=5000), "Fine."])
    call.caller("My code is coming.")
    call.run_until(Ask)
    call.key("7")
    call.key("#")
    call.run(4000)
    assert call.asked[-1] == "My code is coming. 7"
    assert call.transcript[0] == "caller: My code is coming. 7"
