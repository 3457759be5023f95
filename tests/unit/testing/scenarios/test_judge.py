"""Each expectation is met by the call that it describes, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from offhook.testing.scenarios import Outcome

Played = Callable[..., Outcome]
YES = {"say": "Yes."}
NO = {"say": "No."}
OPEN = {"say": "When are you open?"}

MET: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
    ([YES], {"says": "what is YOUR code"}),
    ([YES], {"says": ["front desk", "your code?"]}),
    ([YES], {"matches": "^Front.*code\\?$"}),
    ([YES], {"not_says": "Goodbye"}),
    ([YES], {"hears": "yes."}),
    ([YES], {"states": ["question", "code"]}),
    ([YES], {"state": "code"}),
    ([YES, {"press": "4711#"}], {"variables": {"code": "4711"}}),
    ([YES], {"variables": {"code": None}}),
    ([NO], {"tools": [{"name": "hang_up", "success": True, "result": "ok"}]}),
    ([YES], {"not_tools": ["hang_up"]}),
    ([NO], {"ended": "agent_hung_up"}),
    ([YES], {"flags": []}),
    ([OPEN, {"say": "Where is the entrance?", "interrupts_ms": 1500}], {"interruptions": 1}),
    ([YES], {"turn_ends": ["short_answer"]}),
    ([YES], {"response_ms": 1500}),
    ([YES], {"ends_within_s": 10}),
]
UNMET: list[tuple[list[dict[str, Any]], dict[str, Any], str, str]] = [
    ([YES], {"says": "your name"}, "expect.says", "What is your code?"),
    ([YES], {"matches": "^code"}, "expect.matches", "What is your code?"),
    ([NO], {"not_says": "goodbye"}, "expect.not_says", "Goodbye!"),
    ([YES], {"hears": "no"}, "expect.hears", "Yes."),
    ([YES], {"states": ["question"]}, "expect.states", "question → code"),
    ([YES], {"state": "question"}, "expect.state", "code"),
    ([YES, {"press": "4711#"}], {"variables": {"code": "0815"}}, "expect.variables.code", '"4711"'),
    ([YES, {"press": "4711#"}], {"variables": {"code": None}}, "expect.variables.code", '"4711"'),
    ([YES], {"tools": [{"name": "hang_up"}]}, "expect.tools", "no tool was called"),
    ([NO], {"tools": [{"name": "hang_up", "success": False}]}, "expect.tools", "hang_up"),
    ([NO], {"tools": [{"name": "hang_up", "arguments": {"reason": "none"}}]}, "expect.tools", "does not want"),
    ([NO], {"tools": [{"name": "hang_up"}, {"name": "hang_up"}]}, "expect.tools", "hang_up"),
    ([NO], {"not_tools": ["hang_up"]}, "expect.not_tools", "hang_up"),
    ([YES], {"keys": "1"}, "expect.keys", "none"),
    ([YES], {"ended": "caller_silent", "dead_air_ms": None}, "expect.ended", "caller_hung_up"),
    ([YES], {"flags": ["unbacked_claim"]}, "expect.flags", "none"),
    ([YES], {"interruptions": 1}, "expect.interruptions", "0"),
    ([YES], {"turn_ends": ["pause"]}, "expect.turn_ends", "short_answer"),
    ([YES], {"response_ms": 10}, "expect.response_ms", "ms"),
    ([YES], {"dead_air_ms": 10}, "expect.dead_air_ms", "ms from"),
    ([YES], {"ends_within_s": 1}, "expect.ends_within_s", "s"),
]
LINE_UNMET: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (YES, {"says": "Goodbye"}, "says"),
    (YES, {"nothing": True}, "nothing"),
    (YES, {"within_ms": 10}, "within_ms"),
    (YES, {"state": "question"}, "state"),
    (YES, {"variables": {"code": "1"}}, "variables.code"),
    (YES, {"tools": [{"name": "wait"}]}, "tools"),
    (YES, {"stops_within_ms": 500}, "stops_within_ms"),
    (YES, {"goes_on": True}, "goes_on"),
    ({"say": "Where is the entrance?", "interrupts_ms": 1500}, {"goes_on": True}, "goes_on"),
    ({"say": "Where is the entrance?", "interrupts_ms": 1500}, {"stops_within_ms": 20}, "stops_within_ms"),
]


@pytest.mark.parametrize(("caller", "expect"), MET, ids=lambda value: next(iter(value), "") if value else "")
def test_what_happened_is_what_was_expected(caller: list[Any], expect: dict[str, Any], played: Played) -> None:
    assert played(caller=caller, expect=expect).failures == ()


@pytest.mark.parametrize(("caller", "expect", "where", "got"), UNMET, ids=[row[2] for row in UNMET])
def test_what_did_not_happen_is_told_with_what_came_instead(
    caller: list[Any], expect: dict[str, Any], where: str, got: str, played: Played
) -> None:
    outcome = played(caller=caller, expect=expect, limit_s=20)
    failure = next(each for each in outcome.failures if each.where == where)
    assert got in failure.got
    assert not outcome.passed


@pytest.mark.parametrize(("line", "expect", "where"), LINE_UNMET, ids=[row[2] for row in LINE_UNMET])
def test_the_answer_to_a_line_is_judged_by_itself(
    line: dict[str, Any], expect: dict[str, Any], where: str, played: Played
) -> None:
    outcome = played(caller=[line | {"expect": expect}])
    assert [failure.where for failure in outcome.failures] == [f"caller[0].expect.{where}"]


def test_a_line_whose_time_never_comes_is_told_with_what_it_waited_for(played: Played) -> None:
    outcome = played(caller=[YES, {"say": "Bye.", "after": "never said"}], limit_s=15)
    assert [failure.where for failure in outcome.failures] == ["scenario", "caller[1]"]
    assert "'never said'" in outcome.failures[1].got
    assert "What is your code?" in outcome.failures[1].got


def test_a_line_after_the_end_of_the_call_is_told(played: Played) -> None:
    outcome = played(caller=[NO, {"say": "Are you there?"}])
    assert [failure.where for failure in outcome.failures] == ["caller[1]"]
    assert "agent_hung_up" in outcome.failures[0].got


def test_a_function_without_an_answer_is_a_fault_of_the_scenario(played: Played) -> None:
    outcome = played(agent="agents/orders.agent.yaml", caller=[{"say": "It is 4711."}])
    assert len(outcome.failures) == 1
    assert "look_up asked POST https://shop.example/orders" in outcome.failures[0].got
