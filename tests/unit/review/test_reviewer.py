"""What a review finds, what it asks of which model, and what it does when one fails."""

from __future__ import annotations

import json

import pytest

from offhook.agents.model import Usage
from offhook.errors import ConfigurationError, ProviderError
from offhook.models.llm.rules import RulesModel
from offhook.record import events as e
from offhook.review import reviewer as module
from offhook.review.reviewer import Reviewer

from .conftest import T, case_of, question, record_of

TALK = (("agent", "Which day suits you?"), ("user", "Tuesday please."))
RULES = {"provider": "rules"}


class Desk:
    """Keeps what a review hands over, and gives models by name."""

    def __init__(self, **models):
        self.models, self.stored, self.asked = models, [], []

    def model_for(self, llm):
        self.asked.append((llm.provider, llm.model))
        model = self.models.get(llm.model or llm.provider)
        if model is None:
            raise ConfigurationError(f"no model {llm.model}: set OFFHOOK_LLM_BASE_URL")
        return model

    async def store(self, findings):
        self.stored.append(findings)

    async def review(self, case, *, last=False):
        return await Reviewer(self.model_for, limit_s=5).review(case, self.store, last=last)

    @property
    def answers(self):
        found = {answer.name: answer for findings in self.stored for answer in findings.answers}
        return {
            name: [option.value for option in each.selected] or
            next((value for value in (each.text, each.number, each.boolean) if value is not None), None)
            for name, each in found.items()
        }  # fmt: skip

    @property
    def flags(self):
        return [flag for findings in self.stored for flag in findings.flags]

    @property
    def summaries(self):
        return [findings.summary for findings in self.stored if findings.summary]


async def test_one_request_answers_all_questions_and_writes_the_summary(scripted):
    answer = {"q1": "Tuesday", "q2": True, "q3": ["A", "B"], "summary": "They chose Tuesday."}
    model = scripted([json.dumps(answer), Usage(100, 20)])
    desk = Desk(m=model)
    case = case_of(
        record_of(*TALK), question("text", "Day"), question("boolean", "Booked"),
        question("multiple_choice", "Topics", "A", "B", "C"),
    )  # fmt: skip
    assert await desk.review(case)
    assert desk.answers == {"Day": "Tuesday", "Booked": True, "Topics": ["A", "B"]}
    assert desk.summaries == ["They chose Tuesday."]
    assert (desk.stored[0].usage, desk.stored[-1].done, desk.flags) == (Usage(100, 20), True, [])
    (request,) = model.requests
    assert "User: Tuesday please." in request.messages[1].content
    properties = request.form.schema["properties"]
    assert set(properties) == {"q1", "q2", "q3", "summary"}
    assert properties["q3"]["items"]["enum"] == ["A", "B", "C"]


async def test_an_answer_that_does_not_fit_is_left_empty_and_flagged(scripted):
    desk = Desk(m=scripted([json.dumps({"q1": "Green", "q2": 3, "summary": []})]))
    case = case_of(record_of(*TALK), question("single_choice", "Colour", "Red"), question("number", "Age"))
    assert await desk.review(case)
    assert desk.answers == {"Colour": None, "Age": 3}
    assert [code for code, _ in desk.flags] == ["post_call_misfit", "post_call_misfit"]
    assert "Colour: expected one of Red, got 'Green'" in desk.flags[0][1]


@pytest.mark.parametrize("text", ["", "I can't.", "[1]", '{"q1": ', "{" * 10_000])
async def test_an_answer_that_is_no_json_is_tried_again_and_then_given_up_with_a_flag(scripted, text):
    desk = Desk(m=scripted([text, Usage(9, 1)]))
    case = case_of(record_of(*TALK), question("number", "Age"))
    assert not await desk.review(case)
    # What the failed attempt took is paid for all the same.
    assert [findings.usage for findings in desk.stored] == [Usage(9, 1)]
    assert desk.answers == {}
    assert await desk.review(case, last=True)
    assert desk.answers == {"Age": None}
    assert [code for code, _ in desk.flags] == ["post_call_failed"]
    assert desk.stored[-1].done


@pytest.mark.parametrize("wrapped", ["```json\n{}\n```", "Here you are: {}"])
async def test_json_in_a_fence_or_after_words_is_read(scripted, wrapped):
    desk = Desk(m=scripted([wrapped.replace("{}", '{"q1": 4, "summary": "s"}')]))
    assert await desk.review(case_of(record_of(*TALK), question("number", "Age")))
    assert desk.answers == {"Age": 4}


async def test_what_one_model_answered_is_kept_when_another_fails(scripted):
    desk = Desk(m=scripted(['{"q1": 4, "summary": "s"}']), other=scripted([ProviderError("down")]))
    asked = [question("number", "Age"), question("text", "Day", model="other")]
    assert not await desk.review(case_of(record_of(*TALK), *asked))
    assert desk.answers == {"Age": 4}
    assert not desk.stored[-1].done


