"""The public events of a call, as webhook bodies: what the outbox keeps and consumers are sent."""

from __future__ import annotations

from typing import Any

from offhook.record.events import (
    AnswerTyped,
    CallEvent,
    PostCall,
    StateEntered,
    StatusChanged,
    ToolCalled,
    TranscriptAdded,
    VariableSet,
    VariablesResolved,
)
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL, Status

POST_CALL = "event_post_call"
# What REST calls in_progress is "connected" here; created and staged are not told.
_STATUS_NAMES = {
    Status.INITIATED: "initiated",
    Status.RINGING: "ringing",
    Status.IN_PROGRESS: "connected",
    **{status: status.value for status in FINAL},
}


def webhook_events(event: CallEvent, record: CallRecord) -> list[dict[str, Any]]:
    """Bodies that tell of one event of a call, without ``event_id`` and ``sequence`` (the store numbers them).

    Usually one, or none for what is told to nobody. ``record`` gives the call's own facts.
    """
    fields = _fields(event, record)
    if fields is None:
        return []
    kind = fields.pop("type")
    common = {"type": kind, "timestamp": event.at, "call_id": record.call_id, "agent_id": record.created.agent_id}
    return [{**common, **fields}]


def _fields(event: CallEvent, record: CallRecord) -> dict[str, Any] | None:  # noqa: PLR0911 - a table of events
    match event:
        case StatusChanged():
            return _status(event, record)
        case TranscriptAdded():
            return _transcript(event)
        case AnswerTyped():
            return {
                "type": "event_call_answer_type_updated",
                "call_type": record.created.call_type,
                "direction": record.created.direction,
                "answer_type": event.answer_type,
            }
        case ToolCalled():
            return _tool(event)
        case StateEntered() if event.from_state is not None:
            return {
                "type": "event_task_transition",
                "from_state": event.from_state,
                "to_state": event.state,
                "reason": event.reason,
            }
        case VariableSet():
            return {
                "type": "event_variable_value_updated",
                "name": event.name,
                "variable_type": event.variable_type,
                "value": event.value,
            }
        case VariablesResolved():
            return {"type": "event_all_variables_resolved", "variable_values": record.variable_values()}
        case PostCall():
            return _post_call(record)
        case _:
            return None


def _post_call(record: CallRecord) -> dict[str, Any]:
    """The call as a whole. ``recording_url`` is null in what is kept: whoever sends the event makes it, since a signed
    URL that was made now would have expired by a late delivery.
    """
    created = record.created
    whole = {
        "call_type": created.call_type,
        "direction": created.direction,
        "status": record.status.value,
        "end_reason": record.end_reason.to_api() if record.end_reason else None,
        "from_phone_number": created.from_number,
        "to_phone_number": created.to_number,
        "duration_seconds": record.duration_seconds,
        "transcript_string": record.transcript.text(),
        "variable_values": record.variable_values(),
        "post_call_answers": record.post_call_answers(),
        "summary": record.summary,
        "metadata": record.metadata,
        "cost": record.cost,
        "recording_url": None,
    }
    return {"type": POST_CALL, **whole, "data": whole}


def _status(event: StatusChanged, record: CallRecord) -> dict[str, Any] | None:
    name = _STATUS_NAMES.get(event.status)
    if name is None or (event.status in FINAL and event != record.closing):
        # A second end changed nothing, and a call has exactly one final event.
        return None
    created = record.created
    fields: dict[str, Any] = {
        "type": "event_call_status_updated",
        "call_type": created.call_type,
        "direction": created.direction,
        "status": name,
        "from_phone_number": created.from_number,
        "to_phone_number": created.to_number,
        "redirect_duration": None,
    }
    if event.status in FINAL:
        fields["end_reason"] = event.end_reason.to_api() if event.end_reason else None
    return fields


def _transcript(event: TranscriptAdded) -> dict[str, Any] | None:
    spoken = event.role in {"agent", "user"} and not event.tool_calls and event.content
    if not event.final or not spoken:
        return None
    return {
        "type": "event_transcript",
        "text": event.content,
        "sender": event.role,
        "turn": event.turn,
        "interrupted": event.interrupted,
    }


def _tool(event: ToolCalled) -> dict[str, Any]:
    return {
        "type": "event_tool",
        "tool_call_id": event.tool_call_id,
        "name": event.name,
        "arguments": event.arguments,
        "result": event.result,
        "success": event.success,
        "duration_ms": event.duration_ms,
    }
