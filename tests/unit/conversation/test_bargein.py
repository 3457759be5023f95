"""How much voice stops the agent, and which words don't."""

import math

import pytest

from offhook.conversation.bargein import Sensitivity, confirm_ms, is_listening_sign
from offhook.conversation.events import Ask, DropAnswer, Measured, Pause, Resume, Speak
from offhook.conversation.session import ConversationConfig
from offhook.conversation.turns import SpeechTracker

LONG = "We are open from nine to six, from Monday to Friday, and on Saturday until noon, but closed on Sunday."


def test_the_more_sensitive_the_sooner():
    high, medium, low = (confirm_ms(each, agent_audible=True) for each in Sensitivity)
    assert high < medium < low
    assert confirm_ms(Sensitivity.LOW, agent_audible=False) < high


@pytest.mark.parametrize(("pattern", "limit_ms"), [("####", 128), ("##.##", 160), ("###.#", 160)])
def test_medium_stops_within_160_ms_even_with_a_weak_window(pattern, limit_ms):
    tracker, needed = SpeechTracker(), confirm_ms(Sensitivity.MEDIUM, agent_audible=True)
    for at_ms, letter in zip(range(32, 320, 32), pattern, strict=False):
        if tracker.feed(at_ms, 0.9 if letter == "#" else 0.1, needed):
            assert at_ms <= limit_ms
            return
    pytest.fail("never stopped")


@pytest.mark.parametrize(
    ("sensitivity", "noise_ms", "stops"),
    [("high", 64, False), ("high", 128, True), ("medium", 96, False), ("medium", 160, True), ("low", 256, False)],
)
def test_sounds_shorter_than_the_sensitivity_do_not_stop_the_agent(stage, sensitivity, noise_ms, stops):
    call = stage(LONG, config=ConversationConfig(sensitivity=Sensitivity(sensitivity))).run(2016)
    call.noise(noise_ms)
    call.run(9000)
    assert bool(call.of(Pause)) is stops
    assert call.transcript == [f"agent: {LONG}"]


def test_a_sign_of_listening_needs_something_left_to_listen_to():
    assert is_listening_sign("okay", "en", 5000, after_question=False)
    assert is_listening_sign("okay", "en", math.inf, after_question=False)
    assert not is_listening_sign("okay", "en", 900, after_question=False)
    assert not is_listening_sign("okay", "en", 5000, after_question=True)
    assert not is_listening_sign("no", "en", 5000, after_question=False)


@pytest.mark.parametrize("start_ms", range(2000, 2160, 20))
def test_a_caller_who_speaks_up_stops_the_agent_within_a_fifth_of_a_second(stage, start_ms):
    call = stage(LONG, answers=["Sure."]).run(start_ms)
    spoken = call.caller("No, I mean on Sunday evening.")
    paused_ms = call.run_until(Pause)
    assert paused_ms - spoken.start_ms <= 160
    call.run(6000)
    # A tick for the packet that was under way.
    assert max(at_ms for at_ms in call.sent_at if at_ms < paused_ms + 1000) - spoken.start_ms <= 180


def test_the_transcript_of_an_interrupted_agent_is_what_was_heard(stage):
    call = stage(LONG, answers=["Sure."]).run(3000)
    call.caller("No, I mean on Sunday evening.")
    call.run(6000)
    said = call.items[0]
    assert said.interrupted
    assert LONG.startswith(said.content)
    assert 30 <= len(said.content) <= 50  # three seconds at fifteen letters a second, whole words
    assert said.generated == LONG
    assert call.of(DropAnswer)[0].heard == said.content
    assert call.transcript[1:] == ["caller: No, I mean on Sunday evening.", "agent: Sure."]


def test_an_interruption_is_measured(stage):
    call = stage(LONG).run(3000)
    call.caller("No, I mean on Sunday evening.")
    call.run(6000)
    measured = call.of(Measured)[0].stages_ms
    assert 100 <= measured["barge_in_decision"] <= 160
    assert measured["barge_in_decision"] <= measured["barge_in"] <= 180


@pytest.mark.parametrize("sign", ["mm-hmm", "okay", "I see", "uh-huh"])
def test_a_sign_of_listening_lets_the_agent_go_on_where_it_stopped(stage, sign):
    call = stage(LONG).run(2000)
    call.caller(sign)
    call.run(12_000)
    assert len(call.of(Pause)) == len(call.of(Resume)) == 1
    assert call.transcript[0] == f"agent: {LONG}"
    assert call.reasons == ["backchannel"]
    assert call.asked == []
    # Nothing is skipped and nothing said twice; a clause's last packet may be short.
    assert len(call.sent_at) == pytest.approx(sum(len(each.text) * 50 / 15 for each in call.of(Speak)), abs=5)


