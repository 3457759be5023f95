"""The plain summary: the same record, the same words, in the agent's language."""

from offhook.record import events as e
from offhook.record.lifecycle import EndCode
from offhook.review.summary import plain_summary

from .conftest import T, record_of

TALK = (("agent", "Hello?"), ("user", "Hi."), ("agent", "Your name?"), ("user", "Ann."))


def test_it_tells_the_course_the_states_and_what_was_found():
    extra = [
        e.StateEntered(at=T + 2, state="welcome"),
        e.StateEntered(at=T + 5, state="details", from_state="welcome"),
        e.VariableSet(at=T + 6, name="customer", variable_type="string", value="given at the start"),
        e.VariableSet(at=T + 6, name="name", variable_type="string", value="Ann"),
        e.VariableSet(at=T + 6, name="member", variable_type="boolean", value=True),
        e.VariableSet(at=T + 6, name="day", variable_type="datetime", value="2026-12-01T10:30:00"),
    ]
    record = record_of(*TALK, extra=extra, end=EndCode.AGENT_HUNG_UP, initial_variable_values={"customer": "x"})
    assert plain_summary(record, "en") == (
        "Call from +331, 40 s: the caller spoke 2 times, the agent 2 times. End: the agent said goodbye and hung up. "
        "Steps: welcome → details. Noted: name = Ann; member = true; day = Tuesday, 2026-12-01 10:30:00."
    )


def test_a_call_nobody_answered_says_so_and_why():
    record = record_of(answered=False, end=EndCode.BUSY, direction="outbound")
    assert plain_summary(record, "en") == "Call to +332, not answered: busy."
    assert plain_summary(record, "fr-CA") == "Appel vers +332, sans réponse : occupé."


def test_every_end_has_words_in_both_languages():
    for code in EndCode:
        record = record_of(*TALK, end=code)
        assert plain_summary(record, "en")
        assert plain_summary(record, "fr")


def test_long_values_are_cut():
    long = e.VariableSet(at=T, name="n", variable_type="string", value="x" * 1000)
    assert len(plain_summary(record_of(*TALK, extra=[long]), "en")) < 300
