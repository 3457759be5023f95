"""Changes to an agent's post-call questions: pure, with every fault named by its path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from offhook.agents.questions import CHOICES, Option, Question, QuestionType
from offhook.errors import AgentConfigError, ConflictError, Fault, NotFoundError

MAX_PER_AGENT = 100  # two full batches; all of them go into one request to a language model

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class GivenOption:
    """An option as a client gives it; with ``option_id`` a new wording of one that is there."""

    value: str
    option_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A question as a client gives it: ``fields`` are those that were given, ``path`` where they stood.

    Without ``id`` it is a new one, and ``fields`` has name, description and type.
    """

    path: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Sequence[GivenOption] | None = None
    id: str | None = None


def apply_changes(before: Sequence[Question], changes: Sequence[Change], now_us: int, new_id: NewId) -> list[Question]:
    """The questions that the changes make or alter, in their order. All of them stand, or none.

    Raises AgentConfigError with each fault, NotFoundError for an id the agent has no question of, ConflictError when
    there would be too many.
    """
    known = {question.id: question for question in before}
    _check_ids(known, changes)
    made = sum(change.id is None for change in changes)
    if len(before) + made > MAX_PER_AGENT:
        raise ConflictError(f"questions: an agent has at most {MAX_PER_AGENT}, this one has {len(before)}")
    changed, faults = [], []
    for position, change in enumerate(changes):
        question = _new(change, now_us + position, new_id) if change.id is None else known[change.id]
        question = _with_fields(question, change, now_us)
        options, wrong = _options(question, change, now_us, new_id)
        faults += wrong
        changed.append(replace(question, options=options))
    if faults:
        raise AgentConfigError(faults)
    return changed


def _check_ids(known: Mapping[str, Question], changes: Sequence[Change]) -> None:
    seen: set[str] = set()
    for change in changes:
        if change.id is None:
            continue
        field_name = f"{change.path}.id".removeprefix(".")
        if change.id not in known:
            raise NotFoundError(f"{field_name}: this agent has no question {change.id}")
        if change.id in seen:
            raise AgentConfigError([Fault(field_name, "stands twice; send one change of each question")])
        seen.add(change.id)


def _new(change: Change, now_us: int, new_id: NewId) -> Question:
    given = change.fields
    kind = QuestionType(given["type"])
    return Question(new_id(), given["name"], given["description"], kind, created_us=now_us, updated_us=now_us)


def _with_fields(question: Question, change: Change, now_us: int) -> Question:
    given = dict(change.fields)
    if "type" in given:
        given["type"] = QuestionType(given["type"])
    if "examples" in given:
        given["examples"] = tuple(given["examples"] or ())
    return replace(question, **given, updated_us=max(now_us, question.created_us))


def _options(question: Question, change: Change, now_us: int, new_id: NewId) -> tuple[tuple[Option, ...], list[Fault]]:
    path = f"{change.path}.options".removeprefix(".")
    given = change.options
    if question.type not in CHOICES:
        wrong = f"only single_choice and multiple_choice have options, this is {question.type}"
        return (), [Fault(path, wrong)] if given else []
    if given is None and question.options:
        return question.options, []
    if not given:
        return (), [Fault(path, f"{question.type} needs the options to choose from; add them")]
    if faults := [*_twice(path, given), *_unknown(path, given, question.options)]:
        return (), faults
    old = {option.id: option for option in question.options}
    options = (
        replace(old[each.option_id], value=each.value)
        if each.option_id is not None
        else Option(new_id(), each.value, now_us)
        for each in given
    )
    return tuple(options), []


def _twice(path: str, given: Sequence[GivenOption]) -> Iterable[Fault]:
    """Options that could not be told apart in an answer, or are the same one."""
    values: set[str] = set()
    ids: set[str] = set()
    for number, option in enumerate(given):
        value = " ".join(option.value.casefold().split())
        if value in values:
            yield Fault(f"{path}[{number}].value", "stands twice; options must differ in more than case")
        if option.option_id is not None and option.option_id in ids:
            yield Fault(f"{path}[{number}].option_id", "stands twice")
        values.add(value)
        ids.add(option.option_id or "")


def _unknown(path: str, given: Sequence[GivenOption], options: Sequence[Option]) -> Iterable[Fault]:
    known = {option.id for option in options}
    for number, option in enumerate(given):
        if option.option_id is not None and option.option_id not in known:
            yield Fault(f"{path}[{number}].option_id", "no option of this question; leave it out for a new one")
