"""Post-call questions of an agent: global settings of it, which hold at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field, StringConstraints
from starlette.responses import Response

from offhook.agents.questions import ORIGIN, Question, QuestionType
from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, clean
from offhook.api.envelope import PageInfo, RawResponse, listing, success, success_body
from offhook.api.errors import invalid
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.record.fold import encode
from offhook.record.times import iso_us
from offhook.review.questions import Change, GivenOption, apply_changes
from offhook.store.ids import new_id, now_us
from offhook.store.keys import Scope

router = APIRouter(tags=["post-call questions"])
Reader = Annotated[Caller, Depends(requires(Scope.AGENTS_READ))]
Writer = Annotated[Caller, Depends(requires(Scope.AGENTS_WRITE))]

_PATH = "/v1/agents/{agent_id}/post-call-questions"


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank")
    return clean(text)


Named = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_not_blank)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_not_blank)]
Described = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_not_blank)]
Example = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_not_blank)]
Examples = Annotated[list[Example], Field(max_length=20, description="Answers as they should look.")]


class QuestionOption(Body):
    """An answer to choose; with ``option_id`` a new wording of one that is there."""

    value: Named
    option_id: UUID | None = None


Options = Annotated[
    list[QuestionOption],
    Field(max_length=100, description="For `single_choice` and `multiple_choice` only, which need them."),
]


class PostCallQuestionBatchItem(Body):
    """A new question, or with ``id`` a change of one; then what is absent stays as it was."""

    id: UUID | None = None
    name: Named
    description: Described = Field(description="The question itself, in plain words.")
    type: QuestionType
    optional: bool = Field(False, description="Whether a call may well have no answer.")
    model: ModelName | None = Field(None, description="Answers it instead of the agent's own language model.")
    examples: Examples | None = None
    options: Options | None = None
    is_active: bool = True


class PostCallQuestionBatch(Body):
    """Questions to make and change; all of them stand, or none."""

    questions: list[PostCallQuestionBatchItem] = Field(min_length=1, max_length=50)


class PostCallQuestionUpdate(Body):
    """A change of one question; what is absent stays as it was."""

    name: Named | None = None
    description: Described | None = None
    type: QuestionType | None = None
    optional: bool | None = None
    model: ModelName | None = None
    examples: Examples | None = None
    options: Options | None = None
    is_active: bool | None = None


class QuestionOptionData(Answer):
    """An answer to choose."""

    id: UUID
    value: str
    created_at: datetime


class PostCallQuestionResponse(Answer):
    """A question that the agent's calls are asked when they are over."""

    id: UUID
    agent_id: UUID
    name: str
    description: str
    type: QuestionType
    is_active: bool = Field(description="An inactive one is not asked.")
    question_origin: str
    optional: bool
    model: str | None
    examples: list[str]
    options: list[QuestionOptionData]
    created_at: datetime
    updated_at: datetime


@router.get(_PATH, responses=answers(200, Listing[PostCallQuestionResponse], 404))
def list_post_call_questions(agent_id: UUID, caller: Reader, shared: Shared) -> Response:
    """The agent's questions, in the order in which they were made."""
    questions = shared.questions.all(caller.organization_id, str(agent_id))
    items = [encode(_shown(each, agent_id)) for each in questions]
    # A list like all others to read, though all of it: nobody asks a call hundreds of questions.
    return listing(items, "Post-call questions retrieved successfully", PageInfo())


@router.post(_PATH, responses=answers(200, Success[list[PostCallQuestionResponse]], 404, 409))
def save_post_call_questions(agent_id: UUID, body: PostCallQuestionBatch, caller: Writer, shared: Shared) -> Response:
    """Make questions, and change those that are named by id."""
    changes = [_change(f"questions[{number}]", item) for number, item in enumerate(body.questions)]
    saved = shared.questions.save(
        caller.organization_id, str(agent_id), lambda before: apply_changes(before, changes, now_us(), new_id)
    )
    return success([_shown(each, agent_id) for each in saved], "Post-call questions saved successfully")


@router.get(_PATH + "/{question_id}", responses=answers(200, Success[PostCallQuestionResponse], 404))
def get_post_call_question(agent_id: UUID, question_id: UUID, caller: Reader, shared: Shared) -> Response:
    """One question."""
    question = shared.questions.get(caller.organization_id, str(agent_id), str(question_id))
    return success(_shown(question, agent_id), "Post-call question retrieved successfully")


@router.patch(_PATH + "/{question_id}", responses=answers(200, Success[PostCallQuestionResponse], 404))
def change_post_call_question(
    agent_id: UUID, question_id: UUID, body: PostCallQuestionUpdate, caller: Writer, shared: Shared
) -> Response:
    """Change a question, from the next call's end on; answers that calls have already stay as they are."""
    for name in ("name", "description", "type", "optional", "is_active"):
        if name in body.model_fields_set and getattr(body, name) is None:
            raise invalid(name, "can't be null; leave it out to keep it")
    shared.questions.get(caller.organization_id, str(agent_id), str(question_id))
    change = _change("", body, str(question_id))
    saved = shared.questions.save(
        caller.organization_id, str(agent_id), lambda before: apply_changes(before, [change], now_us(), new_id)
    )
    return success(_shown(saved[0], agent_id), "Post-call question updated successfully")


@router.delete(_PATH + "/{question_id}", responses=answers(200, Success[None], 404))
def delete_post_call_question(agent_id: UUID, question_id: UUID, caller: Writer, shared: Shared) -> Response:
    """Ask it no more; answers that calls have stay in their records."""
    shared.questions.delete(caller.organization_id, str(agent_id), str(question_id))
    return RawResponse(success_body(b"null", "Post-call question deleted successfully"))


def _change(path: str, body: PostCallQuestionBatchItem | PostCallQuestionUpdate, id_: str | None = None) -> Change:
    given: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set - {"id", "options"}}
    if "is_active" in given:
        given["active"] = given.pop("is_active")
    if isinstance(body, PostCallQuestionBatchItem) and body.id is not None:
        id_ = str(body.id)
    options = None if body.options is None else [_option(each) for each in body.options]
    return Change(path, given, options, id_)


def _option(body: QuestionOption) -> GivenOption:
    return GivenOption(body.value, None if body.option_id is None else str(body.option_id))


def _shown(question: Question, agent_id: UUID) -> dict[str, Any]:
    return {
        "id": question.id,
        "agent_id": str(agent_id),
        "name": question.name,
        "description": question.description,
        "type": question.type.value,
        "is_active": question.active,
        "question_origin": ORIGIN,
        "optional": question.optional,
        "model": question.model,
        "examples": list(question.examples),
        "options": [
            {"id": option.id, "value": option.value, "created_at": iso_us(option.created_us)}
            for option in question.options
        ],
        "created_at": iso_us(question.created_us),
        "updated_at": iso_us(question.updated_us),
    }
