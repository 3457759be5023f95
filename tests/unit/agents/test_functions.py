from __future__ import annotations

import json
from typing import Any

import pytest

from offhook.agents.functions import at_path, build_request, check_arguments, read_answer
from offhook.agents.tools import CustomFunctionTool


def tool(**fields: Any) -> CustomFunctionTool:
    return CustomFunctionTool.model_validate(
        {"type": "custom_function", "name": "f", "url": "https://example.com/x"} | fields
    )


NUMBERED = {"parameters": [{"name": "n", "type": "number"}, {"name": "note", "required": False}]}


def test_arguments_are_checked_against_their_types() -> None:
    assert check_arguments(tool(**NUMBERED), '{"n": "3", "note": null}') == {"n": 3}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"n": "many"}', "n: expected a number"),
        ('{"m": 1}', "no parameter m"),
        ('{"note": "x"}', "missing: n"),
    ],
)
def test_arguments_that_do_not_fit_are_explained_to_the_model(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_arguments(tool(**NUMBERED), text)


def test_a_request_carries_arguments_as_json_or_in_the_url() -> None:
    assert build_request(tool(), {"n": 3}, {}).body == {"n": 3}
    request = build_request(tool(method="GET", content_type="url_params"), {"n": 3.0, "ok": True}, {})
    assert (request.method, request.query, request.body) == ("GET", (("n", "3"), ("ok", "true")), None)


def test_values_cannot_change_the_shape_of_a_url_or_a_header() -> None:
    spec = tool(url="{{base}}/c/{{id}}", headers=[{"name": "X-Id", "value": "a{{id}}"}])
    request = build_request(spec, {}, {"base": "https://e.com/api", "id": "../x?y=1\r\nEvil: 1"})
    assert request.url == "https://e.com/api/c/..%2Fx%3Fy%3D1%0D%0AEvil%3A%201"
    assert request.headers == (("X-Id", "a../x?y=1 Evil: 1"),)


def test_an_answer_fills_the_mapped_variables() -> None:
    spec = tool(response_mapping=[{"destination_variable": "v", "json_path_to_data": "$.a[1].b"}])
    outcome = read_answer(spec, 200, '{"a": [0, {"b": 5}]}')
    assert (outcome.success, outcome.values) == (True, {"v": 5})
    assert json.loads(outcome.result) == {"a": [0, {"b": 5}]}


def test_instructions_replace_the_result_and_agent_message_is_spoken() -> None:
    outcome = read_answer(tool(), 200, '{"instructions": "Offer Monday.", "agent_message": "One second.", "secret": 1}')
    assert json.loads(outcome.result) == "Offer Monday."
    assert outcome.say == "One second."


@pytest.mark.parametrize(("status", "text"), [(500, "{}"), (404, ""), (302, "{}"), (200, "<html>"), (200, "[" * 99999)])
def test_an_answer_that_is_none_is_never_told_as_a_success(status: int, text: str) -> None:
    outcome = read_answer(tool(), status, text)
    assert not outcome.success
    assert "error" in json.loads(outcome.result)


def test_an_empty_answer_and_a_list_are_results() -> None:
    assert read_answer(tool(), 204, "").result == "{}"
    assert read_answer(tool(), 200, "[1]").result == "[1]"


def test_a_huge_answer_is_cut_for_the_model() -> None:
    assert len(read_answer(tool(), 200, json.dumps("x" * 100_000)).result) == 20_000


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.a.b", 1),
        ("a.b", 1),
        ("$.c[0]", 2),
        ("c[5]", None),
        ("a['b']", 1),
        ("a.b.c", None),
        ("$", {"a": {"b": 1}, "c": [2]}),
    ],
)
def test_a_path_finds_its_piece_or_nothing(path: str, found: object) -> None:
    assert at_path({"a": {"b": 1}, "c": [2]}, path) == found
