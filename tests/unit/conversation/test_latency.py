"""Anchors of a turn, honest about what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.conversation.events import Measured
from offhook.conversation.latency import TurnClock

ORDER = ["vad_end", "turn_decision", "model_request", "first_token", "first_clause", "tts_request", "first_byte"]
ANCHORS = [*ORDER, "first_packet"]


def clock(**anchors: int) -> TurnClock:
    made = TurnClock(1000)
    for name, at_ms in anchors.items():
        made.mark(name, at_ms)
    return made


def test_stages_count_from_the_last_voiced_sample():
    stages = clock(
        vad_end=1200, final_transcript=1350, turn_decision=1400, model_request=1401, first_token=1600,
        first_clause=1650, tts_request=1652, first_byte=1700, first_packet=1710,
    ).stages()  # fmt: skip
    assert stages["vad_end"] == 200.0
    assert stages["response"] == stages["first_packet"] == 710.0
    assert stages["engine"] == 1 + 2 + 10


def test_what_did_not_happen_is_none():
    stages = clock(vad_end=1200).stages()
    assert {name for name, value in stages.items() if value is not None} == {"vad_end"}


def test_the_first_mark_counts():
    assert clock(first_byte=1500, first_packet=1600).stages()["first_byte"] == 500.0
    again = clock(first_token=1500)
    again.mark("first_token", 1900)
    assert again.stages()["first_token"] == 500.0


@pytest.mark.parametrize("early", ["first_token", "first_packet"])
def test_an_anchor_out_of_order_is_none(early):
    assert clock(model_request=1500, **{early: 1400}).stages()[early] is None
    assert clock(**{early: 900}).stages()[early] is None


def test_a_transcript_may_come_before_or_after_the_decision():
    before = clock(turn_decision=1400, final_transcript=1300).stages()
    after = clock(turn_decision=1400, final_transcript=1450, model_request=1420).stages()
    assert before["final_transcript"] == 300.0
    assert after["final_transcript"] == 450.0
    assert after["model_request"] == 420.0


@given(st.dictionaries(st.sampled_from(ANCHORS), st.integers(0, 5000)))
def test_stages_never_run_backwards(anchors):
    stages = clock(**anchors).stages()
    times = [value for name in ANCHORS if (value := stages[name]) is not None]
    assert times == sorted(times)
    assert all(time >= 0 for time in times)


def test_the_steps_of_a_turn_are_measured_in_their_order(stage):
    call = stage(answers=["Which day?"])
    spoken = call.caller("I'd like an appointment.")
    call.run(4000)
    stages = call.of(Measured)[0].stages_ms
    order = ["vad_end", "turn_decision", "model_request", "first_token", "first_clause", "tts_request", "first_byte"]
    times = [stages[name] for name in order] + [stages["first_packet"]]
    assert times == sorted(times)
    assert stages["response"] == stages["first_packet"]
    assert abs(stages["response"] - (call.sent_at[0] - spoken.end_ms)) <= 32
    assert stages["engine"] <= 20
    assert stages["final_transcript"] >= stages["vad_end"]


def test_an_entry_by_keys_has_no_transcript_to_measure(stage):
    call = stage()
    call.key("1")
    call.key("#")
    call.run(3000)
    stages = call.of(Measured)[0].stages_ms
    assert stages["vad_end"] is None
    assert stages["final_transcript"] is None
    assert stages["response"] is not None
