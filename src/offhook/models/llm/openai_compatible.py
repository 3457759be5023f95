"""Any server that speaks chat completions, by the ``openai`` client: streaming, tools, usage, hard time limits."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from offhook.agents.model import Message, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolSpec, Usage
from offhook.agents.providers import OpenaiCompatibleLlm
from offhook.errors import ConfigurationError, ProviderError, ProviderTimeoutError
from offhook.settings import Settings

# A caller may hear nothing for 4 s: a server that isn't reached in 2 s, or has no first token in 4 s, is too late.
CONNECT_S = 2.0
FIRST_TOKEN_S = 4.0
TOTAL_S = 20.0
MAX_TOKENS = 600  # 2,000 characters of speech and a tool call; stops a model that never ends


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of one request."""

    connect_s: float = CONNECT_S
    first_token_s: float = FIRST_TOKEN_S
    total_s: float = TOTAL_S

    def timeout(self) -> httpx2.Timeout:
        """As the client takes them."""
        return httpx2.Timeout(self.total_s, connect=self.connect_s)


# After a call nobody waits: a small model on one's own machine may read a long transcript for a minute.
FORM_LIMITS = Limits(connect_s=5.0, first_token_s=90.0, total_s=150.0)


class OpenaiCompatibleModel:
    """One server and model. The client keeps its connections warm between turns and calls."""

    def __init__(self, base_url: str, model: str, api_key: str | None = None, limits: Limits | None = None) -> None:
        self._model = model
        self._limits = limits or Limits()
        timeout = self._limits.timeout()
        # Retries are the runner's: it knows how long the caller has been waiting. Servers on one's own
        # machine need no key, but the client insists on one.
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key or "none", timeout=timeout, max_retries=0)

    @classmethod
    def from_settings(cls, llm: OpenaiCompatibleLlm, settings: Settings) -> OpenaiCompatibleModel:
        """The server of the settings with the agent's model. Raises ConfigurationError naming what to set."""
        if not settings.llm_base_url:
            raise ConfigurationError(
                "the agent uses openai_compatible: set OFFHOOK_LLM_BASE_URL to the server's base URL (…/v1)"
            )
        model = llm.model or settings.llm_model
        if not model:
            raise ConfigurationError("no model is named: set OFFHOOK_LLM_MODEL, or llm.model in the agent")
        return cls(settings.llm_base_url, model, settings.llm_api_key)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer piece by piece. Raises ProviderError, ProviderTimeoutError."""
        reader = _Reader(data=request.form is not None)
        try:
            async with aclosing(self._chunks(request)) as chunks:
                async for chunk in chunks:
                    for event in reader.take(chunk):
                        yield event
            for event in reader.end():
                yield event
        except TimeoutError as error:
            raise ProviderTimeoutError("the language model did not answer in time") from error
        except openai.APITimeoutError as error:
            raise ProviderTimeoutError("the language model was not reached in time") from error
        except openai.APIStatusError as error:
            raise ProviderError(f"the language model answered {error.status_code}: {_short(error)}") from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError) as error:
            raise ProviderError(f"the language model failed: {_short(error)}") from error

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _chunks(self, request: ModelRequest) -> AsyncGenerator[ChatCompletionChunk, None]:
        """The server's chunks. A time limit never spans a yield: the next piece may be asked for by another task."""
        limits = self._limits if request.form is None else FORM_LIMITS
        now_s = asyncio.get_running_loop().time()
        first_by_s, end_s = now_s + limits.first_token_s, now_s + limits.total_s
        async with asyncio.timeout_at(first_by_s):
            stream = await self._open(self._body(request), limits)
        try:
            chunks = aiter(stream)
            limit_s = first_by_s
            while True:
                async with asyncio.timeout_at(limit_s):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk
                limit_s = end_s
        finally:
            await stream.close()

    async def _open(self, body: dict[str, Any], limits: Limits) -> openai.AsyncStream[ChatCompletionChunk]:
        create = self._client.chat.completions.create
        timeout = limits.timeout()
        try:
            return cast("openai.AsyncStream[ChatCompletionChunk]", await create(**body, timeout=timeout))
        except openai.BadRequestError:
            if "response_format" not in body:
                raise
        # A server that knows no schemas: the prompt says the same in words, and the answer is checked anyway.
        plain = {name: value for name, value in body.items() if name != "response_format"}
        return cast("openai.AsyncStream[ChatCompletionChunk]", await create(**plain, timeout=timeout))

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model or self._model,
            "messages": [_message(message) for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": MAX_TOKENS,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
        if request.form is not None:
            schema = {"name": "answers", "strict": True, "schema": request.form.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
            body["max_tokens"] = request.form.max_tokens
        return body


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments come in pieces."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class _Reader:
    """Puts chunks together: words as they come, tool calls when the answer is over.

    With ``data`` the words are JSON that was asked for, and no tool call gone astray.
    """

    def __init__(self, *, data: bool = False) -> None:
        self._data = data
        self._calls: dict[int, _Call] = {}
        self._text = ""
        self._passed = 0

    def take(self, chunk: ChatCompletionChunk) -> list[ModelEvent]:
        """Events of one chunk. Raises ProviderError for an error in the stream, and for what is no chunk."""
        try:
            return list(self._read(chunk))
        except (AttributeError, TypeError, KeyError) as error:
            # The client passes on whatever JSON it gets without checking its shape.
            raise ProviderError("the language model sent something that is no chat completion") from error

    def _read(self, chunk: ChatCompletionChunk) -> Iterable[ModelEvent]:
        if error := getattr(chunk, "error", None):
            raise ProviderError(f"the language model failed: {error}")
        for choice in (chunk.choices or [])[:1]:
            delta = choice.delta
            if delta is not None and delta.content:
                self._text += delta.content
                yield from self._words()
            for piece in (delta.tool_calls if delta is not None else None) or []:
                self._collect(piece)
        if chunk.usage is not None:
            yield Usage(chunk.usage.prompt_tokens or 0, chunk.usage.completion_tokens or 0)

    def end(self) -> Iterable[ModelEvent]:
        """What is left when the stream is over."""
        held = self._text[self._passed :]
        bare = _bare_call(held) if held and not self._data else None
        if bare is not None:
            self._calls[len(self._calls)] = bare
        elif held:
            yield TextDelta(held)
        for number, call in sorted(self._calls.items()):
            if call.name:
                yield ToolCall(call.id or f"call_{uuid.uuid4().hex[:12]}_{number}", call.name, call.arguments or "{}")

    def _words(self) -> Iterable[ModelEvent]:
        """Pass on what is certainly speech: an answer that begins with ``{`` may be a tool call gone astray."""
        if not self._data and self._passed == 0 and self._text.lstrip()[:1] in {"{", "<", "`", ""}:
            return
        piece, self._passed = self._text[self._passed :], len(self._text)
        yield TextDelta(piece)

    def _collect(self, piece: ChoiceDeltaToolCall) -> None:
        call = self._calls.setdefault(piece.index or 0, _Call())
        call.id = piece.id or call.id
        if piece.function is not None:
            call.name += piece.function.name or ""
            call.arguments += piece.function.arguments or ""


def _bare_call(text: str) -> _Call | None:
    """A tool call that a small model wrote into its text: ``{"name": …, "arguments": {…}}``, fenced or tagged."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    if found is None:
        return None
    try:
        data = json.loads(found[0])
    except (ValueError, RecursionError):
        return None
    name, arguments = data.get("name"), data.get("arguments", data.get("parameters", {}))
    if not isinstance(name, str):
        return None
    return _Call(name=name, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments))


def _message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _short(error: Exception) -> str:
    """One line of an error, short enough for a record."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
