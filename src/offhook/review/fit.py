"""A model's answer checked against its question's type: what doesn't fit is not stored."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from offhook.agents.questions import ORIGIN, Option, Question, QuestionType
from offhook.agents.variables import VariableType, parse_value
from offhook.record.events import PostCallAnswer, SelectedOption

# Answers of one call to one question are one answer, however often it was asked again.
_NAMESPACE = uuid.UUID("6f0d4f0b-9d0f-4c55-8a35-0d6a5ac4b0d5")


def empty_answer(call_id: str, question: Question) -> PostCallAnswer:
    """The question as it was asked, without an answer."""
    return PostCallAnswer(
        id=str(uuid.uuid5(_NAMESPACE, f"{call_id}/{question.id}")),
        question_id=question.id,
        name=question.name,
        description=question.description,
        question_type=question.type.value,
        is_optional=question.optional,
        question_origin=ORIGIN,
    )


def fit(call_id: str, question: Question, raw: object) -> PostCallAnswer:
    """The answer as its type wants it; None and blank text are no answer.

    Raises ValueError with a sentence that says what was expected.
    """
    asked = empty_answer(call_id, question)
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return asked
    values = {name: getattr(asked, name) for name in asked.__struct_fields__}
    match question.type:
        case QuestionType.BOOLEAN:
            values["boolean"] = parse_value(VariableType.BOOLEAN, raw)
        case QuestionType.NUMBER:
            values["number"] = parse_value(VariableType.NUMBER, raw)
        case QuestionType.TEXT:
            text = parse_value(VariableType.STRING, raw)
            values["text"] = text.strip() if isinstance(text, str) else None
        case _:
            values["selected"] = tuple(SelectedOption(option.id, option.value) for option in _chosen(question, raw))
    return PostCallAnswer(**values)


def _chosen(question: Question, raw: object) -> Sequence[Option]:
    """The options an answer names, in their own order, each once."""
    several = question.type is QuestionType.MULTIPLE_CHOICE
    given = raw if isinstance(raw, list) and several else [raw]
    known = {_same(option.value): option for option in question.options}
    found = []
    for value in given:
        option = known.get(_same(value)) if isinstance(value, str) else None
        if option is None:
            values = ", ".join(each.value for each in question.options)
            raise ValueError(f"expected {'some' if several else 'one'} of {values[:200]}, got {str(value)[:60]!r}")
        found.append(option)
    return [option for option in question.options if option in found]


def _same(value: str) -> str:
    return " ".join(value.casefold().split())
