"""The shapes of calls in answers, for the OpenAPI document; names follow the public contract."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from offhook.record.lifecycle import EndCode, Status

AnswerType = Literal["human", "voicemail", "machine_ivr", "call_screening", "fax", "unknown"]
Direction = Literal["inbound", "outbound"]


class Answer(BaseModel):
    """Base of shapes we answer with; closed, so that tests notice a field that is not documented."""

    model_config = ConfigDict(extra="forbid")


class ToolCall(Answer):
    """A tool call of the agent, or in a tool's answer the id alone."""

    tool_call_id: str
    name: str | None = None
    arguments: str | None = Field(None, description="A JSON string.")


class Word(Answer):
    """A word with its time from the item's start."""

    text: str
    start_ms: int
    end_ms: int


class TranscriptItem(Answer):
    """Something said, or a tool called or answered. Optional parts stand where they have something to tell."""

    role: Literal["user", "agent", "tool"]
    start_time: datetime
    content: str = Field(description="For an interrupted agent turn: what was heard.")
    end_time: datetime | None
    interrupted: bool
    tool_calls: list[ToolCall] | None = None
    generated: str | None = None
    words: list[Word] | None = None
    state: str | None = None
    turn: int | None = None
    turn_end_reason: str | None = None
    confidence: float | None = None


class VariableValue(Answer):
    """A variable's last value."""

    name: str
    type: Literal["string", "boolean", "number", "datetime", "json"]
    value: Any
    timestamp: datetime


class EndReason(Answer):
    """Why the call ended, and by whose act."""

    code: EndCode
    party: Literal["caller", "callee", "agent", "platform", "provider", "carrier"]
    detail: str


class CostLine(Answer):
    """``amount`` is exactly ``quantity × unit_price``."""

    component: str
    quantity: float
    unit: str
    unit_price: float
    amount: float


class KeyPress(Answer):
    """A DTMF digit."""

    digit: str
    direction: Direction
    time: datetime


class StateStep(Answer):
    """The agent entered a state."""

    state: str
    entered_at: datetime
    reason: str


class KnowledgePassage(Answer):
    """A passage that the model was given."""

    knowledge_base_id: UUID
    source_id: UUID
    source: str = Field(description="The source's name.")
    page: int | None
    score: float
    excerpt: str = Field(description="Its beginning.")


class KnowledgeUse(Answer):
    """What the knowledge bases said to a turn of the caller."""

    time: datetime
    query: str
    passages: list[KnowledgePassage]


class Flag(Answer):
    """Something an operator should see."""

    code: str
    detail: str
    time: datetime


class AskedQuestion(Answer):
    """A post-call question as it was asked."""

    id: UUID
    name: str
    description: str
    question_type: Literal["boolean", "text", "number", "single_choice", "multiple_choice"]
    is_optional: bool
    question_origin: str


class ChosenOption(Answer):
    """An option of a choice as it was worded."""

    id: UUID
    value: str


class SelectedOption(Answer):
    """An option that was chosen."""

    option: ChosenOption


class PostCallAnswer(Answer):
    """The answer to a post-call question: the field of its type is set, or none is."""

    id: UUID
    question: AskedQuestion
    has_answer: bool
    answer_text: str | None
    answer_number: float | None
    answer_boolean: bool | None
    selected_options: list[SelectedOption]


class WebCallGetApiResponseData(Answer):
    """A call from a browser."""

    id: UUID
    status: Status
    type: Literal["web_call"]
    organization_id: UUID
    agent_id: UUID
    agent_version: int | None
    configuration_id: UUID | None
    metadata: dict[str, Any]
    created_at: datetime
    ringing_at: datetime | None
    start_time: datetime | None = Field(description="When media was up.")
    end_time: datetime | None = Field(description="When the last leg was gone.")
    duration_seconds: int | None = Field(description="end − start, rounded up; null before the end.")
    redirect_duration_seconds: int | None
    end_reason: EndReason | None
    cost: float | None = Field(description="Exact decimal sum of the cost lines' amounts.")
    cost_lines: list[CostLine]
    transcript_string: str
    transcript: list[TranscriptItem]
    variable_values: list[VariableValue]
    initial_variable_values: dict[str, Any]
    post_call_answers: list[PostCallAnswer]
    summary: str | None = Field(description="The call in a few sentences; null until it is reviewed after its end.")
    transfers: list[dict[str, Any]]
    dtmf: list[KeyPress]
    state_path: list[StateStep]
    latency: dict[str, Any] = Field(
        description="Per stage p50, p95, p99, min, max (ms) and count; `turns` lists each turn's stages."
    )
    knowledge: list[KnowledgeUse] = Field(description="Passages of knowledge bases that the model was given.")
    flags: list[Flag]
    carrier_call_id: str | None
    sip: dict[str, Any] | None
    campaign_id: UUID | None
    secure_recording_url: bool
    recording_url: str | None
    recording_channels_url: str | None


class PhoneCallGetApiResponseData(WebCallGetApiResponseData):
    """A call over the telephone network or SIP."""

    type: Literal["phone_call"]  # type: ignore[assignment]  # narrows the same field to the other kind of call
    direction: Direction
    from_number: str | None
    to_number: str | None
    answer_type: AnswerType | None


class StartedCall(Answer):
    """The id of a call that was started."""

    call_id: UUID
