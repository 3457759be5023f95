"""Asking a silent caller, a few times."""

from offhook.conversation.presence import PresenceCheck


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
