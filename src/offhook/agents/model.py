"""What a language model must do for an agent; every provider of ``models/llm`` has this shape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from offhook.agents.questions import Question

if TYPE_CHECKING:
    from offhook.agents.dialogue import Dialogue


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation as the model sees it.

    ``success`` tells of a tool's answer whether the tool did its work; None for what is no deed, such as going on to
    another state.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_call_id: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    success: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool offered to the model: JSON Schema of its parameters."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """The answer is wanted as JSON of a schema, and nobody waits on the line for it.

    ``questions`` are by the names of the schema's properties: the same for models that don't read prose.
    """

    schema: dict[str, Any]
    questions: Mapping[str, Question]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to the model. ``dialogue`` is the same thing as data, for models that don't read prose."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    dialogue: Dialogue
    user_text: str
    temperature: float | None = None
    model: str | None = None
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More words of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool; ``arguments`` is a JSON string."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the request cost; zero where the provider doesn't say."""

    input_tokens: int = 0
    output_tokens: int = 0
    extra: dict[str, int] = field(default_factory=dict)


ModelEvent = TextDelta | ToolCall | Usage


class LanguageModel(Protocol):
    """A language model. Raises ProviderError (ProviderTimeoutError) when it fails."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Answer, piece by piece; closing the iterator cancels the request."""

    async def close(self) -> None:
        """Close connections."""
