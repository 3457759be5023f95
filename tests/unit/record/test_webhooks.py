"""What consumers are told of each event."""

from decimal import Decimal

import pytest

from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.record.webhooks import webhook_events

T = 1_700_000_000.5
CREATED = e.CallCreated(
    at=T, call_id="c", organization_id="o", agent_id="a", direction="inbound", from_number="+331", to_number="+332"
)


def told(*events):
    """Bodies of the last event, without what all bodies have in common."""
    record = CallRecord.replay([CREATED, *events])
    bodies = webhook_events(events[-1], record)
    for body in bodies:
        assert (body["timestamp"], body["call_id"], body["agent_id"]) == (events[-1].at, "c", "a")
    return [
        {name: value for name, value in body.items() if name not in {"timestamp", "call_id", "agent_id"}}
        for body in bodies
    ]


def step(status, reason=None):
    return e.StatusChanged(at=T, status=status, end_reason=reason)


STATUS = {
    "type": "event_call_status_updated", "call_type": "phone_call", "direction": "inbound",
    "from_phone_number": "+331", "to_phone_number": "+332", "redirect_duration": None,
}  # fmt: skip


def test_in_progress_is_told_as_connected():
    assert told(step(Status.RINGING)) == [{**STATUS, "status": "ringing"}]
    assert told(step(Status.RINGING), step(Status.IN_PROGRESS)) == [{**STATUS, "status": "connected"}]


def test_the_end_is_told_once_with_its_reason():
    end = step(Status.BUSY, EndReason(EndCode.BUSY, "callee", "486"))
    reason = {"code": "busy", "party": "callee", "detail": "486"}
    assert told(end) == [{**STATUS, "status": "busy", "end_reason": reason}]
    assert told(end, step(Status.FAILED, EndReason(EndCode.PLATFORM_FAILURE, "platform"))) == []


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (
            e.AnswerTyped(at=T, answer_type="human"),
            {
                "type": "event_call_answer_type_updated", "call_type": "phone_call", "direction": "inbound",
                "answer_type": "human",
            },
        ),
        (
            e.TranscriptAdded(at=T, item_id=1, role="user", content="Hi", turn=2),
            {"type": "event_transcript", "text": "Hi", "sender": "user", "turn": 2, "interrupted": False},
        ),
        (
            e.ToolCalled(at=T, tool_call_id="t", name="n", arguments="{}", result="{}", success=True, duration_ms=5),
            {
                "type": "event_tool", "tool_call_id": "t", "name": "n", "arguments": "{}", "result": "{}",
                "success": True, "duration_ms": 5,
            },
        ),
        (
            e.StateEntered(at=T, state="b", from_state="a", reason="r"),
            {"type": "event_task_transition", "from_state": "a", "to_state": "b", "reason": "r"},
        ),
        (
            e.VariableSet(at=T, name="n", variable_type="number", value=3),
            {"type": "event_variable_value_updated", "name": "n", "variable_type": "number", "value": 3},
        ),
    ],
)  # fmt: skip
def test_each_event_is_told_in_the_contracts_shape(event, body):
    assert told(event) == [body]


@pytest.mark.parametrize(
    "event",
    [
        e.TranscriptAdded(at=T, item_id=1, role="agent", content="Hel", final=False),
        e.TranscriptAdded(at=T, item_id=1, role="agent", content=""),
        e.TranscriptAdded(at=T, item_id=1, role="tool", content="{}", tool_calls=(e.ToolCallRef("t"),)),
        e.StateEntered(at=T, state="start"),
        e.LineKnown(at=T, sip={}),
        e.MetadataChanged(at=T, metadata={}),
    ],
)
def test_what_is_unfinished_or_internal_is_told_to_nobody(event):
    assert told(event) == []


def test_the_resolved_variables_are_told_as_rest_shows_them():
    set_ = e.VariableSet(at=T, name="n", variable_type="number", value=3)
    (body,) = told(set_, e.VariablesResolved(at=T))
    assert body == {
        "type": "event_all_variables_resolved",
        "variable_values": [{"name": "n", "type": "number", "value": 3, "timestamp": "2023-11-14T22:13:20.500000Z"}],
    }


def test_the_whole_call_is_told_flat_and_again_under_data():
    line = {"component": "stt", "quantity": "1", "unit": "minute", "unit_price": "0.1", "amount": "0.1"}
    (body,) = told(
        step(Status.RINGING),
        step(Status.IN_PROGRESS),
        e.TranscriptAdded(at=T, item_id=1, role="user", content="Hi"),
        e.Costed(at=T, lines=(line,)),
        step(Status.COMPLETED, EndReason(EndCode.CALLER_HUNG_UP, "caller")),
        e.Reviewed(at=T, summary="They said hi.", done=True),
        e.PostCall(at=T),
    )
    data = body.pop("data")
    assert body == {"type": "event_post_call", **data}
    contract = {
        "from_phone_number": "+331", "to_phone_number": "+332", "duration_seconds": 0, "transcript_string": "User: Hi",
        "variable_values": [], "post_call_answers": [], "cost": Decimal("0.1"), "recording_url": None,
    }  # fmt: skip
    assert {name: data[name] for name in contract} == contract
    assert (data["status"], data["end_reason"]["code"]) == ("completed", "caller_hung_up")
    assert data["summary"] == "They said hi."


@pytest.mark.parametrize("event", [e.NotRecorded(at=T, reason="r"), e.Reviewed(at=T, done=True)])
def test_steps_of_the_review_are_told_to_nobody(event):
    assert told(event) == []
