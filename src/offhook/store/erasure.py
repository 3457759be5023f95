"""Deleting a call: its rows go in one transaction and leave a tombstone, which is the queue of files still to remove.

The tombstone tells the audit log what was deleted, when and by whom; nothing that was said, and nobody's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, delete, insert, select, update

from offhook.errors import ConflictError, NotFoundError
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL, Status
from offhook.record.times import iso_us
from offhook.store.audit import entry_values
from offhook.store.events import load_record
from offhook.store.ids import now_us
from offhook.store.leases import Lease, Queue
from offhook.store.tables import audit_log, calls, metadata, tombstones

# Longer than the files of a call take to be read once more and removed from a slow store.
TOMBSTONES: Final = Queue(tombstones, lease_s=300)


# Pages that one step of a merge writes: milliseconds of the write lock, which calls that live need too.
_MERGE_PAGES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Who wants which call deleted and why (``request`` or ``retention``), since when."""

    organization_id: str
    call_id: str
    actor: str
    reason: str
    at_us: int


def erase(connection: Connection, wanted: Erasure) -> None:
    """Delete a call's rows and leave its tombstone.

    Raises NotFoundError, and ConflictError while the call runs. Doing the same erasure again changes nothing.
    """
    row = connection.execute(
        select(calls)
        .where(calls.c.id == wanted.call_id, calls.c.organization_id == wanted.organization_id)
        .with_for_update()
    ).first()
    if row is None:
        if _is_done(connection, wanted):
            return
        raise NotFoundError(f"no call {wanted.call_id}")
    if Status(row.status) not in FINAL:
        raise ConflictError("The call is running; terminate it first")
    facts = {
        "reason": wanted.reason,
        "agent_id": row.agent_id,
        "type": row.type,
        "status": row.status,
        "created_at": iso_us(row.position),
        "start_time": None if row.start_us is None else iso_us(row.start_us),
        "end_time": None if row.end_us is None else iso_us(row.end_us),
        "recorded": row.recorded,
    }
    keys = _file_keys(load_record(connection, wanted.call_id))
    for statement in _deletions(wanted.call_id):
        connection.execute(statement)
    connection.execute(
        insert(tombstones),
        {
            "id": wanted.call_id,
            "organization_id": wanted.organization_id,
            "actor": wanted.actor,
            "reason": wanted.reason,
            "deleted_us": wanted.at_us,
            "files": [{"key": key} for key in keys],
            "due_us": wanted.at_us,
        },
    )
    entry = entry_values(wanted.organization_id, "call.deleted", wanted.call_id, facts)
    connection.execute(insert(audit_log), entry | {"actor": wanted.actor, "at_us": wanted.at_us})


def forget_words(connection: Connection, *, first: bool) -> bool:
    """Take one step in ridding the search index of deleted words; whether more are to be taken.

    FTS5 only marks words as deleted until it has merged their segments (https://sqlite.org/fts5.html#the_merge_command);
    a first step asks it to merge them all. On PostgreSQL they went with their row.
    """
    if connection.dialect.name != "sqlite":
        return False
    before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    pages = -_MERGE_PAGES if first else _MERGE_PAGES
    connection.exec_driver_sql("INSERT INTO call_words_fts(call_words_fts, rank) VALUES ('merge', ?)", (pages,))
    after = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return bool(after - before >= 2)  # of fewer changes than two, none was a merge


def is_erased(connection: Connection, call_id: str) -> bool:
    """Whether there was such a call, and it was deleted."""
    return connection.execute(select(tombstones.c.id).where(tombstones.c.id == call_id)).first() is not None


def note_files(connection: Connection, lease: Lease, files: list[dict[str, Any]]) -> bool:
    """Write down what is about to be removed; False when another worker has the tombstone now."""
    if not TOMBSTONES.renew(connection, lease):
        return False
    connection.execute(update(tombstones).where(tombstones.c.id == lease.id), {"files": files})
    return True


def files_gone(connection: Connection, lease: Lease, files: list[dict[str, Any]]) -> bool:
    """The files are removed: the proof goes into the audit log, once."""
    done_us = now_us()
    if not TOMBSTONES.finish(connection, lease, files=files, completed_us=done_us):
        return False
    row = lease.row
    detail = {"reason": row["reason"], "deleted_at": iso_us(row["deleted_us"]), "files": files}
    entry = entry_values(row["organization_id"], "call.files_deleted", lease.id, detail)
    connection.execute(insert(audit_log), entry | {"actor": row["actor"], "at_us": done_us})
    return True


def _is_done(connection: Connection, wanted: Erasure) -> bool:
    """Whether this very erasure was done: its transaction was over when the connection broke."""
    row = connection.execute(select(tombstones).where(tombstones.c.id == wanted.call_id)).first()
    return row is not None and (row.actor, row.deleted_us) == (wanted.actor, wanted.at_us)


def _file_keys(record: CallRecord | None) -> list[str]:
    recorded = record.recording if record else None
    return [] if recorded is None else [recorded.mixed, recorded.channels]


def _deletions(call_id: str) -> Iterator[Any]:
    """A DELETE for each table that holds something of a call, those that refer to others first."""
    for table in reversed(metadata.sorted_tables):
        own = _call_column(table)
        if own is not None:
            yield delete(table).where(own == call_id)
            continue
        for key in table.foreign_keys:
            parent = _call_column(key.column.table)
            if parent is not None:
                yield delete(table).where(key.parent.in_(select(key.column).where(parent == call_id)))


def _call_column(table: Table) -> Column[Any] | None:
    """The column that names the call a row belongs to: ``call_id``, or the one the table's ``info`` names."""
    name = table.info.get("call_id", "call_id")
    return table.c.get(name)
