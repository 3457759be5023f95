"""Reading calls: lists by filter, records for recovery, and documents as the API shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, Table, and_, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL, Status
from offhook.store.database import Database
from offhook.store.events import load_record
from offhook.store.tables import call_words, calls
from offhook.store.transcript_index import says

_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NO_URLS = b',"recording_url":null,"recording_channels_url":null}'
_LIVE_NAMES = [status.value for status in Status if status not in FINAL]
_WORDS = {"true": True, "false": False, "null": None}
_TIES_US = 1_000_000  # far more than calls of one microsecond move each other's position on
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")


class StoredCall(NamedTuple):
    """A call's row as it is shown. ``document`` is JSON of the API's ``data`` less the two recording URLs."""

    call_id: str
    document: bytes
    secure: bool
    recorded: bool

    def without_urls(self) -> bytes:
        """The whole ``data`` of a call whose recording is not there (yet)."""
        return self.document[:-1] + _NO_URLS

    def with_urls(self, mixed: str | None, channels: str | None) -> bytes:
        """The whole ``data`` as JSON."""
        urls = msgspec.json.encode({"recording_url": mixed, "recording_channels_url": channels})
        return b"%b,%b" % (self.document[:-1], urls[1:])

    def without(self, **blanks: bytes) -> StoredCall:
        """The same with some fields' JSON replaced; all others keep every digit."""
        fields = _RAW.decode(self.document)
        fields.update({name: msgspec.Raw(blank) for name, blank in blanks.items()})
        return self._replace(document=msgspec.json.encode(fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls of an organization; None and empty mean any. Times in Unix microseconds, exclusive bounds."""

    agent_id: str | None = None
    type: str | None = None
    status: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    answer_type: str | None = None
    end_reason: str | None = None
    start_gt_us: int | None = None
    start_lt_us: int | None = None
    duration_gt_s: int | None = None
    duration_lt_s: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    # What the transcript says, as a user types it (`store/search.py`); finds ended calls only.
    text: str | None = None


_EQUAL = ("agent_id", "type", "status", "direction", "from_number", "to_number", "answer_type", "end_reason")


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first. By cursor: ``next_before_us`` goes on (None: that was all). By page: the total."""

    items: list[StoredCall]
    next_before_us: int | None = None
    total_items: int | None = None


class Calls:
    """Stored calls of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, organization_id: str, call_id: str) -> StoredCall | None:
        """One call of an organization."""
        query = _shown().where(calls.c.id == call_id, calls.c.organization_id == organization_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return _stored(row) if row else None

    def after(self, organization_id: str, wanted: CallFilter, *, limit: int, before_us: int | None = None) -> CallPage:
        """A page by cursor: calls created before ``before_us``. Every page costs the same."""
        listed, conditions = self._wanted(organization_id, wanted)
        if before_us is not None:
            conditions.append(listed.c.position < before_us)
        with self._database.read() as connection:
            rows = connection.execute(_documents(listed, conditions, organization_id, limit + 1)).all()
        more = rows[limit - 1].position if len(rows) > limit else None
        return CallPage([_stored(row) for row in rows[:limit]], next_before_us=more)

    def page(self, organization_id: str, wanted: CallFilter, *, limit: int, page: int) -> CallPage:
        """A page by number, from 1, with the total."""
        listed, conditions = self._wanted(organization_id, wanted)
        count = select(func.count()).select_from(listed).where(*conditions)
        with self._database.read() as connection:
            rows = connection.execute(_documents(listed, conditions, organization_id, limit, (page - 1) * limit)).all()
            total = connection.execute(count).scalar_one()
        return CallPage([_stored(row) for row in rows], total_items=total)

    def load_record(self, call_id: str) -> CallRecord | None:
        """A call's record, folded anew from its events."""
        with self._database.read() as connection:
            return load_record(connection, call_id)

    def unfinished(self) -> list[str]:
        """Ids of calls without a final status, oldest first."""
        # Named, not "none of the final ones": for those an index is good.
        query = select(calls.c.id).where(calls.c.status.in_(_LIVE_NAMES)).order_by(calls.c.position)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def unrecorded(self, call_ids: list[str]) -> list[str]:
        """Those of the given calls that are stored and have no recording yet."""
        query = select(calls.c.id).where(calls.c.id.in_(call_ids), calls.c.recorded.is_(False))
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def _wanted(self, organization_id: str, wanted: CallFilter) -> tuple[Table, list[ColumnElement[bool]]]:
        """The table that has the list's order, and all conditions."""
        filters = self._filters(wanted)
        if wanted.text is None:
            return calls, [calls.c.organization_id == organization_id, *filters]
        conditions = [
            call_words.c.organization_id == organization_id,
            says(wanted.text, sqlite=self._database.is_sqlite),
        ]
        if filters:
            conditions += [calls.c.id == call_words.c.call_id, *filters]
        return call_words, conditions

    def _filters(self, wanted: CallFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        for name in _EQUAL:
            value = getattr(wanted, name)
            if value is not None:
                conditions.append(calls.c[name] == value)
        for bound, column, above in (
            (wanted.start_gt_us, calls.c.start_us, True),
            (wanted.start_lt_us, calls.c.start_us, False),
            (wanted.duration_gt_s, calls.c.duration_seconds, True),
            (wanted.duration_lt_s, calls.c.duration_seconds, False),
        ):
            if bound is not None:
                conditions.append(column > bound if above else column < bound)
        if wanted.start_lt_us is not None:
            # No call is answered before it is created: the list begins there, past all newer ones.
            conditions.append(calls.c.position < wanted.start_lt_us + _TIES_US)
        for column, entries in ((calls.c.metadata, wanted.metadata), (calls.c.variables, wanted.variables)):
            conditions += [self._holds(column, key, value) for key, value in entries.items()]
        return conditions

    def _holds(self, column: ColumnElement[Any], key: str, value: str) -> ColumnElement[bool]:
        """Whether a JSON object's entry, written as text, is ``value``."""
        if not self._database.is_sqlite:
            # Containment goes by the index; 7 holds 7.0 as well.
            return or_(*[column.op("@>")(type_coerce({key: meant}, JSONB)) for meant in _meanings(value)])
        path = f'$."{key}"'
        entry, kind = func.json_extract(column, path), func.json_type(column, path)
        if value in _WORDS:
            return or_(kind == value, entry == value)
        if _NUMBER.fullmatch(value):
            return or_(entry == value, and_(kind.in_(["integer", "real"]), entry == float(value)))
        return entry == value


def _meanings(value: str) -> list[Any]:
    """What JSON may stand behind a value written as text."""
    if value in _WORDS:
        return [value, _WORDS[value]]
    if _NUMBER.fullmatch(value):
        return [value, float(value) if "." in value else int(value)]
    return [value]


def _documents(
    listed: Table, conditions: Sequence[ColumnElement[bool]], owner: str, limit: int, offset: int = 0
) -> Select[Any]:
    """The documents of a part of an organization's list.

    The part is found first, by indexes alone where they have all it takes: a late page by number passes over many.
    """
    part = select(listed.c.position).where(*conditions).order_by(listed.c.position.desc()).limit(limit).offset(offset)
    found = part.subquery("part")
    return (
        _shown()
        .join(found, found.c.position == calls.c.position)
        .where(calls.c.organization_id == owner)
        .order_by(calls.c.position.desc())
    )


def _shown() -> Select[Any]:
    return select(calls.c.id, calls.c.document, calls.c.secure_recording_url, calls.c.recorded, calls.c.position)


def _stored(row: Any) -> StoredCall:  # noqa: ANN401 - a row of `_shown`
    return StoredCall(row.id, row.document.encode(), row.secure_recording_url, row.recorded)
