"""Reviews one call: its questions answered and its summary written, each part told as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import structlog

from offhook.agents.config import AgentConfig
from offhook.agents.model import LanguageModel, ModelEvent, ModelRequest, TextDelta, Usage
from offhook.agents.providers import Llm, OpenaiCompatibleLlm, RulesLlm
from offhook.agents.questions import Question
from offhook.agents.variables import VariableType, parse_value
from offhook.errors import ConfigurationError, ProviderError, ProviderTimeoutError
from offhook.record.events import PostCallAnswer
from offhook.review.asking import SUMMARY, build_request, read_answer
from offhook.review.case import Case
from offhook.review.fit import empty_answer, fit
from offhook.review.summary import plain_summary

log = structlog.get_logger(__name__)

ANSWER_LIMIT_S = 180.0  # longer than a provider's own limits: what stalls past them is given up
MAX_ANSWER_CHARS = 200_000
PER_REQUEST = 25  # more questions at once, and small models lose count
MAX_SUMMARY_CHARS = 4000
_DETAIL_CHARS = 300

RULES = "rules"
NOTHING_SPENT = Usage()
# Codes of flags in the call's record.
FAILED, MISFIT = "post_call_failed", "post_call_misfit"


@dataclass(frozen=True, slots=True)
class Findings:
    """What one step of a review found. ``flags`` are pairs of code and detail; ``done``: nothing more will come."""

    answers: tuple[PostCallAnswer, ...] = ()
    summary: str | None = None
    flags: tuple[tuple[str, str], ...] = ()
    usage: Usage = NOTHING_SPENT
    done: bool = False


Store = Callable[[Findings], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Group:
    """What goes into one request: to the first of ``models`` that answers."""

    models: tuple[Llm, ...]
    questions: tuple[Question, ...]
    summary: bool = False


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a group has no answers; ``passing`` when it is worth another attempt."""

    detail: str
    passing: bool


