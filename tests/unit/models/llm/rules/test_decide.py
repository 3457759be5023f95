from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.agents.dialogue import Dialogue
from offhook.agents.load import load_agent, parse_agent
from offhook.agents.model import Message, ToolCall
from offhook.models.llm.rules.decide import Speak, Step, Use, decide, extract_values

Start = Callable[..., Dialogue]


def start(*states: dict[str, Any], values: dict[str, Any] | None = None, **fields: Any) -> Dialogue:
    data = {"name": "A", "initial_state_name": states[0]["name"], "states": list(states)} | fields
    return Dialogue.start(parse_agent(data), values or {}, call_start_time=1_795_424_400.0)


def used(steps: list[Step]) -> list[str]:
    return [step.name for step in steps if isinstance(step, Use)]


def said(steps: list[Step]) -> str:
    return " ".join(step.text for step in steps if isinstance(step, Speak))


END = {"name": "end", "rules": {"say": "The end."}}


def two(when: dict[str, Any], **fields: Any) -> Dialogue:
    state = {"name": "s", "transitions": [{"destination_state_name": "end", "when": when}], "rules": {"say": "Well?"}}
    return start(state | fields, END, rules={"intents": {"pizza": ["pizza", "margherita"]}}).agent_said("Well?")


@pytest.mark.parametrize(
    ("when", "text", "leads"),
    [
        ({"intent": "pizza"}, "A Margherita, please.", True),
        ({"intent": ["yes", "pizza"]}, "Yes.", True),
        ({"contains": "eat in"}, "I'd like to eat-in!", True),
        ({"contains": "eat in"}, "great inn", False),
        ({"regex": r"order \d+"}, "It is Order 12.", True),
        ({"regex": r"order \d+"}, "It is order twelve.", False),
        ({"intent": "pizza", "contains": "large"}, "A pizza.", False),
        ({"intent": "pizza", "contains": "large"}, "A large pizza.", True),
        ({"any": [{"intent": "pizza"}, {"contains": "pasta"}]}, "Pasta.", True),
        ({"all": [{"intent": "pizza"}, {"not": {"contains": "no"}}]}, "No pizza.", False),
        ({"all": [{"intent": "pizza"}, {"not": {"contains": "no"}}]}, "Pizza!", True),
        ({"not": {"any": [{"intent": "yes"}, {"intent": "no"}]}}, "Perhaps.", True),
    ],
)
def test_conditions_combine(when: dict[str, Any], text: str, leads: bool) -> None:
    assert (used(decide(two(when).user_said(text))) == ["go_to_end"]) is leads


def test_the_first_transition_that_holds_is_taken() -> None:
    ways = [
        {"destination_state_name": "end", "when": {"contains": "x"}},
        {"destination_state_name": "end", "when": {"contains": "x"}},
    ]
    dialogue = start({"name": "s", "transitions": ways}, END).user_said("x")
    assert used(decide(dialogue)) == ["go_to_end"]


def test_a_variable_s_value_can_be_the_condition() -> None:
    ways = [
        {"destination_state_name": "end", "when": {"variable": {"name": "size", "equals": "LARGE"}}},
        {"destination_state_name": "s", "when": {"variable": "size"}},
    ]
    choice = {"kind": "choice", "choices": {"large": ["big", "family"], "small": ["little"]}}
    state = {"name": "s", "transitions": ways, "variables": [{"name": "size", "extract": choice}]}
    big = decide(start(state, END).user_said("A family one."))
    assert big == [Use("go_to_end", {"reason": "its condition holds", "variables": {"size": "large"}})]
    assert used(decide(start(state, END).user_said("A little one."))) == ["go_to_s"]


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ({"name": "guests", "type": "number"}, "We will be twelve.", 12),
        ({"name": "vegan", "type": "boolean"}, "No, not at all.", False),
        ({"name": "when", "type": "datetime"}, "Tomorrow at 3 pm", "2026-11-24T15:00:00"),
        ({"name": "day", "extract": {"kind": "date"}}, "Tomorrow", "Tuesday, November 24"),
        ({"name": "reason"}, "My tooth hurts.", "My tooth hurts."),
        ({"name": "code", "extract": {"kind": "regex", "pattern": r"([A-Z]{2}\d+)"}}, "It's ab12.", "ab12"),
        ({"name": "floor", "extract": {"kind": "choice", "choices": ["first", "second"]}}, "The second!", "second"),
        ({"name": "email"}, "joe at example dot com", "joe@example.com"),
    ],
)
def test_a_state_collects_its_variable_and_goes_on_without_a_condition(
    variable: dict[str, Any], text: str, value: object
) -> None:
    state = {"name": "s", "variables": [variable], "transitions": [{"destination_state_name": "end"}]}
    (step,) = decide(start(state, END).agent_said("Well?").user_said(text))
    assert isinstance(step, Use)
    assert step.arguments["variables"] == {variable["name"]: value}


