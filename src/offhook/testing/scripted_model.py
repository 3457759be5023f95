"""A language model that answers from a script, well or badly: for agents that must get along with both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from offhook.agents.model import LanguageModel, ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.agents.offer import SET_VARIABLES
from offhook.errors import ProviderError, ProviderTimeoutError
from offhook.testing.scenarios.schema import ModelAnswer, ModelStep

WORD_S = 0.02  # between two words: fifty a second, what fast models stream
_FAILURES: dict[str, type[ProviderError]] = {"timeout": ProviderTimeoutError, "connection": ProviderError}


class ScriptedModel:
    """Gives one answer of ``answers`` a request; the last one stays. ``own`` answers where the script says so.

    When the call's end asks for variables alone, it has found none.
    """

    def __init__(self, answers: Sequence[ModelAnswer], own: LanguageModel | None = None) -> None:
        self._answers = [answer if isinstance(answer, list) else [answer] for answer in answers]
        self._own = own
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Answer piece by piece. Raises ProviderError, ProviderTimeoutError where the script says so."""
        if [tool.name for tool in request.tools] == [SET_VARIABLES]:
            yield ToolCall("scripted_end", SET_VARIABLES, "{}")
            return
        self.requests.append(request)
        number = len(self.requests)
        steps = self._answers[min(number, len(self._answers)) - 1] if self._answers else []
        for place, step in enumerate(steps):
            async for event in self._play(step, request, f"scripted_{number}_{place}"):
                yield event

    async def close(self) -> None:
        """Nothing to close: its own model belongs to whoever gave it."""

    async def _play(self, step: ModelStep, request: ModelRequest, call_id: str) -> AsyncIterator[ModelEvent]:
        if step.fail is not None:
            raise _failure(step.fail)
        if step.wait_ms is not None:
            await asyncio.sleep(step.wait_ms / 1000)
        if step.hang:
            await asyncio.Event().wait()
        if step.call is not None:
            given = step.arguments
            yield ToolCall(call_id, step.call, given if isinstance(given, str) else json.dumps(given))
        for word in _pieces(step.say):
            yield TextDelta(word)
            await asyncio.sleep(WORD_S)
        while step.endless is not None:
            yield TextDelta(f"{step.endless} ")
            await asyncio.sleep(WORD_S)
        if step.own and self._own is not None:
            async with aclosing(self._own.stream(request)) as events:  # type: ignore[type-var]  # every provider's stream is a generator
                async for event in events:
                    yield event


def _pieces(text: str | None) -> list[str]:
    """A text word by word, spaces kept."""
    if not text:
        return []
    words = text.split(" ")
    return [f"{word} " for word in words[:-1]] + [words[-1]]


def _failure(how: int | str) -> ProviderError:
    if isinstance(how, int):
        return ProviderError(f"the language model answered {how}")
    return _FAILURES[how](
        "the language model did not answer in time" if how == "timeout" else "the language model can't be reached"
    )
