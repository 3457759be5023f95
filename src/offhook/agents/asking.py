"""One question to the language model, with everything that keeps a caller from dead air when it goes wrong.

A failure or an empty answer gets one retry, then the fallback model. While nothing comes, the caller is told to hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from offhook.agents.model import LanguageModel, ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.agents.speech import fillers
from offhook.errors import ProviderError, ProviderTimeoutError

MAX_ANSWER_CHARS = 2000  # two minutes of speech: no answer on the phone is longer, only a model gone astray
MAX_TOOL_CALLS = 8
CHARS_PER_S = 15  # of a usual voice in English and French


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait. A caller may hear nothing for 4 s; finding the turn's end takes up to 1.2 s of them and the
    voice 0.6 s, so the first words must come within 2 s. Later ones need the voice alone.
    """

    first_words_s: float = 2.0
    more_words_s: float = 2.5
    first_event_s: float = 4.0
    next_event_s: float = 4.0
    total_s: float = 12.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing was heard for too long: say something."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt failed. ``final`` when there is no other to come."""

    code: str
    detail: str
    final: bool = False


@dataclass(slots=True)
class Quiet:
    """Since when (on the loop's clock) the caller hears nothing, and how often they were told to hold."""

    patience: Patience
    since_s: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    holds: int = 0
    begun: bool = False

    def spoke(self, text: str) -> None:
        """Words went out; the voice is busy with them for a while."""
        self.since_s = max(self.since_s, asyncio.get_running_loop().time()) + len(text) / CHARS_PER_S
        self.begun = True

    def hold_words(self, language: str) -> str:
        """What to say at the latest Hold; they take turns."""
        hold = fillers(language).hold
        return hold[(self.holds - 1) % len(hold)]

    def due_s(self) -> float:
        """When the next words to hold are due."""
        return self.since_s + (self.patience.more_words_s if self.begun else self.patience.first_words_s)

    async def watch(self, task: asyncio.Future[Any], until_s: float) -> AsyncIterator[Hold]:
        """Wait for the task or the time limit, whichever is first; a Hold each time the caller waited long enough.

        Whoever gets a Hold tells ``spoke`` what was said.
        """
        loop = asyncio.get_running_loop()
        while not task.done():
            now_s = loop.time()
            if now_s >= until_s:
                return
            if now_s >= self.due_s():
                self.holds += 1
                yield Hold()
                continue
            await asyncio.wait({task}, timeout=min(until_s, self.due_s()) - now_s)


async def ask(
    request: ModelRequest, models: list[LanguageModel], quiet: Quiet
) -> AsyncGenerator[ModelEvent | Hold | Trouble, None]:
    """The answer's events, from the first of ``models`` that gives any; each is one attempt."""
    for number, model in enumerate(models, start=1):
        attempt = _Attempt(quiet)
        try:
            async with aclosing(attempt.run(model, request)) as events:
                async for event in events:
                    yield event
        except ProviderError as error:
            final = number == len(models) and not attempt.useful
            yield Trouble(error.code, str(error), final)
        else:
            if not attempt.useful:
                yield Trouble("empty_answer", "the model answered nothing", number == len(models))
        if attempt.useful:
            return


class _Attempt:
    """One request. ``useful`` once it gave words or a tool call: after that it is not tried again."""

    def __init__(self, quiet: Quiet) -> None:
        self._quiet = quiet
        self._chars = 0
        self._calls = 0

    @property
    def useful(self) -> bool:
        return bool(self._chars or self._calls)

    async def run(self, model: LanguageModel, request: ModelRequest) -> AsyncGenerator[ModelEvent | Hold, None]:
        pump = _Pump(model.stream(request))
        patience, loop = self._quiet.patience, asyncio.get_running_loop()
        end_s = loop.time() + patience.total_s
        limit_s = patience.first_event_s
        try:
            while True:
                task = asyncio.ensure_future(pump.next())
                try:
                    async for hold in self._quiet.watch(task, min(end_s, loop.time() + limit_s)):
                        yield hold
                    if not task.done():
                        raise ProviderTimeoutError(f"the language model gave nothing for {limit_s:g} s")
                    event = task.result()
                finally:
                    task.cancel()
                if event is None:
                    return
                self._count(event)
                yield event
                limit_s = patience.next_event_s
        finally:
            await pump.close()

    def _count(self, event: ModelEvent) -> None:
        if isinstance(event, TextDelta):
            self._chars += len(event.text.strip())
        elif isinstance(event, ToolCall):
            self._calls += 1
        if self._chars > MAX_ANSWER_CHARS or self._calls > MAX_TOOL_CALLS:
            raise ProviderError("the language model didn't come to an end")


class _Pump:
    """Reads a model's stream in a task of its own, as time limits and connections inside it may require."""

    def __init__(self, stream: AsyncIterator[ModelEvent]) -> None:
        # Bounded, so that a stream that never ends can't take the loop for itself.
        self._events: asyncio.Queue[ModelEvent | Exception | None] = asyncio.Queue(maxsize=16)
        self._task = asyncio.create_task(self._read(stream), name="language-model")

    async def next(self) -> ModelEvent | None:
        """The next event, None at the end. Raises what the model raised."""
        event = await self._events.get()
        if isinstance(event, Exception):
            raise event
        return event

    async def close(self) -> None:
        """Cancel the request."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _read(self, stream: AsyncIterator[ModelEvent]) -> None:
        try:
            async for event in stream:
                await self._events.put(event)
            await self._events.put(None)
        except ProviderError as error:
            await self._events.put(error)
        except Exception as error:  # noqa: BLE001 - a provider's bug must not silence the call; it is told as its failure
            await self._events.put(ProviderError(f"the language model broke: {error!r}"))
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