def test_a_state_with_several_variables_asks_until_all_are_known() -> None:
    state = {
        "name": "s",
        "variables": [{"name": "name"}, {"name": "phone"}],
        "transitions": [{"destination_state_name": "end"}],
        "rules": {"say": "Name and number?", "reask": ["And your number?", "Your number, please?"]},
    }
    dialogue = start(state, END).agent_said("Name and number?").user_said("My name is Ann Lee.")
    assert decide(dialogue) == [Speak("And your number?")]
    steps = decide(dialogue.agent_said("And your number?").user_said("415 555 2671"))
    assert steps[0].arguments["variables"] == {"name": "Ann Lee", "phone": "4155552671"}  # type: ignore[union-attr]


def test_plain_words_are_a_condition_when_most_of_them_were_said() -> None:
    way = {"destination_state_name": "end", "condition": "The caller wants to order flowers"}
    dialogue = start({"name": "s", "transitions": [way]}, END).agent_said("Hello?")
    assert used(decide(dialogue.user_said("I want to order some flowers."))) == ["go_to_end"]
    assert used(decide(dialogue.user_said("What a day."))) == []


def test_a_state_without_words_asks_for_what_it_wants_to_know() -> None:
    state = {
        "name": "s",
        "variables": [{"name": "shoe_size"}, {"name": "email", "description": "Your e-mail address."}],
    }
    assert said(decide(start(state))) == "Could you tell me this, please: shoe size?"
    assert "Your e-mail address?" in said(decide(start(state, values={"shoe_size": "9"})))
    assert said(decide(start({"name": "s"}))) == "How can I help you?"


def test_entering_a_state_says_its_words_and_the_next_variant_on_return() -> None:
    state = {"name": "s", "rules": {"say": ["First.", "Again."]}, "transitions": [{"destination_state_name": "s"}]}
    dialogue = start(state)
    assert decide(dialogue.enter("s")) == [Speak("Again.")]
    assert decide(dialogue.enter("s").user_said("x").enter("s")) == [Speak("First.")]


def test_a_state_with_an_empty_condition_is_passed_through() -> None:
    state = {
        "name": "s",
        "rules": {"say": "Just so you know."},
        "transitions": [{"destination_state_name": "end", "when": {}}],
    }
    steps = decide(start({"name": "x", "transitions": [{"destination_state_name": "s"}]}, state, END).enter("s"))
    assert (said(steps), used(steps)) == ("Just so you know.", ["go_to_end"])


def test_a_last_state_with_nothing_but_a_hang_up_ends_the_call_by_itself() -> None:
    end = {"name": "end", "rules": {"say": "Goodbye."}, "tools": [{"type": "hang_up"}]}
    dialogue = start({"name": "s", "transitions": [{"destination_state_name": "end"}]}, end).enter("end")
    assert (said(decide(dialogue)), used(decide(dialogue))) == ("Goodbye.", ["hang_up"])


def test_a_caller_who_asks_for_a_moment_gets_it_where_waiting_is_offered() -> None:
    dialogue = start({"name": "s", "tools": [{"type": "wait"}]}).agent_said("Your number?")
    assert used(decide(dialogue.user_said("One moment, please."))) == ["wait"]


