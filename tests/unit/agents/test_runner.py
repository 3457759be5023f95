"""Each test reads: the model does this, so the caller hears that, and this is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue
from offhook.agents.functions import HttpRequest, ToolOutcome, read_answer
from offhook.agents.load import parse_agent
from offhook.agents.model import ToolCall, Usage
from offhook.agents.runner import (
    AgentRunner,
    Called,
    Entered,
    Finished,
    HangUp,
    PressKeys,
    Problem,
    Progressed,
    Returned,
    RunnerEvent,
    Say,
    Spent,
    Transfer,
    VariableChanged,
    Wait,
)
from offhook.agents.tools import CustomFunctionTool

LINE = frozenset({"transfer_call", "press_keys"})
MOVE = '{"reason": "told", "variables": {"age": 41}}'


async def respond(runner: AgentRunner, dialogue: Dialogue, text: str = "Hi.") -> list[RunnerEvent]:
    return [event async for event in runner.respond(dialogue, text)]


def said(events: list[RunnerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Say))


def of(events: list[RunnerEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def after(events: list[RunnerEvent]) -> Dialogue:
    assert isinstance(events[-1], Finished)
    assert len(of(events, Finished)) == 1
    return events[-1].dialogue


class Executor:
    def __init__(self, answer: str = "{}", delay_s: float = 0.0) -> None:
        self.requests: list[HttpRequest] = []
        self._answer, self._delay_s = answer, delay_s

    async def run(self, tool: CustomFunctionTool, request: HttpRequest) -> ToolOutcome:
        self.requests.append(request)
        await asyncio.sleep(self._delay_s)
        return read_answer(tool, 200, self._answer)


@pytest.fixture
def dialogue(agent: AgentConfig) -> Dialogue:
    return Dialogue.start(agent, {"customer": "Ann"}, call_start_time=1_764_000_000.0).agent_said("Hello Ann.")


# ---------------------------------------------------------------------- words


async def test_words_are_passed_on_as_they_stream(scripted: Callable, dialogue: Dialogue) -> None:
    events = await respond(AgentRunner(scripted(["How ", "old ", "are you?", Usage(10, 4)])), dialogue)
    assert [event.text for event in of(events, Say)] == ["How ", "old ", "are you?"]
    assert of(events, Spent) == [Spent(Usage(10, 4))]
    assert [(m.role, m.content) for m in after(events).history[1:]] == [
        ("user", "Hi."),
        ("assistant", "How old are you?"),
    ]


async def test_nothing_is_changed_until_the_finished_dialogue_is_taken(scripted: Callable, dialogue: Dialogue) -> None:
    before = dialogue.history
    runner = AgentRunner(scripted(["Yes."]))
    await respond(runner, dialogue)
    again = after(await respond(runner, dialogue))
    assert dialogue.history == before
    assert len(again.history) == len(before) + 2


async def test_the_model_reads_prompts_with_their_values_and_the_history(
    scripted: Callable, dialogue: Dialogue
) -> None:
    model = scripted(["Yes."])
    await respond(AgentRunner(model), dialogue.enter("End: goodbye").with_variable("age", 41), "Bye.")
    request = model.requests[0]
    assert request.messages[0].role == "system"
    assert "You are a test." in request.messages[0].content
    assert "the caller is 41" in request.messages[0].content
    assert [m.content for m in request.messages[1:]] == ["Hello Ann.", "Bye."]
    assert [tool.name for tool in request.tools] == ["hang_up"]
    assert (request.user_text, request.dialogue.state_name) == ("Bye.", "End: goodbye")


async def test_a_dropped_answer_closes_the_request(scripted: Callable, dialogue: Dialogue) -> None:
    model = scripted(["One. ", 1000.0, "Two."])
    events = AgentRunner(model).respond(dialogue, "Hi.")
    assert await anext(events) == Say("One. ")
    await events.aclose()
    assert model.closed == 1


async def test_a_cancelled_answer_closes_the_request(scripted: Callable, dialogue: Dialogue) -> None:
    model = scripted([1000.0, "Two."])
    task = asyncio.create_task(respond(AgentRunner(model), dialogue))
    await asyncio.wait({task}, timeout=0.01)
    assert len(model.requests) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.closed == 1


# ---------------------------------------------------------------------- transitions


async def test_a_transition_stores_values_speaks_its_filler_and_the_next_state_answers(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    model = scripted([call("go_to_end_goodbye", MOVE)], ["Good ", "bye."])
    events = await respond(AgentRunner(model), dialogue, "I'm 41.")
    assert said(events) == "Right, Ann. Good bye."
    assert of(events, VariableChanged) == [VariableChanged("age", "number", 41)]
    assert of(events, Entered) == [Entered("End: goodbye", "start", "told")]
    assert after(events).state_name == "End: goodbye"
    assert "the caller is 41" in model.requests[1].messages[0].content
    assert of(events, Called) == []


async def test_a_tool_of_another_state_is_refused_and_the_model_asked_again(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    model = scripted([call("hang_up")], ["Sorry, how old?"])
    events = await respond(AgentRunner(model), dialogue)
    assert of(events, HangUp) == []
    assert [problem.code for problem in of(events, Problem)] == ["tool_not_allowed"]
    assert said(events) == "Sorry, how old?"
    assert model.requests[1].messages[-1].role == "tool"
    assert "error" in model.requests[1].messages[-1].content


async def test_of_two_transitions_the_first_is_taken_once(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    first = call("go_to_end_goodbye", MOVE, "a")
    model = scripted([first, first, call("go_to_end_goodbye", MOVE, "b")], ["Bye."])
    events = await respond(AgentRunner(model), dialogue)
    assert len(of(events, Entered)) == 1
    assert [problem.code for problem in of(events, Problem)] == ["tool_not_allowed"]


async def test_a_value_that_does_not_fit_is_reported_not_stored(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    move = call("go_to_end_goodbye", '{"variables": {"age": "old", "shoe": 3}}')
    events = await respond(AgentRunner(scripted([move], ["Bye."])), dialogue)
    assert sorted(problem.code for problem in of(events, Problem)) == ["unknown_variable", "variable_misfit"]
    assert after(events).values.get("age") is None
    assert of(events, VariableChanged) == []


async def test_broken_arguments_of_a_transition_do_not_stop_it(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    events = await respond(AgentRunner(scripted([call("go_to_end_goodbye", "{oops")], ["Bye."])), dialogue)
    assert of(events, Entered)[0].reason == "age is known"


async def test_a_graph_that_runs_in_circles_is_left_and_reported(scripted: Callable, call: Callable) -> None:
    states = [{"name": "a", "transitions": [{"destination_state_name": "a"}]}]
    agent = parse_agent({"name": "A", "initial_state_name": "a", "states": states})
    loop = scripted(*[[call("go_to_a")] for _ in range(20)])
    events = await respond(AgentRunner(loop), Dialogue.start(agent))
    assert [problem.code for problem in of(events, Problem)] == ["too_many_steps"]
    assert "again" in "".join(said.text for said in of(events, Say)), "the caller is not left with silence"
    assert len(loop.requests) == 8


async def test_what_stands_so_far_is_told_after_each_effect(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    events = await respond(AgentRunner(scripted([call("go_to_end_goodbye", MOVE)], ["Bye."])), dialogue)
    (progressed,) = of(events, Progressed)
    assert progressed.dialogue.state_name == "End: goodbye"
    assert progressed.dialogue.values["age"] == 41


# ---------------------------------------------------------------------- tools that end the turn


async def test_hanging_up_comes_after_its_sentence(scripted: Callable, call: Callable, dialogue: Dialogue) -> None:
    model = scripted(["Thanks.", call("hang_up", '{"reason": "all done"}')])
    events = await respond(AgentRunner(model), dialogue.enter("End: goodbye"))
    assert said(events) == "Thanks. Bye, Ann."
    assert of(events, HangUp) == [HangUp("all done")]
    assert events.index(of(events, HangUp)[0]) > events.index(of(events, Say)[-1])
    assert of(events, Called)[0].name == of(events, Returned)[0].name == "hang_up"
    assert of(events, Returned)[0].success
    assert len(model.requests) == 1
    assert after(events).last_said() == "Thanks. Bye, Ann."


async def test_waiting_says_nothing(scripted: Callable, call: Callable, dialogue: Dialogue) -> None:
    events = await respond(AgentRunner(scripted([call("wait")])), dialogue)
    assert of(events, Wait) == [Wait()]
    assert said(events) == ""


async def test_keys_and_transfers_are_told_to_the_call(scripted: Callable, call: Callable, dialogue: Dialogue) -> None:
    events = await respond(AgentRunner(scripted([call("press_keys", '{"digits": "1w2#"}')]), line_tools=LINE), dialogue)
    assert of(events, PressKeys) == [PressKeys("1w2#")]
    events = await respond(
        AgentRunner(scripted([call("transfer_call")]), line_tools=LINE), dialogue.with_variable("customer", "55")
    )
    assert of(events, Transfer) == [Transfer("+33155", "blind")]


@pytest.mark.parametrize("digits", ["", "12a", "1" * 65])
async def test_keys_that_do_not_exist_are_refused(
    scripted: Callable, call: Callable, dialogue: Dialogue, digits: str
) -> None:
    model = scripted([call("press_keys", json.dumps({"digits": digits}))], ["Well."])
    events = await respond(AgentRunner(model, line_tools=LINE), dialogue)
    assert of(events, PressKeys) == []
    assert not of(events, Returned)[0].success


@pytest.mark.parametrize("name", ["transfer_call", "press_keys"])
async def test_what_the_line_cannot_do_is_told_as_an_error_and_the_agent_goes_on(
    scripted: Callable, call: Callable, dialogue: Dialogue, name: str
) -> None:
    model = scripted([call(name, '{"digits": "1"}' if name == "press_keys" else "{}")], ["I can't do that."])
    events = await respond(AgentRunner(model), dialogue)
    assert not of(events, Returned)[0].success
    assert of(events, Transfer) == of(events, PressKeys) == []
    assert said(events) == "I can't do that."


# ---------------------------------------------------------------------- custom functions


async def test_a_function_gets_typed_arguments_speaks_its_filler_and_maps_its_answer(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    executor = Executor('{"a": [{"b": 7}]}')
    model = scripted([call("look_up", '{"number": "12"}')], ["It is seven."])
    events = await respond(AgentRunner(model, executor=executor), dialogue)
    assert said(events) == "Let me look. It is seven."
    assert executor.requests[0].url == "https://example.com/Ann"
    assert executor.requests[0].body == {"number": 12}
    assert of(events, VariableChanged) == [VariableChanged("found", "number", 7)]
    returned = of(events, Returned)[0]
    assert (returned.name, returned.success, json.loads(returned.result)) == ("look_up", True, {"a": [{"b": 7}]})


async def test_arguments_that_do_not_fit_never_leave_the_house(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    executor = Executor()
    model = scripted([call("look_up", '{"number": "many"}')], ["Which number?"])
    events = await respond(AgentRunner(model, executor=executor), dialogue)
    assert executor.requests == []
    assert not of(events, Returned)[0].success
    assert said(events) == "Which number?"


async def test_an_agent_message_is_spoken_word_for_word_and_ends_the_answer(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    model = scripted([call("look_up", '{"number": 1}')], ["Chatter."])
    executor = Executor('{"agent_message": "It costs 5,00 €."}')
    events = await respond(AgentRunner(model, executor=executor), dialogue)
    assert said(events) == "Let me look. It costs 5,00 €."
    assert len(model.requests) == 1


def test_a_slow_function_is_bridged_and_told_as_an_error(
    scripted: Callable, call: Callable, dialogue: Dialogue, virtually: Callable
) -> None:
    model = scripted([call("look_up", '{"number": 1}')], ["I could not find out."])

    async def main() -> list[RunnerEvent]:
        return await respond(AgentRunner(model, executor=Executor(delay_s=60)), dialogue)

    events = virtually(main())
    assert said(events) == "Let me look. One moment, please. I could not find out."
    returned = of(events, Returned)[0]
    assert (returned.success, returned.duration_ms) == (False, 5000)


async def test_without_an_executor_a_function_is_an_error_never_a_success(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    model = scripted([call("look_up", '{"number": 1}')], ["No."])
    events = await respond(AgentRunner(model), dialogue)
    assert not of(events, Returned)[0].success


# ---------------------------------------------------------------------- claims


async def test_a_claim_without_a_deed_is_flagged(scripted: Callable, dialogue: Dialogue) -> None:
    events = await respond(AgentRunner(scripted(["Done. I've booked it."])), dialogue)
    assert of(events, Problem) == [Problem("unbacked_claim", "I've booked it.")]


async def test_a_claim_after_a_successful_tool_is_fine(scripted: Callable, call: Callable, dialogue: Dialogue) -> None:
    model = scripted([call("look_up", '{"number": 1}')], ["I've booked it."])
    events = await respond(AgentRunner(model, executor=Executor('{"ok": 1}')), dialogue)
    assert of(events, Problem) == []


async def test_a_claim_after_a_failed_tool_is_flagged(scripted: Callable, call: Callable, dialogue: Dialogue) -> None:
    model = scripted([call("look_up", '{"number": 1}')], ["I've booked it."])
    events = await respond(AgentRunner(model, executor=Executor("<html>")), dialogue)
    assert [problem.code for problem in of(events, Problem)] == ["unbacked_claim"]


# ---------------------------------------------------------------------- models that fail


def timed(virtually: Callable, runner: AgentRunner, dialogue: Dialogue) -> list[tuple[float, RunnerEvent]]:
    async def main() -> list[tuple[float, RunnerEvent]]:
        loop = asyncio.get_running_loop()
        return [(loop.time(), event) async for event in runner.respond(dialogue, "Hi.")]

    return virtually(main())


async def test_a_failure_and_an_empty_answer_get_one_retry(
    scripted: Callable, dialogue: Dialogue, broken: Exception
) -> None:
    for bad, code in (([broken], "provider_failure"), ([" "], "empty_answer"), ([], "empty_answer")):
        events = await respond(AgentRunner(scripted(bad, ["Here I am."])), dialogue)
        assert said(events).strip() == "Here I am."
        assert [problem.code for problem in of(events, Problem)] == [code]


async def test_after_two_failures_the_fallback_model_answers(
    scripted: Callable, dialogue: Dialogue, broken: Exception
) -> None:
    first, second = scripted([broken]), scripted(["I help out."])
    events = await respond(AgentRunner(first, second), dialogue)
    assert (said(events), len(first.requests), len(second.requests)) == ("I help out.", 2, 1)


@pytest.mark.parametrize(("language", "word"), [("en", "sorry"), ("fr", "Désolé"), ("de", "leid")])
async def test_when_no_model_answers_the_agent_apologizes_in_its_language_and_hangs_up(
    scripted: Callable, agent_data: dict[str, Any], broken: Exception, language: str, word: str
) -> None:
    dialogue = Dialogue.start(parse_agent(agent_data | {"language": language}))
    events = await respond(AgentRunner(scripted([broken]), scripted([])), dialogue)
    assert word in said(events)
    assert of(events, HangUp)[0].failed
    assert len(of(events, Problem)) == 3
    assert after(events).last_said() == said(events)


async def test_words_that_were_said_are_not_said_again_when_the_stream_breaks(
    scripted: Callable, dialogue: Dialogue, broken: Exception
) -> None:
    model = scripted(["How old ", broken], ["Again."])
    events = await respond(AgentRunner(model), dialogue)
    assert said(events) == "How old "
    assert [problem.code for problem in of(events, Problem)] == ["provider_failure"]
    assert of(events, HangUp) == []


async def test_a_bug_in_a_provider_counts_as_its_failure(scripted: Callable, dialogue: Dialogue) -> None:
    events = await respond(AgentRunner(scripted([KeyError("x")], ["Fine."])), dialogue)
    assert said(events) == "Fine."


def test_a_silent_model_never_leaves_the_caller_in_dead_air(
    scripted: Callable, dialogue: Dialogue, virtually: Callable
) -> None:
    events = timed(virtually, AgentRunner(scripted([1000.0]), scripted([1000.0])), dialogue)
    heard_until_s, longest_gap_s = 0.0, 0.0
    for at_s, event in events:
        if isinstance(event, Say):
            longest_gap_s = max(longest_gap_s, at_s - heard_until_s)
            heard_until_s = max(heard_until_s, at_s) + len(event.text) / 15
    # 4 s less what finding the turn's end (1.2 s) and the voice (0.6 s) take of them at most.
    assert longest_gap_s <= 2.5
    assert events[-2][0] <= 12.0
    assert isinstance(events[-2][1], HangUp)


def test_a_late_answer_comes_after_words_to_hold(scripted: Callable, dialogue: Dialogue, virtually: Callable) -> None:
    events = timed(virtually, AgentRunner(scripted([3.0, "How old?"])), dialogue)
    assert said([event for _, event in events]) == "One moment, please. How old?"
    assert events[-1][1].dialogue.last_said() == "How old?"


def test_a_quick_answer_has_no_words_to_hold(scripted: Callable, dialogue: Dialogue, virtually: Callable) -> None:
    events = timed(virtually, AgentRunner(scripted([1.9, "How old?"])), dialogue)
    assert said([event for _, event in events]) == "How old?"


def test_a_stream_that_stalls_is_cut_off(scripted: Callable, dialogue: Dialogue, virtually: Callable) -> None:
    events = timed(virtually, AgentRunner(scripted(["A long sentence that goes on. ", 1000.0])), dialogue)
    assert events[-1][0] <= 5
    assert [event.code for _, event in events if isinstance(event, Problem)] == ["provider_timeout"]


async def test_an_endless_stream_is_cut_off(scripted: Callable, dialogue: Dialogue) -> None:
    def endless():  # type: ignore[no-untyped-def]
        while True:
            yield "word "

    events = await respond(AgentRunner(scripted(endless())), dialogue)
    assert len(said(events)) < 3000
    assert [problem.code for problem in of(events, Problem)] == ["provider_failure"]


async def test_a_flood_of_tool_calls_is_cut_off(scripted: Callable, dialogue: Dialogue) -> None:
    flood = [ToolCall(f"c{number}", "wait", "{}") for number in range(100)]
    events = await respond(AgentRunner(scripted(flood)), dialogue)
    assert len(of(events, Called)) == 1


# ---------------------------------------------------------------------- the call's end


async def extract(runner: AgentRunner, dialogue: Dialogue) -> list[RunnerEvent]:
    return [event async for event in runner.extract(dialogue)]


async def test_the_call_s_end_looks_for_the_variables_of_the_state_it_ended_in(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    model = scripted([call("set_variables", '{"age": 41}')])
    events = await extract(AgentRunner(model), dialogue.user_said("I am 41."))
    assert of(events, VariableChanged) == [VariableChanged("age", "number", 41)]
    assert after(events).values["age"] == 41
    assert [tool.name for tool in model.requests[0].tools] == ["set_variables"]


async def test_variables_missed_in_an_earlier_state_are_looked_for_known_ones_are_not(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    later = dialogue.user_said("I am 41.").enter("End: goodbye")
    model = scripted([call("set_variables", '{"age": 41}')])
    assert after(await extract(AgentRunner(model), later)).values["age"] == 41
    silent = scripted([])
    await extract(AgentRunner(silent), later.with_variable("age", 40))
    assert silent.requests == []


async def test_nobody_is_asked_when_the_caller_said_nothing(scripted: Callable, dialogue: Dialogue) -> None:
    model = scripted([])
    assert [type(event) for event in await extract(AgentRunner(model), dialogue)] == [Finished]
    assert model.requests == []


async def test_an_extraction_that_fails_is_reported_and_says_nothing(
    scripted: Callable, dialogue: Dialogue, broken: Exception
) -> None:
    events = await extract(AgentRunner(scripted([broken])), dialogue.user_said("I am 41."))
    assert [problem.code for problem in of(events, Problem)] == ["extraction_provider_failure"] * 2
    assert of(events, Say) == []


async def test_values_that_are_no_json_are_reported(scripted: Callable, call: Callable, dialogue: Dialogue) -> None:
    model = scripted([call("set_variables", "age: 41")])
    events = await extract(AgentRunner(model), dialogue.user_said("I am 41."))
    assert [problem.code for problem in of(events, Problem)] == ["extraction_malformed"]
    assert after(events).values.get("age") is None


async def test_leaving_a_state_without_its_variables_is_reported(
    scripted: Callable, call: Callable, dialogue: Dialogue
) -> None:
    model = scripted([call("go_to_end_goodbye", '{"reason": "done"}')], ["Bye."])
    events = await respond(AgentRunner(model), dialogue)
    assert [problem.code for problem in of(events, Problem)] == ["variables_missing"]
    assert [entered.state for entered in of(events, Entered)] == ["End: goodbye"]
