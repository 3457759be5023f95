"""The list of calls goes by an index whatever is asked for, reads little more than it shows, and finds words."""

import json
import re
import shutil
from contextlib import closing

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import text

from offhook.record import events as e
from offhook.record.lifecycle import Status
from offhook.store.calls import CallFilter, Calls
from offhook.store.database import Database, sqlite_url
from offhook.testing import many_calls

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
COUNT = 10_000
LIMIT = 50
MIDDLE_US = many_calls.FIRST_US + COUNT // 2 * many_calls.APART_US


@pytest.fixture(scope="session")
def many_in_sqlite(tmp_path_factory, sqlite_template):
    path = tmp_path_factory.mktemp("many") / "many.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(sqlite_url(path))
    many_calls.load(database, ORGANIZATION, COUNT, said=8)
    yield database
    database.close()


@pytest.fixture(scope="session")
def many_in_postgresql(postgres, postgres_template):
    database = Database(postgres.url(postgres.make_database(postgres_template)))
    many_calls.load(database, ORGANIZATION, COUNT, said=8)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def many(request):
    """A database of many calls, only read."""
    return request.getfixturevalue(f"many_in_{request.param}")


FILTERS = {
    "none": {},
    "agent": {"agent_id": many_calls.agent_id(0)},
    "a rare agent": {"agent_id": many_calls.agent_id(9)},
    "no such agent": {"agent_id": "nobody"},
    "type": {"type": "phone_call"},
    "a rare type": {"type": "web_call"},
    "status": {"status": "completed"},
    "a rare status": {"status": "canceled"},
    "direction": {"direction": "outbound"},
    "from": {"from_number": "+3310000007"},
    "to": {"to_number": "+33900000007"},
    "answer": {"answer_type": "human"},
    "a rare answer": {"answer_type": "fax"},
    "end": {"end_reason": "caller_hung_up"},
    "a rare end": {"end_reason": "canceled"},
    "from a time": {"start_gt_us": MIDDLE_US},
    "until a time": {"start_lt_us": MIDDLE_US},
    "long ago": {"start_lt_us": many_calls.FIRST_US + 100 * many_calls.APART_US},
    "in the future": {"start_gt_us": 4_000_000_000_000_000},
    "a minute": {"start_gt_us": MIDDLE_US, "start_lt_us": MIDDLE_US + 60_000_000},
    "long calls": {"duration_gt_s": 300},
    "the longest calls": {"duration_gt_s": 1000},
    "short calls": {"duration_lt_s": 30},
}
# Those that only PostgreSQL has an index for; SQLite reads through.
OPEN_FILTERS = {
    "metadata": {"metadata": {"env": "live"}},
    "rare metadata": {"metadata": {"order": "A-77"}},
    "a number in metadata": {"metadata": {"n": "500"}},
    "no such metadata": {"metadata": {"order": "none"}},
    "variable": {"variables": {"day": "Monday"}},
    "a rare variable": {"variables": {"name": "Name 77"}},
}
SEARCHES = {
    "a common word": {"text": "word0"},
    "a rare word": {"text": "word9999"},
    "a word said once": {"text": "only77"},
    "a word never said": {"text": "nonsense"},
    "words never said together": {"text": "only77 only78"},
    "a phrase": {"text": '"word0 word1"'},
    "a word of one agent": {"text": "word0", "agent_id": many_calls.agent_id(9)},
}


