"""Calls are found by every filter, by both paginations, and read alike by the quick way and the long one."""

import json
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import event as sa_event

from offhook.record import events as e
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.calls import CallFilter, Calls

ORGANIZATION = "00000000-0000-4000-8000-000000000001"


def ids(page):
    return [item.call_id for item in page.items]


@pytest.mark.parametrize("limit", [1, 3, 7, 10, 50])
async def test_pages_by_cursor_give_every_call_once_newest_first_also_when_times_are_equal(
    database, writer, begin, limit
):
    talks = [begin(writer, at=at) for at in (1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 1.0, 2.0, 1.0, 1.0)]
    begin(writer, organization_id="another")
    await writer.flush()
    calls, seen, before = Calls(database), [], None
    while True:
        page = calls.after(ORGANIZATION, CallFilter(), limit=limit, before_us=before)
        assert len(page.items) <= limit
        seen += ids(page)
        before = page.next_before_us
        if before is None:
            break
    assert len(seen) == len(set(seen)) == 10
    assert seen[:4] == [talks[index].record.call_id for index in (5, 7, 4, 3)]


async def test_a_cursor_stays_good_while_new_calls_come(database, writer, begin):
    for at in range(1, 7):
        begin(writer, at=float(at))
    await writer.flush()
    calls = Calls(database)
    first = calls.after(ORGANIZATION, CallFilter(), limit=3)
    begin(writer, at=10.0)
    await writer.flush()
    rest = calls.after(ORGANIZATION, CallFilter(), limit=3, before_us=first.next_before_us)
    assert len({*ids(first), *ids(rest)}) == 6
    assert rest.next_before_us is None


async def test_pages_by_number_count_all(database, writer, begin):
    talks = [begin(writer, at=float(at)) for at in range(7)]
    await writer.flush()
    calls = Calls(database)
    pages = [calls.page(ORGANIZATION, CallFilter(), limit=3, page=number) for number in (1, 2, 3, 4)]
    assert [len(page.items) for page in pages] == [3, 3, 1, 0]
    assert {page.total_items for page in pages} == {7}
    assert [call_id for page in pages for call_id in ids(page)] == [talk.record.call_id for talk in talks[::-1]]


async def test_a_page_is_one_query_and_its_count_another(database, writer, begin):
    for _ in range(20):
        begin(writer)
    await writer.flush()
    asked = []
    sa_event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    calls = Calls(database)
    calls.after(ORGANIZATION, CallFilter(), limit=20)
    assert len([query for query in asked if query.startswith("SELECT")]) == 1
    calls.page(ORGANIZATION, CallFilter(), limit=20, page=1)
    assert len([query for query in asked if query.startswith("SELECT")]) == 3


@pytest.fixture
async def varied(database, writer, begin):
    """One call that every filter of the test below finds, and one that none does."""
    wanted = begin(
        writer, at=100.0, agent_id="agent", from_number="+1", to_number="+2", direction="outbound",
        metadata={"order": "A-7", "n": 7, "half": 0.5, "vip": True, "gone": None, "a.b c": "x", "é": "ü"},
    )  # fmt: skip
    wanted.add(
        e.AnswerTyped(at=101.0, answer_type="human"),
        e.VariableSet(at=102.0, name="day", variable_type="string", value="Monday"),
        e.StatusChanged(at=103.0, status=Status.IN_PROGRESS),
        e.StatusChanged(at=113.0, status=Status.COMPLETED, end_reason=EndReason(EndCode.AGENT_HUNG_UP, "agent")),
    )
    other = begin(writer, at=200.0, metadata={"order": "B", "n": 70, "vip": "yes"})
    other.end(260.0)
    begin(writer, at=300.0, call_type="web_call", direction=None, from_number=None, to_number=None)
    await writer.flush()
    return wanted.record.call_id


@pytest.mark.parametrize(
    "wanted",
    [
        {"agent_id": "agent"},
        {"from_number": "+1"},
        {"to_number": "+2"},
        {"direction": "outbound"},
        {"answer_type": "human"},
        {"end_reason": "agent_hung_up"},
        {"start_gt_us": 102_999_999, "start_lt_us": 103_000_001},
        {"start_lt_us": 103_000_001},
        {"duration_gt_s": 9, "duration_lt_s": 11},
        {"duration_gt_s": 9},
        {"status": "completed", "from_number": "+1"},
        {"type": "phone_call", "from_number": "+1"},
        {"variables": {"day": "Monday"}},
        {"metadata": {"order": "A-7", "n": "7"}},
        {"metadata": {"n": "7.0"}},
        {"metadata": {"half": "0.5"}},
        {"metadata": {"vip": "true"}},
        {"metadata": {"gone": "null"}},
        {"metadata": {"a.b c": "x"}},
        {"metadata": {"é": "ü"}},
    ],
)
async def test_each_filter_finds_what_fits_and_nothing_else(database, varied, wanted):
    calls = Calls(database)
    assert ids(calls.after(ORGANIZATION, CallFilter(**wanted), limit=10)) == [varied]
    page = calls.page(ORGANIZATION, CallFilter(**wanted), limit=10, page=1)
    assert (ids(page), page.total_items) == ([varied], 1)


@pytest.mark.parametrize(
    "wanted",
    [
        {"agent_id": "nobody"},
        {"start_gt_us": 103_000_000, "start_lt_us": 103_000_000},
        {"duration_gt_s": 10},
        {"metadata": {"order": "a-7"}},
        {"metadata": {"vip": "1"}},
        {"metadata": {"gone": ""}},
        {"metadata": {"order": "A-7' OR 1=1 --"}},
        {"variables": {"day": "Tuesday"}},
    ],
)
async def test_what_fits_no_call_finds_none(database, varied, wanted):
    assert ids(Calls(database).after(ORGANIZATION, CallFilter(**wanted), limit=10)) == []


async def test_blanked_fields_leave_every_other_digit_alone(database, writer, begin):
    talk = begin(writer)
    talk.say("hello")
    line = {"component": "stt", "quantity": "1", "unit": "minute", "unit_price": "0.00000015", "amount": "0.00000015"}
    await talk.add(e.Costed(at=9.0, lines=(line,)))
    stored = Calls(database).get(ORGANIZATION, talk.record.call_id)
    lean = stored.without(transcript=b"[]", transcript_string=b'""').with_urls("http://m", "http://c")
    assert json.loads(lean, parse_float=Decimal)["cost"] == Decimal("0.00000015")
    whole, shown = msgspec.json.decode(stored.with_urls("http://m", "http://c")), msgspec.json.decode(lean)
    assert whole["transcript_string"] == "User: hello"
    assert shown == {**whole, "transcript": [], "transcript_string": ""}
    assert shown["recording_url"] == "http://m"
