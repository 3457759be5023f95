"""What the API answers, as types; fields that a newer server adds are passed over.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

Agent = dict[str, Any]


DeliveryStatus = Literal["delivered", "retrying", "failed", "skipped"]


EndCode = Literal[
    "caller_hung_up",
    "callee_hung_up",
    "agent_hung_up",
    "transferred",
    "max_duration",
    "caller_silent",
    "voicemail_left",
    "voicemail_detected",
    "call_screened",
    "busy",
    "no_answer",
    "declined",
    "canceled",
    "terminated_by_api",
    "invalid_number",
    "carrier_error",
    "media_lost",
    "provider_failure",
    "capacity",
    "platform_failure",
]


Event = dict[str, Any]


Format = Literal["csv", "json", "jsonl"]


QuestionType = Literal["boolean", "text", "number", "single_choice", "multiple_choice"]


Scope = Literal["calls:read", "calls:write", "agents:read", "agents:write", "admin"]


SourceType = Literal["file", "text"]


Status = Literal[
    "created",
    "initiated",
    "staged",
    "ringing",
    "in_progress",
    "completed",
    "redirection_completed",
    "failed",
    "busy",
    "no_answer",
    "canceled",
]


class AgentChange(msgspec.Struct, frozen=True, kw_only=True):
    """A difference; ``path`` is a JSON pointer in which named items stand by their name."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


class AgentDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What changed from one version to another."""

    from_: int = msgspec.field(name="from")
    to: int
    changes: list[AgentChange]


class AgentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An agent in a list; ``version`` and ``active`` are those of its newest version."""

    id: str
    name: str
    language: str
    version: int
    published_version: int | None
    active: bool
    created_at: datetime


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it may be shown."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class AskedQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A post-call question as it was asked."""

    id: str
    name: str
    description: str
    question_type: Literal["boolean", "text", "number", "single_choice", "multiple_choice"]
    is_optional: bool
    question_origin: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what came of it."""

    number: int
    time: datetime
    url: str
    delivered: bool
    resend: bool
    response_code: int | None
    latency_ms: int
    error: str | None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act."""

    id: int
    time: datetime
    actor: str
    key_id: str | None
    key_prefix: str | None
    key_name: str | None
    action: str
    object_type: str
    object_id: str
    detail: dict[str, Any]


class ChosenOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option of a choice as it was worded."""

    id: str
    value: str


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` is exactly ``quantity × unit_price``."""

    component: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to an agent's webhook."""

    id: str
    event_id: str
    call_id: str
    agent_id: str
    sequence: int
    type: Literal[
        "event_call_status_updated",
        "event_call_answer_type_updated",
        "event_transcript",
        "event_tool",
        "event_task_transition",
        "event_variable_value_updated",
        "event_all_variables_resolved",
        "event_post_call",
    ]
    endpoint_id: str
    url: str
    status: DeliveryStatus
    response_code: int | None
    latency_ms: int | None
    error: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    attempts: list[Attempt]


class DeployedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A published version."""

    version: int
    configuration_id: str
    created_at: datetime


class EndReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why the call ended, and by whose act."""

    code: EndCode
    party: Literal["caller", "callee", "agent", "platform", "provider", "carrier"]
    detail: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's webhook URL. `current` is false for one that the agent had before."""

    id: str
    agent_id: str
    url: str
    current: bool
    status: Literal["enabled", "stopped"]
    stopped_at: datetime | None
    stop_reason: str | None
    created_at: datetime


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """Something an operator should see."""

    code: str
    detail: str
    time: datetime


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``ok``."""

    status: str


class KeyPress(msgspec.Struct, frozen=True, kw_only=True):
    """A DTMF digit."""

    digit: str
    direction: Literal["inbound", "outbound"]
    time: datetime


class KnowledgeBase(msgspec.Struct, frozen=True, kw_only=True):
    """A base; `failed` when a source did, what is ready is searched all the same."""

    id: str
    organization_id: str
    name: str
    created_at: datetime
    status: Literal["ingesting", "ready", "failed"]
    sources: list[KnowledgeSource]


class KnowledgeFound(msgspec.Struct, frozen=True, kw_only=True):
    """Passages, best first."""

    passages: list[Passage]
    mode: Literal["hybrid", "lexical"]
    note: str | None


class KnowledgePassage(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that the model was given."""

    knowledge_base_id: str
    source_id: str
    source: str
    page: int | None
    score: float
    excerpt: str


class KnowledgeSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source; a file has `file_name` and `file_url`, a text has `title`."""

    id: str
    type: SourceType
    created_at: datetime
    file_name: str | None = None
    file_url: str | None = None
    title: str | None = None
    status: Literal["ingesting", "ready", "failed"]
    reason: str | None
    passages: int
    size_bytes: int


class KnowledgeUse(msgspec.Struct, frozen=True, kw_only=True):
    """What the knowledge bases said to a turn of the caller."""

    time: datetime
    query: str
    passages: list[KnowledgePassage]


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made: ``key`` is shown this once."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    key: str


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """The organization that the key belongs to; prices are decimals as strings."""

    id: str
    name: str
    currency: str
    price_list: dict[str, str]
    limits: OrganizationLimits
    created_at: datetime


class OrganizationLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a minute; null: what the server's settings say."""

    requests_per_minute: int | None
    requests_per_minute_per_key: int | None


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that fits."""

    text: str
    headings: str
    score: float
    similarity: float | None
    page: int | None
    position: int
    source: PassageSource


class PassageSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a passage is from."""

    id: str
    type: SourceType
    file_name: str | None = None
    title: str | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call over the telephone network or SIP."""

    id: str
    status: Status
    type: str
    organization_id: str
    agent_id: str
    agent_version: int | None
    configuration_id: str | None
    metadata: dict[str, Any]
    created_at: datetime
    ringing_at: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    duration_seconds: int | None
    redirect_duration_seconds: int | None
    end_reason: EndReason | None
    cost: Decimal | None
    cost_lines: list[CostLine]
    transcript_string: str
    transcript: list[TranscriptItem]
    variable_values: list[VariableValue]
    initial_variable_values: dict[str, Any]
    post_call_answers: list[PostCallAnswer]
    summary: str | None
    transfers: list[dict[str, Any]]
    dtmf: list[KeyPress]
    state_path: list[StateStep]
    latency: dict[str, Any]
    knowledge: list[KnowledgeUse]
    flags: list[Flag]
    carrier_call_id: str | None
    sip: dict[str, Any] | None
    campaign_id: str | None
    secure_recording_url: bool
    recording_url: str | None
    recording_channels_url: str | None
    direction: Literal["inbound", "outbound"] | None = None
    from_number: str | None = None
    to_number: str | None = None
    answer_type: Literal["human", "voicemail", "machine_ivr", "call_screening", "fax", "unknown"] | None = None


class PhoneNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A phone number."""

    id: str
    number: str
    name: str
    created_at: datetime
    type: Literal["pstn", "sip"]
    inbound_agent_id: str | None
    redirect: bool
    redirect_phone_number: str | None
    trunk_id: str | None


class PostCallAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a post-call question: the field of its type is set, or none is."""

    id: str
    question: AskedQuestion
    has_answer: bool
    answer_text: str | None
    answer_number: float | None
    answer_boolean: bool | None
    selected_options: list[SelectedOption]


class PostCallQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question that the agent's calls are asked when they are over."""

    id: str
    agent_id: str
    name: str
    description: str
    type: QuestionType
    is_active: bool
    question_origin: str
    optional: bool
    model: str | None
    examples: list[str]
    options: list[QuestionOption]
    created_at: datetime
    updated_at: datetime


class QuestionOption(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to choose."""

    id: str
    value: str
    created_at: datetime


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that signs now; `expires_at` is set once a newer one has been made."""

    id: str
    secret: str
    created_at: datetime
    expires_at: datetime | None


class SelectedOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option that was chosen."""

    option: ChosenOption


class StartedCall(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a call that was started."""

    call_id: str


class StateStep(msgspec.Struct, frozen=True, kw_only=True):
    """The agent entered a state."""

    state: str
    entered_at: datetime
    reason: str


class TestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a test event came to."""

    delivered: bool
    response_code: int | None
    latency_ms: int
    error: str | None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call of the agent, or in a tool's answer the id alone."""

    tool_call_id: str
    name: str | None = None
    arguments: str | None = None


class TranscriptItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something said, or a tool called or answered."""

    role: Literal["user", "agent", "tool"]
    start_time: datetime
    content: str
    end_time: datetime | None
    interrupted: bool
    tool_calls: list[ToolCall] | None = None
    generated: str | None = None
    words: list[Word] | None = None
    state: str | None = None
    turn: int | None = None
    turn_end_reason: str | None = None
    confidence: float | None = None


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk; its password or token is never shown."""

    id: str
    name: str
    type: Literal["sip", "twilio"]
    created_at: datetime
    host: str | None
    port: int | None
    transport: Literal["udp", "tcp", "tls"]
    srtp: bool
    username: str | None
    has_password: bool
    register: bool
    allowed_sources: list[str]
    codecs: list[str]
    account_sid: str | None
    has_auth_token: bool


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Calls created from ``from`` on and before ``to``."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    group_by: Literal["day", "month", "agent", "day,agent", "month,agent", "none"]
    currency: str
    total: UsageSums
    rows: list[UsageRow]


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Of one group; null where the grouping has no such part."""

    calls: int
    answered_calls: int
    duration_seconds: int
    minutes: float
    cost: Decimal
    period: str | None
    agent_id: str | None


class UsageSums(msgspec.Struct, frozen=True, kw_only=True):
    """``answered_calls`` are those that were answered and have ended; minutes and cost are theirs."""

    calls: int
    answered_calls: int
    duration_seconds: int
    minutes: float
    cost: Decimal


class VariableValue(msgspec.Struct, frozen=True, kw_only=True):
    """A variable's last value."""

    name: str
    type: Literal["string", "boolean", "number", "datetime", "json"]
    value: Any
    timestamp: datetime


class VersionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A version in a list."""

    version: int
    configuration_id: str
    created_at: datetime
    active: bool


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word with its time from the item's start."""

    text: str
    start_ms: int
    end_ms: int