class Reviewer:
    """Asks language models about finished calls; ``model_for`` gives the model of an agent's choice."""

    def __init__(self, model_for: Callable[[Llm], LanguageModel], *, limit_s: float = ANSWER_LIMIT_S) -> None:
        self._model_for, self._limit_s = model_for, limit_s

    async def review(self, case: Case, store: Store, *, last: bool) -> bool:
        """Review a call; what is found is handed to ``store`` step by step. True: it is done.

        False: a model failed, and it is worth trying again. On the ``last`` attempt what failed stays empty, with a
        flag that says why.
        """
        if not case.caller_spoke or case.config is None:
            await store(_without_model(case))
            return True
        troubles: list[_Trouble] = []
        answered: set[str] = set()
        for group in _groups(case, case.config):
            findings, trouble = await self._ask(case, case.config, group)
            answered |= {answer.question_id for answer in findings.answers}
            troubles += [trouble] if trouble else []
            if findings != Findings():
                await store(findings)
        if not last and any(trouble.passing for trouble in troubles):
            return False
        await store(
            Findings(
                answers=_empty(case, (each for each in case.unanswered if each.id not in answered)),
                flags=tuple((FAILED, detail) for detail in dict.fromkeys(trouble.detail for trouble in troubles)),
                done=True,
            )
        )
        return True

    async def _ask(self, case: Case, config: AgentConfig, group: _Group) -> tuple[Findings, _Trouble | None]:
        """What the group's first model that answers found, with all that was spent; else what went wrong."""
        if group.models[0].provider == RULES:
            plain = plain_summary(case.record, case.language) if group.summary else None
            if not group.questions:
                return Findings(summary=plain), None
            found, trouble = await self._ask_models(case, config, replace(group, summary=False))
            return replace(found, summary=plain), trouble
        if not group.questions and not group.summary:
            return Findings(), None
        return await self._ask_models(case, config, group)

    async def _ask_models(self, case: Case, config: AgentConfig, group: _Group) -> tuple[Findings, _Trouble | None]:
        meter, trouble = _Meter(), None
        for llm in group.models:
            request = build_request(case, config, llm, group.questions, summary=group.summary)
            try:
                answer = read_answer(await self._complete(self._model_for(llm), request, meter))
            except (ProviderError, ConfigurationError) as error:
                log.warning("post_call_attempt_failed", call_id=case.record.call_id, error=str(error))
                trouble = _Trouble(f"{llm.provider}: {error}"[:_DETAIL_CHARS], isinstance(error, ProviderError))
            else:
                return _read(case, group, answer, meter.usage), None
        return Findings(usage=meter.usage), trouble

    async def _complete(self, model: LanguageModel, request: ModelRequest, meter: _Meter) -> str:
        """The model's whole answer. Raises ProviderError."""
        text = ""
        try:
            async with asyncio.timeout(self._limit_s), aclosing(_events(model, request)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        text += event.text
                    elif isinstance(event, Usage):
                        meter.add(event)
                    if len(text) > MAX_ANSWER_CHARS:
                        raise ProviderError("the language model didn't come to an end")
        except TimeoutError as error:
            raise ProviderTimeoutError(f"the language model took longer than {self._limit_s:g} s") from error
        return text


class _Meter:
    """Tokens of all attempts, failed ones too: they are paid for."""

    def __init__(self) -> None:
        self.usage = NOTHING_SPENT

    def add(self, usage: Usage) -> None:
        """Count a request."""
        before = self.usage
        self.usage = Usage(before.input_tokens + usage.input_tokens, before.output_tokens + usage.output_tokens)


async def _events(model: LanguageModel, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
    """A model's events; a provider's bug counts as its failure, as it does in a call."""
    try:
        async for event in model.stream(request):
            yield event
    except (ProviderError, TimeoutError):
        raise
    except Exception as error:
        raise ProviderError(f"the language model broke: {error!r}") from error


def _groups(case: Case, config: AgentConfig) -> list[_Group]:
    """Questions by the model that answers them; the agent's own model writes the summary as well."""
    own = (config.llm,) if config.fallback_llm is None else (config.llm, config.fallback_llm)
    by_models: dict[str, tuple[tuple[Llm, ...], list[Question]]] = {"": (own, [])}
    for question in case.unanswered:
        key = question.model or ""
        if key not in by_models:
            by_models[key] = ((_named(config.llm, key),), [])
        by_models[key][1].append(question)
    groups = []
    for key, (models, questions) in by_models.items():
        for first in range(0, max(1, len(questions)), PER_REQUEST):
            summary = not key and first == 0 and case.record.summary is None
            groups.append(_Group(models, tuple(questions[first : first + PER_REQUEST]), summary))
    return groups


def _named(own: Llm, model: str) -> Llm:
    """The model that a question names: of the agent's provider, or ``rules``.

    The rules provider has no other models: then it is one of the OpenAI-compatible server of the settings.
    """
    if model == RULES:
        return RulesLlm(provider="rules")
    if own.provider == RULES:
        return OpenaiCompatibleLlm(provider="openai_compatible", model=model)
    return own.model_copy(update={"model": model})


def _read(case: Case, group: _Group, given: dict[str, Any], usage: Usage) -> Findings:
    """The answers that fit; those that don't are left empty, and told."""
    answers, flags = [], []
    for number, question in enumerate(group.questions, start=1):
        try:
            answers.append(fit(case.record.call_id, question, given.get(f"q{number}")))
        except ValueError as error:
            answers.append(empty_answer(case.record.call_id, question))
            flags.append((MISFIT, f"{question.name}: {error}"[:_DETAIL_CHARS]))
    summary = None
    if group.summary:
        try:
            summary = summary_of(given.get(SUMMARY))
        except ValueError as error:
            flags.append((MISFIT, f"{SUMMARY}: {error}"[:_DETAIL_CHARS]))
    return Findings(tuple(answers), summary, tuple(flags), usage)


def summary_of(raw: object) -> str:
    """A model's summary. Raises ValueError for what is none."""
    text = parse_value(VariableType.STRING, raw)
    if not isinstance(text, str) or not text.strip():
        raise ValueError("expected some sentences, got none")
    return text.strip()[:MAX_SUMMARY_CHARS]


def _without_model(case: Case) -> Findings:
    """The review of a call in which no caller spoke, or whose agent's configuration can't be read any more."""
    lost = case.caller_spoke and case.unanswered
    why = "the agent's configuration of this call can't be read any more, so its questions have no answers"
    return Findings(
        _empty(case, case.unanswered),
        plain_summary(case.record, case.language),
        ((FAILED, why),) if lost else (),
        done=True,
    )


def _empty(case: Case, questions: Iterable[Question]) -> tuple[PostCallAnswer, ...]:
    return tuple(empty_answer(case.record.call_id, question) for question in questions)
