"""The local language model as a provider: one process for all calls, asked what to do, rarely what to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from offhook.agents.model import Form, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolSpec, Usage
from offhook.agents.offer import SET_VARIABLES
from offhook.agents.providers import LocalLlm
from offhook.errors import ConfigurationError, ProviderError
from offhook.models.files import require
from offhook.models.llm.local import choice
from offhook.models.llm.rules.decide import Speak, Step, Use, decide, extract_values, follow
from offhook.models.llm.rules.situation import Situation
from offhook.models.local.jobs import ChatJob, ChatPiece
from offhook.models.local.process import LocalProcess, Reply
from offhook.models.manifest import LLM
from offhook.settings import Settings

CHOICE_TOKENS = 160  # a name, a day, a number, an e-mail address and a step's name
SPEECH_TOKENS = 80  # two sentences
SLOTS = 2  # conversations whose prompts are kept; each costs 70 MB
_decoder = msgspec.msgpack.Decoder(ChatPiece)


class LocalLanguageModel:
    """Implements ``LanguageModel`` on one GGUF file; all agents that name it share it."""

    def __init__(self, path: Path, slots: int = SLOTS) -> None:
        self._process = LocalProcess("language model", "offhook.models.local.language", (str(path), str(slots)))

    @classmethod
    def from_settings(cls, llm: LocalLlm, settings: Settings) -> LocalLanguageModel:
        """The model the agent names (NAME.gguf in the models folder's ``llm``), else the one of the manifest.

        Raises ConfigurationError or ModelFilesError with what to do.
        """
        models_dir = settings.models_dir.expanduser()
        if llm.model is None:
            require(LLM.name, models_dir)
            return cls(models_dir / LLM.files[0].path)
        path = models_dir / LLM.name / f"{llm.model.removesuffix('.gguf')}.gguf"
        if path.parent != models_dir / LLM.name or not path.is_file():
            raise ConfigurationError(f"llm.model: there is no file {llm.model}.gguf in {models_dir / LLM.name}")
        return cls(path)

    async def start(self) -> None:
        """Load the model, so that no call waits for it. Raises ProviderError."""
        await self._process.start()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer a turn, or report variables when asked for nothing else. Raises ProviderError."""
        await self.start()
        turn = _Turn(self._process, request)
        if request.form is not None:
            events = turn.fill_in(request.form)
        elif [tool.name for tool in request.tools] == [SET_VARIABLES]:
            events = turn.report(request.tools[0])
        elif _moved_on(request):
            events = turn.go_on()
        else:
            events = turn.answer()
        async with aclosing(events):
            async for event in events:
                yield event

    async def close(self) -> None:
        """End the process."""
        await self._process.close()


def _moved_on(request: ModelRequest) -> bool:
    """Whether the caller has said nothing since the last step: a state was entered, or a tool has answered."""
    history = request.dialogue.history
    return not history or history[-1].role != "user" or Situation.now(request.dialogue).fresh


class _Turn:
    def __init__(self, process: LocalProcess, request: ModelRequest) -> None:
        self._process, self._request = process, request
        self._call_id = f"local_{len(request.dialogue.history)}"
        self._spent = [0, 0, 0]

    async def report(self, tool: ToolSpec) -> AsyncGenerator[ModelEvent, None]:
        """The variables of the whole conversation."""
        wanted = tool.parameters["properties"]
        given = {name: value for name, value in (await self._fill(tool, wanted)).items() if value is not None}
        values = {**given, **extract_values(self._request.dialogue, list(wanted))}
        yield self._call(Use(SET_VARIABLES, values), 0)
        yield self._usage()

    async def fill_in(self, form: Form) -> AsyncGenerator[ModelEvent, None]:
        """A form about a call that is over."""
        messages = [{"role": message.role, "content": message.content} for message in self._request.messages]
        async for piece in self._chat(messages, form.schema, form.max_tokens):
            yield TextDelta(piece)
        yield self._usage()

    async def go_on(self) -> AsyncGenerator[ModelEvent, None]:
        """The next words after a step, in the configuration's where it has some."""
        rules = self._request.dialogue.state.rules
        steps = decide(self._request.dialogue) if rules is not None and rules.say is not None else None
        async for event in self._carry_out(steps):
            yield event

    async def answer(self) -> AsyncGenerator[ModelEvent, None]:
        """What the caller's words call for."""
        step, said = await self._choose()
        if step in (circles := choice.circles(self._request)) and not said:
            step, said = await self._choose(without=circles)
        use = choice.chosen_step(step, said, self._request)
        tool = next((tool for tool in self._request.tools if tool.name == step), None)
        if use is not None and tool is not None and (wanted := choice.own_arguments(tool)):
            given = await self._fill(tool, wanted)
            use = Use(use.name, {**{key: value for key, value in given.items() if value is not None}, **use.arguments})
        async for event in self._carry_out(follow(self._request.dialogue, use)):
            yield event

    async def _choose(self, without: frozenset[str] = frozenset()) -> tuple[str, dict[str, Any]]:
        schema = choice.choice_schema(self._request, without)
        text = await self._whole(choice.choice_messages(self._request), schema, CHOICE_TOKENS)
        return choice.read_choice(text, self._request)

    async def _carry_out(self, steps: list[Step] | None) -> AsyncGenerator[ModelEvent, None]:
        """The steps; without any, the model's own words."""
        if steps is None:
            async for piece in self._chat(choice.speech_messages(self._request), None, SPEECH_TOKENS):
                yield TextDelta(piece)
        for number, step in enumerate(steps or ()):
            if isinstance(step, Speak):
                yield TextDelta(step.text if number == 0 else f" {step.text}")
            else:
                yield self._call(step, number)
        yield self._usage()

    async def _fill(self, tool: ToolSpec, wanted: dict[str, Any]) -> dict[str, Any]:
        text = await self._whole(choice.arguments_messages(self._request, tool), choice.nullable(wanted), CHOICE_TOKENS)
        try:
            given = json.loads(text)
        except ValueError as error:
            raise ProviderError("the local language model's answer was cut off") from error
        return given if isinstance(given, dict) else {}

    async def _whole(self, messages: list[dict[str, str]], schema: dict[str, Any], max_tokens: int) -> str:
        return "".join([piece async for piece in self._chat(messages, schema, max_tokens)])

    async def _chat(
        self, messages: list[dict[str, str]], schema: dict[str, Any] | None, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """Pieces of one answer; closing the iterator cancels the job."""
        replies: asyncio.Queue[Reply] = asyncio.Queue()
        shape = None if schema is None else json.dumps(schema).encode()
        temperature = self._request.temperature or 0.0
        job = ChatJob(json.dumps(messages).encode(), shape, max_tokens, temperature)
        number = self._process.submit(job, replies.put_nowait)
        try:
            while True:
                reply = await replies.get()
                if reply.error is not None:
                    raise ProviderError(reply.error)
                if reply.value is None:
                    return
                piece = _decoder.decode(reply.value)
                self._count(piece)
                if piece.text:
                    yield piece.text
        finally:
            self._process.cancel(number)

    def _count(self, piece: ChatPiece) -> None:
        for place, tokens in enumerate((piece.input_tokens, piece.output_tokens, piece.cached_tokens)):
            self._spent[place] += tokens

    def _usage(self) -> Usage:
        given, made, cached = self._spent
        return Usage(given, made, {"cached_input_tokens": cached})

    def _call(self, use: Use, number: int) -> ToolCall:
        return ToolCall(f"{self._call_id}_{number}", use.name, json.dumps(use.arguments, ensure_ascii=False))