def test_a_fixed_answer_comes_before_the_prompt_and_the_question_after_it() -> None:
    state = {
        "name": "s",
        "rules": {"say": "Shall we?", "answers": [{"when": {"contains": "dog"}, "say": "Dogs are {{mood}}."}]},
    }
    dialogue = start(state, base_prompt="Dogs stay outside.", variables=[{"name": "mood"}], values={"mood": "welcome"})
    steps = decide(dialogue.agent_said("Shall we?").user_said("What about my dog?"))
    assert said(steps) == "Dogs are welcome. Shall we?"


def test_the_agent_s_own_words_for_what_it_does_not_know() -> None:
    dialogue = start({"name": "s"}, rules={"unknown": "Ask my colleagues."}).user_said("What is the meaning of life?")
    assert said(decide(dialogue)) == "Ask my colleagues. How can I help you?"


FUNCTION = {
    "type": "custom_function",
    "name": "order",
    "url": "https://example.com",
    "parameters": [{"name": "size"}, {"name": "note", "required": False}],
    "when": {"contains": "order"},
}


def test_a_function_is_called_when_its_condition_holds_with_what_is_known() -> None:
    dialogue = start({"name": "s", "tools": [FUNCTION]}, variables=[{"name": "size"}], values={"size": "big"})
    assert decide(dialogue.user_said("Order it.")) == [Use("order", {"size": "big"})]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ('"It comes at noon."', "It comes at noon. More?"),
        ('{"error": "no"}', "I'm sorry, that didn't work. More?"),
        ("{}", "More?"),
    ],
)
def test_after_a_function_its_words_are_said_and_it_is_not_called_again(result: str, words: str) -> None:
    dialogue = start({"name": "s", "tools": [FUNCTION], "rules": {"say": "More?"}}).user_said("Order it.")
    call = ToolCall("c", "order", "{}")
    dialogue = dialogue.with_message(Message("assistant", "", tool_calls=(call,)))
    steps = decide(dialogue.with_message(Message("tool", result, tool_call_id="c")))
    assert (said(steps), used(steps)) == (words, [])


def test_values_of_all_states_are_found_at_the_end_the_latest_first() -> None:
    ask = {"name": "s", "variables": [{"name": "name"}], "transitions": [{"destination_state_name": "s"}]}
    dialogue = start(ask).user_said("My name is Ann.").agent_said("?").enter("s").user_said("No, my name is Bea.")
    assert extract_values(dialogue, ["name", "other"]) == {"name": "Bea"}


@pytest.mark.parametrize("language", ["de", "zh", "ar"])
def test_languages_without_words_of_their_own_still_ask_again_in_their_own(language: str) -> None:
    steps = decide(start({"name": "s"}, language=language).user_said("xyz"))
    assert said(steps)
    assert "Sorry" not in said(steps)


SAMPLES = {
    language: load_agent((files("offhook.agents") / "samples" / f"appointment.{language}.agent.yaml").read_text())
    for language in ("en", "fr")
}
WORDS = st.sampled_from(
    ["yes", "non", "06 12", "tuesday", "demain", "10h", "?", "where", "où", "my name is", "c'est", "no,", "pardon", "."]
)


@given(st.sampled_from(["en", "fr"]), st.integers(0, 7), st.lists(st.text(max_size=30) | WORDS, max_size=8))
def test_whatever_is_said_in_any_state_is_answered(language: str, state: int, parts: list[str]) -> None:
    agent = SAMPLES[language]
    dialogue = Dialogue.start(agent, call_start_time=1_795_424_400.0).enter(agent.states[state].name)
    assert decide(dialogue), "entering says or does something"
    assert decide(dialogue.agent_said("Well?").user_said(" ".join(parts)))


def test_a_variable_of_the_agent_itself_is_looked_for_in_the_whole_call() -> None:
    own = [{"name": "phone", "source": "extracted"}, {"name": "customer_name", "source": "extracted"}]
    dialogue = start({"name": "s"}, variables=own).user_said("My name is Ann Lee, on 06 12 34 56 78.")
    assert extract_values(dialogue, ["phone", "customer_name"]) == {"phone": "0612345678", "customer_name": "Ann Lee"}
    assert extract_values(dialogue, []) == {}
