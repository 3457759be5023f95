"""What an answer can't take back waits for its moment; what is only said never waits."""

import pytest

from offhook.conversation.endpointing import MAX_DELAY_MS, EndpointingConfig
from offhook.conversation.events import Act, Deed, DropAnswer, EndedBy, Speak
from offhook.conversation.session import ConversationConfig

FAREWELL = "I'm putting you through to a colleague of mine, please stay on the line for a moment."


def test_a_deed_waits_until_words_of_its_answer_were_heard(stage, answer):
    call = stage(answers=[answer(["Let me look that up for you."], deed=Deed.ACT, then=["It is free."])])
    call.caller("Is Tuesday free?")
    acted_ms = call.run_until(Act)
    first_packet_ms = call.sent_at[0]
    assert first_packet_ms < acted_ms < first_packet_ms + 500
    call.run(6000)
    assert call.transcript == ["caller: Is Tuesday free?", "agent: Let me look that up for you. It is free."]


def test_a_sentence_before_a_deed_is_spoken_though_no_more_words_came(stage, answer):
    call = stage(answers=[answer(["One ", "moment."], deed=Deed.ACT, takes_ms=3000)])
    call.caller("Book it.")
    call.run_until(Act)
    assert [speak.text for speak in call.of(Speak)] == ["One moment."]


def test_a_deed_without_words_waits_for_the_silence_that_ends_any_turn(stage, answer):
    call = stage(answers=[answer([], deed=Deed.ACT, then=["Booked."])])
    said = call.caller("Book it.")
    acted_ms = call.run_until(Act)
    assert said.end_ms + MAX_DELAY_MS - 64 <= acted_ms <= said.end_ms + MAX_DELAY_MS + 64


def test_the_silence_is_the_configured_one(stage, answer):
    config = ConversationConfig(endpointing=EndpointingConfig(max_delay_ms=2500))
    call = stage(config=config, answers=[answer([], deed=Deed.ACT)])
    said = call.caller("Book it.")
    assert call.run_until(Act) >= said.end_ms + 2400


def test_a_deed_of_a_turn_that_went_on_is_never_done(stage, answer):
    call = stage(answers=[answer([], deed=Deed.ACT, delay_ms=50), "Wednesday then."])
    call.caller("Book it for Tuesday.")
    call.caller("No, for Wednesday.", after=900)
    call.run(6000)
    assert call.of(Act) == []
    assert call.asked == ["Book it for Tuesday.", "Book it for Tuesday. No, for Wednesday."]


def test_what_was_done_is_not_asked_for_again_when_nobody_heard_of_it(stage, answer):
    call = stage(answers=[answer([], deed=Deed.ACT, takes_ms=4000), "Anything else?"])
    call.caller("Book it for Tuesday.")
    call.run_until(Act)
    call.caller("And what does it cost?")
    call.run(6000)
    assert call.asked == ["Book it for Tuesday.", "And what does it cost?"]
    assert [drop.heard for drop in call.of(DropAnswer)] == [""]
    assert call.transcript == [
        "caller: Book it for Tuesday.",
        "caller: And what does it cost?",
        "agent: Anything else?",
    ]


def test_words_alone_come_as_soon_as_ever(stage, answer):
    plain, doing = stage(answers=["It is free."]), stage(answers=[answer(["It is free."], deed=Deed.ACT)])
    for call in (plain, doing):
        call.caller("Is Tuesday free?")
        call.run(4000)
    assert plain.sent_at[0] == doing.sent_at[0]


# --------------------------------------------------------------------------- transfers


@pytest.fixture
def handing_over(stage, answer):
    call = stage(answers=[answer([FAREWELL], deed=Deed.HAND_OVER, takes_ms=300_000), "Never mind."])
    call.caller("I want to talk to a human.")
    return call


def test_a_transfer_begins_when_its_farewell_was_said(handing_over):
    acted_ms = handing_over.run_until(Act)
    assert acted_ms - handing_over.sent_at[-1] <= 40
    assert len(handing_over.sent_at) * 20 >= len(FAREWELL) * 1000 // 15 - 200