def test_noise_lets_the_agent_go_on(stage):
    call = stage(LONG).run(2000)
    call.noise(200)
    call.run(12_000)
    assert len(call.of(Pause)) == len(call.of(Resume)) == 1
    assert call.transcript == [f"agent: {LONG}"]


def test_noise_is_no_interruption_to_measure(stage):
    call = stage(LONG, config=ConversationConfig(max_duration_ms=4500)).run(2000)
    call.noise(200)
    call.run(9000)
    assert call.items[0].interrupted  # by the end of the time
    assert call.of(Measured) == []


def test_a_yes_over_the_end_of_a_question_is_an_answer(stage):
    question = "The doctor can see you on Tuesday at ten. Does that suit you?"
    call = stage(question, answers=["Booked."]).run(3300)
    call.caller("Yes.")
    call.run(5000)
    assert call.asked == ["Yes."]
    assert call.reasons == ["short_answer"]
    assert call.transcript[-1] == "agent: Booked."


def test_a_yes_while_a_later_question_is_far_away_is_a_sign_of_listening(stage):
    call = stage("The doctor can see you on Tuesday at ten in the morning. Does that suit you?").run(1000)
    call.caller("Yes.")
    call.run(9000)
    assert call.reasons == ["backchannel"]
    assert call.asked == []


def test_a_sign_of_listening_does_not_swallow_an_agent_that_is_still_writing(stage, answer):
    pieces = ["We are open from nine. ", "On Saturday until noon. ", "On Sunday we are closed."]
    call = stage(answers=[answer(pieces, piece_ms=900)])
    call.caller("When are you open?")
    call.run_until(Measured)
    call.caller("okay", after=600)
    call.run(9000)
    assert call.items[-1].content == "".join(pieces) or call.items[-2].content == "".join(pieces)
    assert len(call.asked) == 1


def test_an_agent_that_allows_no_interruption_answers_when_it_has_finished(stage):
    call = stage(LONG, config=ConversationConfig(allow_interruptions=False), answers=["On Sunday, no."]).run(2000)
    call.caller("And on Sunday?")
    call.caller("I mean at noon.", after=1500)
    call.run(12_000)
    assert call.of(Pause) == []
    assert call.items[0].content == LONG
    assert call.asked == ["And on Sunday? I mean at noon."]
    assert call.of(Measured) == []  # waiting for the agent's end is not the agent's slowness
    assert call.transcript[-1] == "agent: On Sunday, no."


def test_an_answer_held_back_does_not_begin_over_the_callers_words(stage):
    call = stage(LONG, config=ConversationConfig(allow_interruptions=False), answers=["One.", "Two."]).run(3000)
    call.caller("And on Sunday?")
    over = call.caller("Because on Sunday I could come with my whole family, you see.", after=1200, ms=5000)
    call.run(12_000)
    said_ms = call.items[0].end_ms
    assert said_ms < over.end_ms
    assert min(at_ms for at_ms in call.sent_at if at_ms > said_ms) > over.end_ms
    assert call.transcript[-1] == "agent: Two."


def test_a_sign_of_listening_is_not_answered_where_interruptions_are_not_allowed(stage):
    call = stage(LONG, config=ConversationConfig(allow_interruptions=False)).run(2000)
    call.caller("mm-hmm")
    call.run(12_000)
    assert call.asked == []
    assert call.reasons == ["backchannel"]


def test_without_interruptions_a_caller_still_goes_on_while_the_agent_thinks(stage, answer):
    config = ConversationConfig(allow_interruptions=False)
    call = stage(config=config, answers=[answer(["When?"], delay_ms=1500), "Tuesday, fine."])
    call.caller("I'd like an appointment.")
    call.run_until(Ask)
    call.caller("On Tuesday.", after=300)
    call.run(6000)
    assert call.asked[-1] == "I'd like an appointment. On Tuesday."
    assert call.transcript[-1] == "agent: Tuesday, fine."


def test_words_that_could_not_be_recognized_over_an_unstoppable_agent_are_asked_for_again(stage):
    config = ConversationConfig(allow_interruptions=False)
    call = stage(LONG, config=config, hears=lambda request, text: None).run(2000)
    call.caller("And on Sunday?")
    call.run(12_000)
    assert call.transcript == [f"agent: {LONG}", "agent: Sorry, could you say that again?"]


def test_two_interruptions_of_one_call_are_both_kept(stage):
    call = stage(LONG, answers=[LONG, "Goodbye then."]).run(2000)
    call.caller("Not so fast please.")
    call.run(3500)
    call.caller("Never mind, I'll write.")
    call.run(5000)
    roles = [line.split(":")[0] for line in call.transcript]
    assert roles == ["agent", "caller", "agent", "caller", "agent"]
    assert [item.interrupted for item in call.items] == [True, False, True, False, False]
    assert len([m for m in call.of(Measured) if "barge_in" in m.stages_ms]) == 2
