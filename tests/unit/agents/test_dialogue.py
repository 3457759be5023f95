from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue, tool_result
from offhook.agents.load import parse_agent
from offhook.agents.model import Message, ToolCall


def test_a_dialogue_starts_in_the_initial_state_with_the_built_in_variables(agent: AgentConfig) -> None:
    dialogue = Dialogue.start(agent, {}, call_id="c", from_number="+1", to_number="+2", call_start_time=0.0)
    assert dialogue.state_name == "start"
    assert dict(dialogue.variables) == {
        "call_id": "c",
        "from_number": "+1",
        "to_number": "+2",
        "call_start_time": datetime(1970, 1, 1, tzinfo=UTC),
    }


def test_the_greeting_is_the_initial_message_with_its_values(agent: AgentConfig) -> None:
    assert Dialogue.start(agent, {"customer": "Ann"}).greeting() == "Hello Ann."


def test_without_an_initial_message_the_agent_waits(agent_data: dict[str, Any]) -> None:
    agent_data["initial_message"] = None
    assert Dialogue.start(parse_agent(agent_data)).greeting() is None


def test_an_unset_variable_is_empty_and_logged(agent: AgentConfig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Dialogue.start(agent).greeting() == "Hello ."
    assert "customer" in caplog.text


def test_initial_values_that_do_not_fit_are_left_out_and_reported(agent: AgentConfig) -> None:
    dialogue = Dialogue.start(agent, {"age": "old", "customer": 12, "extra": {"a": 1}})
    assert dialogue.values.get("age") is None
    assert dialogue.values["customer"] == "12"
    assert dialogue.values["extra"] == {"a": 1}
    assert [fault.field for fault in dialogue.rejected] == ["age"]


def test_every_change_gives_a_new_dialogue(agent: AgentConfig) -> None:
    first = Dialogue.start(agent)
    second = first.agent_said("Hello.").user_said("Hi.").with_variable("age", "7").enter("End: goodbye")
    assert (first.history, first.state_name, dict(first.values)) == ((), "start", {})
    assert [m.role for m in second.history] == ["assistant", "user"]
    assert second.values["age"] == 7
    assert second.state_name == "End: goodbye"
    with pytest.raises(TypeError):
        second.values["age"] = 8  # type: ignore[index]


def test_a_value_that_does_not_fit_its_type_is_refused(agent: AgentConfig) -> None:
    with pytest.raises(ValueError, match="number"):
        Dialogue.start(agent).with_variable("age", "old")


def test_what_was_not_heard_was_not_said(agent: AgentConfig) -> None:
    dialogue = Dialogue.start(agent).user_said("Hi.").agent_said("One two three four.").with_heard("One two")
    assert dialogue.history[-1] == Message("assistant", "One two")


def test_an_answer_of_which_nothing_was_heard_leaves_no_trace(agent: AgentConfig) -> None:
    dialogue = Dialogue.start(agent).user_said("Hi.")
    assert dialogue.agent_said("Hello there.").with_heard("") == dialogue


def test_heard_words_are_shared_out_over_the_messages_of_a_turn(agent: AgentConfig) -> None:
    call = ToolCall("c1", "go_to_end_goodbye", "{}")
    dialogue = Dialogue.start(agent).agent_said("Hello Ann.").user_said("Bye.")
    dialogue = dialogue.with_message(Message("assistant", "All right then.", tool_calls=(call,)))
    dialogue = dialogue.with_message(tool_result(call, "{}", None)).enter("End: goodbye")
    dialogue = dialogue.agent_said("Good bye now.")

    partly = dialogue.with_heard("All right then. Good")
    assert [m.content for m in partly.history] == ["Hello Ann.", "Bye.", "All right then.", "{}", "Good"]

    little = dialogue.with_heard("All")
    assert [m.content for m in little.history] == ["Hello Ann.", "Bye.", "All", "{}"]
    assert little.history[2].tool_calls == (call,)
    assert little.state_name == "End: goodbye"


def test_an_interrupted_greeting_keeps_what_was_heard(agent: AgentConfig) -> None:
    dialogue = Dialogue.start(agent).agent_said("Hello and welcome.").with_heard("Hello")
    assert dialogue.last_said() == "Hello"


def test_places_of_states_in_the_history_stay_right_when_messages_vanish(agent: AgentConfig) -> None:
    dialogue = Dialogue.start(agent).user_said("Hi.").agent_said("Unheard.").enter("End: goodbye").with_heard("")
    assert dialogue.visits[-1].since == len(dialogue.history) == 1
