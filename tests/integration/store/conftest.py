"""Real databases of both kinds, and calls to put in them."""

import uuid
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.database import Database
from offhook.store.writer import CallWriter

ORGANIZATION = "00000000-0000-4000-8000-000000000001"


@dataclass
class Talk:
    """A call under way: its record, and the writer it goes to."""

    writer: CallWriter
    record: CallRecord
    items: int = 0
    futures: list = field(default_factory=list)

    def add(self, *events):
        for event in events:
            self.record.apply(event)
        self.futures.append(self.writer.append(self.record.call_id, list(events), self.record))
        return self.futures[-1]

    def say(self, content, at=5.0):
        self.items += 1
        return self.add(e.TranscriptAdded(at=at, item_id=self.items, role="user", content=content))

    def end(self, at=60.0):
        reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
        return self.add(
            e.StatusChanged(at=at, status=Status.IN_PROGRESS),
            e.StatusChanged(at=at, status=Status.COMPLETED, end_reason=reason),
        )


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def rows(database):
    """The rows of a query as plain tuples; its values by name."""

    def fetch(query, **values):
        with database.read() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    return fetch


@pytest.fixture
async def writer(database):
    writer = CallWriter(database, gather_s=0.002)
    yield writer
    await writer.close(limit_s=5)


@pytest.fixture
def begin():
    """Begin a call on a writer; CallCreated's fields by name."""

    def start(writer, **values):
        defaults = {
            "at": 1.0, "call_id": str(uuid.uuid4()), "organization_id": ORGANIZATION, "agent_id": str(uuid.uuid4()),
            "direction": "inbound", "from_number": "+331", "to_number": "+332",
        }  # fmt: skip
        created = e.CallCreated(**{**defaults, **values})
        talk = Talk(writer, CallRecord.create(created))
        talk.futures.append(writer.append(created.call_id, [created], talk.record))
        talk.add(e.StatusChanged(at=created.at, status=Status.RINGING))
        return talk

    return start
