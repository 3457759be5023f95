"""Exports: every call once, one batch at a time, and no cell that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest

from offhook.record import events as e
from offhook.record.fold import encode
from offhook.review.export import Columns, Format, cell, export

from .conftest import T, record_of

ANSWERS = (
    e.PostCallAnswer(id="1", question_id="q1", name="Day", description="?", question_type="text", text="=1+1"),
    e.PostCallAnswer(
        id="2", question_id="q2", name="Topics", description="?", question_type="multiple_choice",
        selected=(e.SelectedOption("o1", "A"), e.SelectedOption("o2", "B")),
    ),
)  # fmt: skip


def documents(count=1, **created):
    line = {"component": "x", "quantity": "1", "unit": "u", "unit_price": "0.0000001", "amount": "0.0000001"}
    extra = [
        e.VariableSet(at=T, name="city", variable_type="string", value="Évry"),
        e.VariableSet(at=T, name="age", variable_type="number", value=41),
        e.Costed(at=T, lines=(line,)),
        e.Reviewed(at=T, answers=ANSWERS, summary="One, two.", done=True),
    ]
    record = record_of(("agent", 'He said "hi"'), ("user", "=HYPERLINK(1)"), extra=extra, **created)
    return [encode({**record.to_api(), "id": f"call-{number}"}) for number in range(count)]


def reader(calls, batch=2):
    """Pages as the store gives them, and how many were asked for."""
    asked = []

    def read(before_us):
        asked.append(before_us)
        first = before_us or 0
        more = first + batch if len(calls) > first + batch else None
        return calls[first : first + batch], more

    return read, asked


async def exported(calls, kind, columns=None, **options):
    read, _ = reader(calls)
    return b"".join([chunk async for chunk in export(read, kind, columns, **options)])


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
async def test_every_format_holds_each_call_once_in_order(count):
    calls = documents(count)
    ids = [f"call-{number}" for number in range(count)]
    assert [row["id"] for row in table(await exported(calls, Format.CSV))] == ids
    assert [row["id"] for row in json.loads(await exported(calls, Format.JSON))] == ids
    assert [json.loads(line)["id"] for line in (await exported(calls, Format.JSONL)).splitlines()] == ids


async def test_json_keeps_every_field_and_digit():
    (call,) = documents()
    (shown,) = json.loads(await exported([call], Format.JSON), parse_float=Decimal)
    assert shown == json.loads(call, parse_float=Decimal)
    assert shown["cost"] == Decimal("0.0000001")


async def test_csv_has_a_header_and_json_cells_where_the_columns_are_not_known():
    (row,) = table(await exported(documents(), Format.CSV))
    assert (row["status"], row["end_reason"], row["end_party"]) == ("completed", "caller_hung_up", "caller")
    assert (row["cost"], row["duration_seconds"], row["answer_type"]) == ("0.0000001", "40", "")
    assert row["transcript_string"] == 'Agent: He said "hi"\nUser: =HYPERLINK(1)'
    assert json.loads(row["variable_values"]) == {"city": "Évry", "age": 41}
    assert json.loads(row["post_call_answers"]) == {"Day": "=1+1", "Topics": ["A", "B"]}


async def test_an_agents_variables_and_questions_are_columns():
    columns = Columns(("city", "never"), ("Day", "Topics"))
    (row,) = table(await exported(documents(), Format.CSV, columns))
    assert (row["variable.city"], row["variable.never"]) == ("Évry", "")
    assert (row["answer.Day"], row["answer.Topics"]) == ("'=1+1", '["A","B"]')


async def test_csv_lines_end_as_rfc_4180_says_and_a_mark_of_utf_8_is_there_when_asked_for():
    data = await exported(documents(), Format.CSV, bom=True)
    assert data.startswith(b"\xef\xbb\xbfid,status,")
    assert data.endswith(b"\r\n")
    assert not (await exported(documents(), Format.CSV)).startswith(b"\xef")


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "-", "+33 1 (x)", "\tx"],
)
def test_what_a_spreadsheet_would_compute_is_made_text(value):
    assert cell(value) == f"'{value}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("+33123456789", "+33123456789"), (-5, "-5"), (-2.5, "-2.5"), (Decimal("-0.00000012"), "-0.00000012"),
        ("a=b", "a=b"), (None, ""), (True, "true"), ({"a": "=1"}, '{"a":"=1"}'), ("sip:a@b", "sip:a@b"), ("", ""),
    ],
)  # fmt: skip
def test_numbers_and_harmless_text_stay_as_they_are(value, text):
    assert cell(value) == text


async def test_a_batch_is_read_when_the_one_before_was_taken():
    read, asked = reader(documents(7))
    chunks = export(read, Format.JSONL)
    for number in range(1, 5):
        await anext(chunks)
        assert len(asked) == number
    assert [chunk async for chunk in chunks] == []
