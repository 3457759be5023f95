"""A call's rows: its events, its projection into ``calls``, and what the outbox tells of it. One transaction each."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from offhook.errors import NotFoundError
from offhook.record.cost import in_parts
from offhook.record.events import CallEvent
from offhook.record.fold import CallRecord, encode
from offhook.record.times import to_us
from offhook.record.webhooks import webhook_events
from offhook.store.lanes import extend_lane
from offhook.store.post_call import enqueue
from offhook.store.tables import call_events, calls, outbox
from offhook.store.transcript_index import keep_words

_DECODER: msgspec.json.Decoder[CallEvent] = msgspec.json.Decoder(CallEvent)
_URL_FIELDS = ("recording_url", "recording_channels_url")


@dataclass(slots=True)
class Counters:
    """Numbers last given to a call's events, and to those of them that are told to consumers."""

    sequence: int = 0
    public_sequence: int = 0
    stored: bool = False


def load_record(connection: Connection, call_id: str) -> CallRecord | None:
    """Fold a call's stored events; None when there is no such call."""
    rows = connection.execute(
        select(call_events.c.payload).where(call_events.c.call_id == call_id).order_by(call_events.c.sequence)
    )
    events = [_DECODER.decode(payload) for (payload,) in rows]
    return CallRecord.replay(events) if events else None


def counters(connection: Connection, call_id: str) -> Counters:
    """The numbers a call has come to, its row locked; a call that isn't stored begins at 0."""
    row = connection.execute(
        select(calls.c.last_sequence, calls.c.last_public_sequence).where(calls.c.id == call_id).with_for_update()
    ).first()
    return Counters() if row is None else Counters(row.last_sequence, row.last_public_sequence, stored=True)


def store_events(
    connection: Connection,
    record: CallRecord,
    events: Sequence[CallEvent],
    before: Counters,
    worker_id: str | None = None,
) -> tuple[CallRecord, Counters]:
    """Write events after those already stored, and the record they lead to; what was written, and the new counters.

    ``record`` has all of them applied. When the call was changed meanwhile by somebody else, its stored events and
    these are folded anew: nobody's change is lost. ``worker_id`` is who carries a call that is new.
    """
    first = before.sequence + 1
    connection.execute(
        insert(call_events),
        [_event_row(record.call_id, number, event) for number, event in enumerate(events, first)],
    )
    after = Counters(before.sequence + len(events), before.public_sequence, stored=True)
    if record.events_applied != after.sequence:
        record = load_record(connection, record.call_id) or record
    bodies = [body for event in events for body in webhook_events(event, record)]
    if bodies:
        first_public = before.public_sequence + 1
        connection.execute(
            insert(outbox), [_outbox_row(record, number, body) for number, body in enumerate(bodies, first_public)]
        )
        after.public_sequence += len(bodies)
        extend_lane(connection, record.created, before.public_sequence, after.public_sequence)
    _project(connection, record, after, stored=before.stored, worker_id=worker_id)
    keep_words(connection, record, events)
    if record.closing is not None and record.closing in events:
        enqueue(connection, record)
    return record, after


def are_stored(connection: Connection, call_id: str, after_sequence: int, events: Sequence[CallEvent]) -> bool:
    """Whether exactly these events stand after that number: their transaction was done when the connection broke."""
    rows = connection.execute(
        select(call_events.c.payload)
        .where(call_events.c.call_id == call_id, call_events.c.sequence > after_sequence)
        .order_by(call_events.c.sequence)
        .limit(len(events))
    )
    return [payload for (payload,) in rows] == [_payload(event) for event in events]


def change(connection: Connection, call_id: str, organization_id: str) -> tuple[CallRecord, Counters]:
    """Lock a call for a change: its record and counters. Raises NotFoundError."""
    row = connection.execute(
        select(calls.c.id)
        .where(calls.c.id == call_id, calls.c.organization_id == organization_id)
        .with_for_update()  # PostgreSQL; on SQLite the transaction has the write lock already
    ).first()
    record = load_record(connection, call_id) if row else None
    if record is None:
        raise NotFoundError(f"no call {call_id}")
    return record, counters(connection, call_id)


def _event_row(call_id: str, sequence: int, event: CallEvent) -> dict[str, Any]:
    kind = event.__struct_config__.tag
    return {
        "call_id": call_id,
        "sequence": sequence,
        "type": kind,
        "at_us": to_us(event.at),
        "payload": _payload(event),
    }


def _payload(event: CallEvent) -> str:
    return msgspec.json.encode(event).decode()


def _outbox_row(record: CallRecord, sequence: int, body: dict[str, Any]) -> dict[str, Any]:
    event_id = str(uuid.uuid4())
    return {
        "event_id": event_id,
        "organization_id": record.created.organization_id,
        "agent_id": record.created.agent_id,
        "call_id": record.call_id,
        "sequence": sequence,
        "type": body["type"],
        "at_us": to_us(body["timestamp"]),
        "body": encode({**body, "event_id": event_id, "sequence": sequence}).decode(),
    }


def _project(
    connection: Connection, record: CallRecord, numbers: Counters, *, stored: bool, worker_id: str | None
) -> None:
    row = _call_row(record) | {
        "last_sequence": numbers.sequence,
        "last_public_sequence": numbers.public_sequence,
    }
    if stored:
        connection.execute(update(calls).where(calls.c.id == record.call_id), row)
        return
    created = record.created
    row["position"] = _free_position(connection, created.organization_id, to_us(created.at))
    row |= {"id": created.call_id, "organization_id": created.organization_id, "worker_id": worker_id}
    connection.execute(insert(calls), row)


def _free_position(connection: Connection, organization_id: str, wanted_us: int) -> int:
    """The first microsecond from ``wanted_us`` on that no other call of the organization was created in."""
    while connection.execute(
        select(calls.c.id).where(calls.c.organization_id == organization_id, calls.c.position == wanted_us)
    ).first():
        wanted_us += 1
    return wanted_us


def _fitting(party: str | None) -> str | None:
    """A party as the column to find it by holds it; the document has it whole. A call is kept whoever calls."""
    return party and party.replace("\x00", "")[:255]


def _call_row(record: CallRecord) -> dict[str, Any]:
    created, shown, cost = record.created, record.to_api(), record.cost
    cost_micros, cost_rest = (None, None) if cost is None else in_parts(cost)
    for name in _URL_FIELDS:
        del shown[name]
    return {
        "type": created.call_type,
        "status": record.status.value,
        "direction": created.direction,
        "agent_id": created.agent_id,
        "from_number": _fitting(created.from_number),
        "to_number": _fitting(created.to_number),
        "answer_type": record.answer_type,
        "end_reason": record.end_reason.code.value if record.end_reason else None,
        "start_us": None if record.start_at is None else to_us(record.start_at),
        "end_us": None if record.end_at is None else to_us(record.end_at),
        "duration_seconds": record.duration_seconds,
        "metadata": record.metadata,
        "variables": {name: each.value for name, each in record.variables.items()},
        "secure_recording_url": created.secure_recording_url,
        "recorded": record.recording is not None,
        "cost_micros": cost_micros,
        "cost_rest": cost_rest,
        "document": encode(shown).decode(),
    }
