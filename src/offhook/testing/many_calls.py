"""Very many ended calls in a database, quickly: for benchmarks, and for tests of how lists are read.

The calls spread over time and differ as those of a busy year do: few agents and lines, many callers, rare kinds of
ends, words that are common and words that occur once. The same numbers give the same calls.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert

from offhook.record.times import iso_us
from offhook.store.database import Database
from offhook.store.search import tsvector
from offhook.store.tables import call_words, calls

FIRST_US = 1_700_000_000_000_000
APART_US = 30_000_000
LINES, CALLS_A_CALLER = 20, 10
_BATCH = 1_000
_RING_US = 8_000_000
_SPLIT = 12  # words of one item of a transcript
_STATUSES = {"completed": 900, "no_answer": 50, "busy": 30, "failed": 19, "canceled": 1}
_REASONS = {
    "completed": "caller_hung_up", "no_answer": "no_answer", "busy": "busy", "failed": "carrier_failure",
    "canceled": "canceled",
}  # fmt: skip
_ANSWERS = {"human": 800, "voicemail": 150, "machine_ivr": 49, "fax": 1}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Zipf's law: the k-th word of a language is 1/k as frequent as the first.
_VOCABULARY = [f"word{number}" for number in range(20_000)]
_FREQUENCY = list(itertools.accumulate(1 / number for number in range(1, len(_VOCABULARY) + 1)))


def agent_id(number: int) -> str:
    """One of ten agents."""
    return str(uuid.UUID(int=number + 1))


def load(database: Database, organization_id: str, count: int, *, said: int = 120) -> None:
    """Put ``count`` calls of an organization, in which ``said`` words are said, into a database without calls."""
    # PostgreSQL makes an index of what is there in a fraction of the time that entering row by row takes.
    indexes = [] if database.is_sqlite else [index for table in (calls, call_words) for index in table.indexes]
    mix = _Mix(organization_id, said, max(1, count // CALLS_A_CALLER), database.is_sqlite)
    with database.write() as connection:
        for index in indexes:
            index.drop(connection)
        for batch in _batches(mix, count):
            _store(connection, calls, [row for row, _ in batch])
            _store(connection, call_words, [spoken for _, spoken in batch])
        for index in indexes:
            index.create(connection)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE calls, call_words")


Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Mix:
    """What all calls have in common."""

    organization_id: str
    said: int
    callers: int
    sqlite: bool


def _batches(mix: _Mix, count: int) -> Iterator[list[tuple[Row, Row]]]:
    rows = (_call(mix, number, random.Random(number)) for number in range(count))
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch


def _call(mix: _Mix, number: int, chance: random.Random) -> tuple[Row, Row]:
    position = FIRST_US + number * APART_US
    (status,) = chance.choices([*_STATUSES], [*_STATUSES.values()])
    answered = status == "completed"
    outbound = number % 3 == 0
    seconds = int(chance.expovariate(1 / 120)) + 5 if answered else None
    spoken = [*chance.choices(_VOCABULARY, cum_weights=_FREQUENCY, k=mix.said if answered else 2), f"only{number}"]
    row: Row = {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "organization_id": mix.organization_id,
        "position": position,
        "type": "web_call" if number % 1000 == 7 else "phone_call",
        "status": status,
        "direction": "outbound" if outbound else "inbound",
        "agent_id": agent_id(min(9, int(chance.expovariate(0.5)))),
        "from_number": f"+3310{chance.randrange(mix.callers):06}",
        "to_number": f"+33900000{number % LINES:03}",
        "answer_type": chance.choices([*_ANSWERS], [*_ANSWERS.values()])[0] if outbound and answered else None,
        "end_reason": _REASONS[status],
        "start_us": position + _RING_US if answered else None,
        "end_us": position + _RING_US + (seconds or 0) * 1_000_000,
        "duration_seconds": seconds,
        "metadata": {"order": f"A-{number}", "env": "test" if number % 100 == 0 else "live", "n": number % 1000},
        "variables": {"day": _DAYS[number % 7], "name": f"Name {chance.randrange(1_000)}"},
        "secure_recording_url": True,
        "recorded": answered,
        "last_sequence": 20,
        "last_public_sequence": 12,
    }
    row["document"] = _document(row, spoken)
    kept = {"call_id": row["id"], "organization_id": mix.organization_id, "position": position}
    return row, {**kept, "words": " ".join(spoken) if mix.sqlite else tsvector(spoken)}


def _document(row: Row, spoken: list[str]) -> str:
    items = [" ".join(spoken[at : at + _SPLIT]) for at in range(0, len(spoken), _SPLIT)]
    time = iso_us(row["position"])
    shown = {
        **{name: row[name] for name in ("id", "status", "type", "direction", "agent_id", "from_number", "to_number")},
        "metadata": row["metadata"],
        "created_at": time,
        "duration_seconds": row["duration_seconds"],
        "transcript_string": "\n".join(f"User: {item}" for item in items),
        "transcript": [{"role": "user", "start_time": time, "content": item, "interrupted": False} for item in items],
    }
    return msgspec.json.encode(shown).decode()


def _store(connection: Connection, table: Table, rows: list[Row]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    names = list(rows[0])
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([msgspec.json.encode(v).decode() if isinstance(v, dict) else v for v in row.values()])
