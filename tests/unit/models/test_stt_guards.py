"""What the recognizer's decoder makes up is told from what was said."""

import pytest

from offhook.models.stt.guards import Decoding, better, doubtful, echoes, loops, nobody_spoke, runs_on


def decoding(text: str, log_probability: float = -0.3, no_speech: float = 0.01, tokens: int | None = None) -> Decoding:
    return Decoding(text, log_probability, no_speech, tokens or len(text.split()) + 2, token_limit=60)


@pytest.mark.parametrize("text", ["Yes.", "Thursday at half past ten would be fine.", "oui oui", "06 12 34 56 78"])
def test_ordinary_answers_pass(text):
    assert not loops(decoding(text), 3.0)


@pytest.mark.parametrize(
    "text", ["thank you very much thank you very much", "ha " * 20, "de la de la de la de la", "na" * 60]
)
def test_repetition_is_a_loop(text):
    assert loops(decoding(text), 3.0)


def test_more_tokens_than_anyone_speaks_in_that_time_are_a_loop():
    assert loops(decoding("a long story", tokens=40), 2.0)
    assert not loops(decoding("a long story", tokens=40), 8.0)


def test_running_into_the_limit_is_a_loop():
    assert loops(decoding("endless", tokens=60), 30.0)


def test_a_low_probability_is_doubtful():
    assert doubtful(decoding("hm", -1.1))
    assert not doubtful(decoding("hm", -0.5))


def test_nobody_spoke_needs_both_signs():
    assert nobody_spoke(decoding("Thanks for watching!", -0.9, 0.8))
    assert not nobody_spoke(decoding("Yes.", -0.2, 0.8))
    assert not nobody_spoke(decoding("Yes.", -0.9, 0.2))


def test_a_loop_gives_way_to_the_second_decoding_and_doubt_to_the_likelier():
    loop, plain, doubt = decoding("ha " * 20), decoding("ha", -0.9), decoding("hat", -1.2)
    assert better(loop, plain, 3.0) is plain
    assert better(doubt, plain, 3.0) is plain
    assert better(plain, doubt, 3.0) is plain


def test_a_stretch_of_the_prompt_is_an_echo_but_an_expected_short_answer_is_not():
    prompt = "Which day suits you? Monday, Tuesday, half past ten."
    assert echoes(decoding("which day suits you"), prompt)
    assert not echoes(decoding("Half past ten."), prompt)
    assert not echoes(decoding("Tuesday at half past ten would suit me."), prompt)


def test_no_said_four_times_is_tried_again_but_believed():
    assert loops(decoding("non non non non"), 2.0)
    assert not runs_on(decoding("non non non non"), 2.0)
    assert runs_on(decoding("ha " * 60, tokens=61), 30.0)
    assert runs_on(decoding("la la la " * 30), 60.0)
