"""How much voice stops the agent, and which words don't."""

import math

import pytest

from offhook.conversation.bargein import Sensitivity, confirm_ms, is_listening_sign
from offhook.conversation.events import Pause
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