async def test_what_is_answered_already_is_not_asked_again(scripted):
    model = scripted(['{"q1": 4, "summary": "s"}'])
    first = Desk(m=model)
    await first.review(case_of(record_of(*TALK), question("number", "Age")))
    record = record_of(*TALK)
    record.answers = {answer.question_id: answer for answer in first.stored[0].answers}
    record.summary = "s"
    desk = Desk(m=model)
    assert await desk.review(case_of(record, question("number", "Age")))
    assert (len(model.requests), desk.answers, desk.stored[-1].done) == (1, {}, True)


async def test_the_fallback_model_answers_where_the_agents_own_fails(scripted):
    desk = Desk(m=scripted([ProviderError("down")]), spare=scripted(['{"q1": 4, "summary": "s"}']))
    spare = {"provider": "openai_compatible", "model": "spare"}
    assert await desk.review(case_of(record_of(*TALK), question("number", "Age"), fallback_llm=spare))
    assert desk.answers == {"Age": 4}


async def test_a_model_that_is_not_configured_is_not_tried_again_and_says_what_to_set():
    desk = Desk()
    assert await desk.review(case_of(record_of(*TALK), question("number", "Age")))
    assert desk.answers == {"Age": None}
    assert "OFFHOOK_LLM_BASE_URL" in desk.flags[0][1]


async def test_a_question_is_answered_by_the_model_it_names(scripted):
    other = scripted(['{"q1": 5}'])
    desk = Desk(m=scripted(['{"q1": 4, "summary": "s"}']), other=other, rules=RulesModel())
    asked = [
        question("number", "Age"), question("number", "Size", model="other"), question("text", "day", model="rules")
    ]  # fmt: skip
    assert await desk.review(case_of(record_of(*TALK), *asked))
    assert desk.answers == {"Age": 4, "Size": 5, "day": "Tuesday please."}
    assert "summary" not in other.requests[0].form.schema["properties"]
    assert other.requests[0].model == "other"


async def test_a_model_named_beside_the_rules_is_one_of_the_compatible_server(scripted):
    desk = Desk(gpt=scripted(['{"q1": 5}']), rules=RulesModel())
    case = case_of(record_of(*TALK), question("number", "Size", model="gpt"), llm=RULES)
    assert await desk.review(case)
    assert desk.answers == {"Size": 5}
    assert ("openai_compatible", "gpt") in desk.asked


async def test_the_rules_answer_by_themselves_and_the_summary_is_plain():
    desk = Desk(rules=RulesModel())
    assert await desk.review(case_of(record_of(*TALK), question("text", "day"), llm=RULES))
    assert desk.answers == {"day": "Tuesday please."}
    assert desk.summaries == [
        "Call from +331, 40 s: the caller spoke 1 times, the agent 1 times. End: the caller hung up."
    ]


async def test_a_stored_datetime_is_answered_as_templates_show_it():
    day = e.VariableSet(at=T, name="day", variable_type="datetime", value="2026-12-01T10:30:00")
    desk = Desk(rules=RulesModel())
    assert await desk.review(case_of(record_of(*TALK, extra=[day]), question("text", "day"), llm=RULES))
    assert desk.answers == {"day": "Tuesday, 2026-12-01 10:30:00"}


@pytest.mark.parametrize("said", [(), (("agent", "Hello?"),), (("agent", "Hello?"), ("user", " "))])
async def test_without_a_word_of_the_caller_no_model_is_asked(said):
    desk = Desk()
    assert await desk.review(case_of(record_of(*said), question("number", "Age")))
    assert (desk.asked, desk.answers, desk.flags) == ([], {"Age": None}, [])
    assert desk.summaries == ["Call from +331, 40 s: the caller said nothing. End: the caller hung up."]


async def test_many_questions_go_in_several_requests_and_one_writes_the_summary(scripted):
    model = scripted([json.dumps({f"q{n}": n for n in range(1, 26)} | {"summary": "s"})])
    desk = Desk(m=model)
    asked = [question("number", f"N{n}") for n in range(60)]
    assert await desk.review(case_of(record_of(*TALK), *asked))
    assert [len(request.form.questions) for request in model.requests] == [25, 25, 10]
    assert len(desk.answers) == 60
    assert desk.summaries == ["s"]


async def test_a_model_that_never_ends_and_one_that_breaks_are_failures(scripted, monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_CHARS", 100)
    for script in (["x" * 101], [KeyError("x")]):
        desk = Desk(m=scripted(script))
        assert not await desk.review(case_of(record_of(*TALK), question("number", "Age")))