@pytest.mark.parametrize("words", ["Right.", "Okay.", "Okay, thank you very much.", "No wait, I changed my mind."])
def test_nothing_said_over_the_farewell_undoes_the_transfer(handing_over, words):
    handing_over.run_until(Speak)
    handing_over.run(1500)
    handing_over.caller(words)
    handing_over.run_until(Act)
    assert handing_over.of(DropAnswer) == []


@pytest.mark.parametrize("words", ["Okay.", "Right."])
def test_a_listening_sign_before_the_farewell_undoes_nothing(stage, answer, words):
    call = stage(answers=[answer([FAREWELL], deed=Deed.HAND_OVER, delay_ms=400)], voice_ms=900)
    call.caller("I want to talk to a human.")
    call.caller(words, after=500)
    call.run_until(Act)
    assert call.asked == ["I want to talk to a human."]


def test_a_turn_that_went_on_before_the_farewell_is_no_decision(stage, answer):
    call = stage(answers=[answer([FAREWELL], deed=Deed.HAND_OVER, delay_ms=300), "Sixty dollars."], voice_ms=600)
    call.caller("I want to talk to a human.")
    call.caller("or just tell me what a visit costs.", after=500)
    call.run(8000)
    assert call.of(Act) == []
    assert call.transcript[-1] == "agent: Sixty dollars."


def test_a_transfer_without_a_farewell_waits_for_a_certain_turn(stage, answer):
    call = stage(answers=[answer([], deed=Deed.HAND_OVER)])
    said = call.caller("A human, please.")
    assert call.run_until(Act) >= said.end_ms + MAX_DELAY_MS - 64


def test_after_a_transfer_that_failed_the_agent_goes_on_and_can_be_interrupted(stage, answer):
    again = "I'm sorry, nobody answers there right now, but I can take a message for them and have you called back."
    call = stage(answers=[answer(["One moment."], deed=Deed.HAND_OVER, then=[again]), "Of course."])
    call.caller("A human, please.")
    call.run_until(Act)
    call.run(2500)
    call.caller("No, I will call later, goodbye.")
    call.run(8000)
    assert call.items[1].interrupted
    assert call.transcript[-1] == "agent: Of course."


def test_what_was_said_over_a_farewell_is_answered_when_the_transfer_failed(stage, answer):
    call = stage(answers=[answer([FAREWELL], deed=Deed.HAND_OVER, then=["Nobody answers."]), "Until six."])
    call.caller("A human, please.")
    call.run_until(Speak)
    call.run(1500)
    call.caller("How long are you open today?")
    call.run(14_000)
    assert call.asked == ["A human, please.", "How long are you open today?"]
    assert call.transcript[-1] == "agent: Until six."


# --------------------------------------------------------------------------- messages for machines


@pytest.fixture
def machine(stage, answer):
    message = answer(
        [], deed=Deed.MESSAGE, takes_ms=0, then=["Hello, this is Ann."], hang_up=True, reason=EndedBy.VOICEMAIL
    )
    call = stage(answers=[message, "Never."])
    call.caller("You have reached the Miller family.")
    return call


def test_a_message_waits_for_the_beep_while_the_machine_talks_on(machine):
    machine.caller("Please leave a message after the tone.", after=600)
    machine.run(4500)
    assert machine.of(Act) == []
    machine.beep()
    machine.run(4000)
    assert machine.ended == "voicemail_left"
    assert machine.transcript[-1] == "agent: Hello, this is Ann."
    assert machine.of(DropAnswer) == []


def test_without_a_beep_a_message_waits_for_silence(machine):
    asked = machine.sounds[0].end_ms
    acted_ms = machine.run_until(Act)
    assert asked + 3000 <= acted_ms <= asked + 4500


def test_a_machine_that_never_stops_is_spoken_to_after_the_limit(stage, answer):
    call = stage(answers=[answer([], deed=Deed.MESSAGE, limit_ms=6000)])
    call.caller("You have reached us.")
    for _ in range(12):
        call.caller("All our lines are busy.", after=400)
    first_piece_ms = call.sounds[0].end_ms
    assert 6000 <= call.run_until(Act) - first_piece_ms <= 8000


def test_noise_over_a_message_does_not_stop_it(machine):
    machine.run(300)
    machine.run_until(Act)
    machine.noise(800, after=500)
    machine.run(4000)
    assert machine.transcript[-1] == "agent: Hello, this is Ann."
