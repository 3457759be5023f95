"""Asking a silent caller, a few times."""

from offhook.conversation.events import Speak
from offhook.conversation.presence import PresenceCheck
from offhook.conversation.session import ConversationConfig


def test_phrases_take_turns_until_all_checks_are_made():
    check = PresenceCheck(("One?", "Two?"), idle_ms=5000, max_times=3)
    assert [check.next_phrase() for _ in range(3)] == ["One?", "Two?", "One?"]
    assert check.exhausted


def test_an_answer_starts_anew():
    check = PresenceCheck(("One?", "Two?"), idle_ms=5000, max_times=1)
    check.next_phrase()
    check.answered()
    assert not check.exhausted
    assert check.next_phrase() == "One?"


def test_silence_counts_from_the_last_speech():
    check = PresenceCheck(("One?",), idle_ms=5000, max_times=1)
    check.quiet_from(2000)
    assert not check.due(6999)
    assert check.due(7000)


def test_a_silent_caller_is_asked_a_few_times_and_then_the_call_ends(stage):
    phrases = ("Are you there?", "Hello?")
    config = ConversationConfig(presence_phrases=phrases, presence_idle_ms=5000, presence_max_times=3)
    call = stage("Hello, how can I help?", config=config).run(40_000)
    assert call.transcript[1:] == ["agent: Are you there?", "agent: Hello?", "agent: Are you there?"]
    assert call.ended == "caller_silent"


def test_a_word_of_the_caller_starts_the_count_anew(stage):
    config = ConversationConfig(presence_idle_ms=5000, presence_max_times=2)
    call = stage("Hello.", config=config).run(14_000)
    call.caller("I'm looking for my card.")
    call.run(16_000)
    assert call.ended is None
    assert call.transcript.count("agent: Are you still there?") >= 3


def test_clicks_on_the_line_are_no_sign_of_a_caller(stage):
    config = ConversationConfig(presence_idle_ms=5000, presence_max_times=1)
    call = stage("Hello.", config=config)
    for _ in range(5):
        call.noise(100, after=2000)
    call.run(8000)
    assert "agent: Are you still there?" in call.transcript


def test_presence_is_not_checked_while_the_caller_speaks(stage):
    call = stage("Hello.", config=ConversationConfig(presence_idle_ms=3000)).run(2500)
    call.caller("So the story is a long one and it begins in the spring of last year.", ms=6000)
    call.run(6000)
    assert len(call.of(Speak)) == 1
