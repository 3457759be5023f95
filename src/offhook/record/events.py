"""What happens in a call, as values. The store writes them, the record is their fold, webhooks read them.

Times are Unix seconds (float, UTC). Every event has ``at``: when it happened.
"""

from __future__ import annotations

from typing import Any

import msgspec

from offhook.record.lifecycle import EndReason, Status


class ToolCallRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call inside a transcript item; the answer to one carries its id alone."""

    tool_call_id: str
    name: str | None = None
    arguments: str | None = None


class SpokenWord(msgspec.Struct, frozen=True):
    """One word with its time from the item's start."""

    text: str
    start_ms: int
    end_ms: int


class SelectedOption(msgspec.Struct, frozen=True):
    """An option of a choice, as it was worded when the call was asked."""

    id: str
    value: str


class PostCallAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question as it was asked after the call, and its answer: the field of its type is set, or none is."""

    id: str
    question_id: str
    name: str
    description: str
    question_type: str
    is_optional: bool = False
    question_origin: str = "custom"
    text: str | None = None
    number: int | float | None = None
    boolean: bool | None = None
    selected: tuple[SelectedOption, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events of a call."""

    at: float


class CallCreated(Event, tag="created", frozen=True, kw_only=True):
    """The call exists."""

    call_id: str
    organization_id: str
    agent_id: str
    agent_version: int | None = None
    configuration_id: str | None = None
    call_type: str = "phone_call"
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    metadata: dict[str, Any] = {}
    initial_variable_values: dict[str, Any] = {}
    carrier_call_id: str | None = None
    secure_recording_url: bool = True


class StatusChanged(Event, tag="status", frozen=True, kw_only=True):
    """The call took a step of its life; a final one has its end reason."""

    status: Status
    end_reason: EndReason | None = None


class TranscriptAdded(Event, tag="transcript", frozen=True, kw_only=True):
    """Somebody spoke, or a tool was called or answered. ``at`` is the item's start_time.

    ``content`` of an interrupted agent turn is what was heard; ``generated`` then holds all of it. An item comes again
    with the same ``item_id`` as it grows (clause by clause) or is corrected; the last one counts, and ``final`` tells
    that no more of it will come.
    """

    item_id: int
    role: str
    content: str
    end_at: float | None = None
    turn: int | None = None
    state: str | None = None
    interrupted: bool = False
    generated: str | None = None
    words: tuple[SpokenWord, ...] = ()
    tool_calls: tuple[ToolCallRef, ...] = ()
    turn_end_reason: str | None = None
    confidence: float | None = None
    final: bool = True


class VariableSet(Event, tag="variable", frozen=True, kw_only=True):
    """A variable has a new value, already checked against its type."""

    name: str
    variable_type: str
    value: Any


class StateEntered(Event, tag="state", frozen=True, kw_only=True):
    """The agent entered a state of its graph."""

    state: str
    from_state: str | None = None
    reason: str = ""


class ToolCalled(Event, tag="tool", frozen=True, kw_only=True):
    """A tool ran."""

    tool_call_id: str
    name: str
    arguments: str
    result: str
    success: bool
    duration_ms: int


class KeyPressed(Event, tag="dtmf", frozen=True, kw_only=True):
    """A DTMF digit, ``inbound`` or ``outbound``."""

    digit: str
    direction: str


class AnswerTyped(Event, tag="answer_type", frozen=True, kw_only=True):
    """Who or what answered an outbound call."""

    answer_type: str


class TurnMeasured(Event, tag="latency", frozen=True, kw_only=True):
    """Anchors of one turn in ms from the caller's last voiced sample; None where not trustworthy."""

    turn: int
    stages_ms: dict[str, float | None]


class LineKnown(Event, tag="line", frozen=True, kw_only=True):
    """Facts of signalling and media: codec, remote party, final code, counters; the line's own id of the call."""

    sip: dict[str, Any]
    carrier_call_id: str | None = None


class Costed(Event, tag="cost", frozen=True, kw_only=True):
    """The call's cost lines; decimals as strings: component, quantity, unit, unit_price, amount."""

    lines: tuple[dict[str, str], ...]


class Recorded(Event, tag="recording", frozen=True, kw_only=True):
    """The recording is encoded and stored; names are keys of the recordings store."""

    mixed: str
    channels: str
    duration_ms: int


class NotRecorded(Event, tag="not_recorded", frozen=True, kw_only=True):
    """An answered call has no recording, and none will come."""

    reason: str


class VariablesResolved(Event, tag="resolved", frozen=True, kw_only=True):
    """The last look for variables is over: the call sets none any more."""


class Reviewed(Event, tag="reviewed", frozen=True, kw_only=True):
    """Post-call questions have answers, the call has a summary; both may come in parts until one is ``done``.

    An answer takes the place of an earlier one to the same question.
    """

    answers: tuple[PostCallAnswer, ...] = ()
    summary: str | None = None
    done: bool = False


class PostCall(Event, tag="post_call", frozen=True, kw_only=True):
    """Everything about the call is known now: recording, answers, cost. Consumers are told once."""


class MetadataChanged(Event, tag="metadata", frozen=True, kw_only=True):
    """The call's metadata is now this."""

    metadata: dict[str, Any]


class PassageRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A passage of a knowledge base that the model was given; ``excerpt`` is its beginning."""

    base_id: str
    source_id: str
    source: str
    score: float
    excerpt: str
    page: int | None = None


class KnowledgeUsed(Event, tag="knowledge", frozen=True, kw_only=True):
    """Knowledge bases were searched for the caller's words, and the model was given what was found."""

    query: str
    passages: tuple[PassageRef, ...]


class Flagged(Event, tag="flag", frozen=True, kw_only=True):
    """Something an operator should see: a value that didn't fit, a provider that failed, an unbacked claim."""

    code: str
    detail: str


CallEvent = (
    CallCreated
    | StatusChanged
    | TranscriptAdded
    | VariableSet
    | StateEntered
    | ToolCalled
    | KeyPressed
    | AnswerTyped
    | TurnMeasured
    | LineKnown
    | Costed
    | Recorded
    | NotRecorded
    | VariablesResolved
    | Reviewed
    | PostCall
    | MetadataChanged
    | KnowledgeUsed
    | Flagged
)