NOTHING = {
    "no such agent", "in the future", "no such metadata", "a word never said", "words never said together",
}  # fmt: skip


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def visited(node):
    """Rows that a step looked at, those it threw away included."""
    thrown = sum(node.get(name, 0) for name in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return (node["Actual Rows"] + thrown) * node["Actual Loops"]


@pytest.fixture
def plans(many):
    """What the database says of each query that is made."""
    told = []
    prefix = "EXPLAIN QUERY PLAN " if many.is_sqlite else "EXPLAIN (ANALYZE, FORMAT JSON) "

    def explain(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT calls."):
            with closing(connection.connection.driver_connection.cursor()) as other:
                other.execute(prefix + statement, parameters)
                told.append(other.fetchall())

    sa_event.listen(many.engine, "before_cursor_execute", explain)
    yield told
    sa_event.remove(many.engine, "before_cursor_execute", explain)


def check_sqlite(plan):
    steps = [row[3] for row in plan]
    assert not [step for step in steps if re.match(r"SCAN (calls|call_words)\b(?! USING)", step)], steps


def check_postgresql(plan, *, most_visited):
    (document,) = plan[0]
    steps = list(nodes(document[0]["Plan"]))
    told = json.dumps(document, indent=1)
    assert not [step for step in steps if step["Node Type"] == "Seq Scan"], told
    assert sum(visited(step) for step in steps if "Scan" in step["Node Type"]) <= most_visited, told


@pytest.mark.parametrize("name", [*FILTERS, *OPEN_FILTERS, *SEARCHES])
def test_every_filter_goes_by_an_index_and_reads_little(many, plans, name):
    wanted = CallFilter(**{**FILTERS, **OPEN_FILTERS, **SEARCHES}[name])
    found = Calls(many).after(ORGANIZATION, wanted, limit=LIMIT, before_us=None)
    (plan,) = plans
    if many.is_sqlite:
        check_sqlite(plan)
    else:
        # What an index is read for that doesn't have the list's order; a whole one would be twice as much at least.
        check_postgresql(plan, most_visited=COUNT * 2 if name == "a word of one agent" else COUNT // 3)
    assert len(found.items) <= LIMIT


def test_a_late_page_reads_no_more_than_the_first(many, plans):
    calls = Calls(many)
    calls.after(ORGANIZATION, CallFilter(), limit=LIMIT)
    calls.after(ORGANIZATION, CallFilter(), limit=LIMIT, before_us=many_calls.FIRST_US + 1000 * many_calls.APART_US)
    if not many.is_sqlite:
        for plan in plans:
            check_postgresql(plan, most_visited=3 * LIMIT)


@pytest.mark.parametrize("name", [*FILTERS, *OPEN_FILTERS, *SEARCHES])
def test_a_list_is_the_same_by_cursor_and_by_number_and_its_total_is_exact(many, name):
    wanted = CallFilter(**{**FILTERS, **OPEN_FILTERS, **SEARCHES}[name])
    calls = Calls(many)
    first = calls.after(ORGANIZATION, wanted, limit=30)
    numbered = calls.page(ORGANIZATION, wanted, limit=15, page=2)
    assert [item.call_id for item in first.items[15:]] == [item.call_id for item in numbered.items]
    if numbered.total_items <= 30:
        assert numbered.total_items == len(first.items)
        assert first.next_before_us is None
    else:
        last = -(-numbered.total_items // 1000)
        end = calls.page(ORGANIZATION, wanted, limit=1000, page=last)
        assert len(end.items) == numbered.total_items - (last - 1) * 1000
        assert calls.page(ORGANIZATION, wanted, limit=1000, page=last + 1).items == []
    assert (numbered.total_items == 0) == (name in NOTHING)


# ---------------------------------------------------------------------- words


async def found(database, query, **others):
    page = Calls(database).after(ORGANIZATION, CallFilter(text=query, **others), limit=50)
    assert Calls(database).page(ORGANIZATION, CallFilter(text=query, **others), limit=50, page=1).items == page.items
    return {item.call_id for item in page.items}


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("Hélène", True), ("HELENE", True), ("o'brien", True), ("brien", True), ("O’Brien", True), ("10:30", True),
        ("monday ten", True), ('"ten on monday"', True), ('"monday on ten"', False), ("tuesday", False),
        ("mon*", True), ("tue*", False), ("漢字", True), ("字漢", False), ("हिन्दी", True), ("straße", True),
        ("STRASSE", True),
        ("well-known", True), ("Agent", False), ("User", False), ("secret-tool", False), ("a@example.com", True),
        ("Hélène -ten", True), ("", True),
    ],
)  # fmt: skip
async def test_words_are_found_in_any_language_and_case(database, writer, begin, query, finds):
    talk = begin(writer)
    talk.say("Hélène O'Brien, at ten on Monday: 10:30, Straße")
    talk.say("ひらがな漢字 हिन्दी well-known a@example.com")
    talk.items += 1
    talk.add(e.TranscriptAdded(at=6.0, item_id=talk.items, role="tool", content='{"secret-tool": 1}'))
    talk.end()
    other = begin(writer, organization_id="another")
    other.say("Hélène O'Brien")
    await other.end()
    assert await found(database, query or None) == ({talk.record.call_id} if finds else set())


NASTY = [
    '"', "'", '"""', "a\"b", "(", ")", "(((", "AND", "OR NOT", "NEAR(a b)", "a:b", "^a", "*", "a**", "-", "--",
    "; DROP TABLE calls",
    "\\", "\\'", "'a':*", "a & b | !c <-> d", "\x00", "a\x00b", "\ud800", "💥", "%", "_", "{a}", "<->", ":*",
    "a" * 500, "é" * 500,
    "\u0301", "\u202e", "word " * 100, '"' * 499, "$$", "?", ":text", "%(text)s", "%s",
]  # fmt: skip


@pytest.mark.parametrize("query", NASTY, ids=range(len(NASTY)))
async def test_any_text_is_a_search(many, query):
    assert await found(many, query) is not None


async def test_a_call_is_found_from_its_end_on_and_by_what_its_transcript_became(database, writer, begin):
    talk = begin(writer)
    await talk.say("banana")
    assert await found(database, "banana") == set()
    await talk.end()
    assert await found(database, "banana") == {talk.record.call_id}
    changed = e.TranscriptAdded(at=5.0, item_id=1, role="user", content="cherry")
    await writer.amend(talk.record.call_id, ORGANIZATION, lambda _: [changed])
    assert await found(database, "banana") == set()
    assert await found(database, "cherry") == {talk.record.call_id}
    assert await found(database, "cherry", status="completed") == {talk.record.call_id}
    assert await found(database, "cherry", status="failed") == set()
    with database.write() as connection:
        connection.execute(text("DELETE FROM calls"))
    assert await found(database, "cherry") == set()


async def test_a_call_without_words_and_one_of_very_many_are_kept(database, writer, begin):
    silent, long = begin(writer), begin(writer)
    await silent.end()
    for part in range(30):
        long.say(" ".join(f"w{number}" for number in range(part * 2000, part * 2000 + 2000)))
    long.say("x" * 200_000)
    long.say("again " * 30_000)
    await long.end()
    assert await found(database, "w1") == {long.record.call_id}
    assert await found(database, "w30000") == {long.record.call_id}


async def test_an_answer_before_its_call_by_a_clock_set_back_is_still_found_by_time(database, writer, begin):
    talk = begin(writer, at=100_000.0)
    talk.add(e.StatusChanged(at=50_000.0, status=Status.IN_PROGRESS))
    await talk.futures[-1]
    calls = Calls(database)
    assert talk.record.start_at == 100_000.0
    assert len(calls.after(ORGANIZATION, CallFilter(start_lt_us=100_000_000_001), limit=5).items) == 1
