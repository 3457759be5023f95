"""The words of ended calls' transcripts, kept for the search through them.

A call is entered at its end, in the transaction of its final status, and anew when its transcript changes after that:
what lives is still changing, and writing its words at every turn would cost more than all else that is written of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, String, column, delete, false, insert, literal, select, table
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from offhook.record.events import CallEvent, StatusChanged, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL
from offhook.store.search import fts5, parse, tsquery, tsvector, words
from offhook.store.tables import call_words, calls

_SPEAKERS = frozenset({"agent", "user"})
_FTS = table("call_words_fts", column("rowid"), column("call_words_fts"))


def keep_words(connection: Connection, record: CallRecord, events: Sequence[CallEvent]) -> None:
    """Enter the words of a call that these events ended, or changed after its end. Its row in ``calls`` is there."""
    if record.status not in FINAL or not any(isinstance(event, StatusChanged | TranscriptAdded) for event in events):
        return
    found = words("\n".join(item.content for item in record.transcript.items() if item.role in _SPEAKERS))
    connection.execute(delete(call_words).where(call_words.c.call_id == record.call_id))
    if found:
        kept = _kept(connection, found)
        rows = select(calls.c.id, calls.c.organization_id, calls.c.position, kept).where(calls.c.id == record.call_id)
        names = ["call_id", "organization_id", "position", "words"]
        connection.execute(insert(call_words).from_select(names, rows))


def says(text: str, *, sqlite: bool) -> ColumnElement[bool]:
    """The condition on ``call_words`` that a call's transcript has what a user looks for."""
    phrases = parse(text)
    if not phrases:
        return false()
    if not sqlite:
        return call_words.c.words.op("@@")(literal(tsquery(phrases), TSQUERY))
    found = select(_FTS.c.rowid).where(_FTS.c.call_words_fts.op("MATCH")(literal(fts5(phrases), String)))
    return call_words.c.id.in_(found)


def _kept(connection: Connection, found: list[str]) -> ColumnElement[str]:
    if connection.dialect.name == "postgresql":
        return literal(tsvector(found), TSVECTOR)
    return literal(" ".join(found), String)
