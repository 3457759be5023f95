"""Calls as a file: CSV, JSON or JSON lines, read and written in batches, so that any number takes the same memory."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from offhook.agents.variables import BUILT_IN, render_value
from offhook.errors import NotFoundError
from offhook.store.agents import Agents
from offhook.store.questions import PostCallQuestions

BATCH = 100  # long calls have documents of 100 kB: some 10 MB at once
BOM = "\ufeff".encode()

# Calls' whole ``data`` as JSON, and the position where the next batch goes on (None: that was all).
Batch = tuple[list[bytes], int | None]
Read = Callable[[int | None], Batch]


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"

    @property
    def media_type(self) -> str:
        """Its content type."""
        return {
            Format.CSV: "text/csv; charset=utf-8; header=present",
            Format.JSON: "application/json",
            Format.JSONL: "application/jsonl",
        }[self]


@dataclass(frozen=True, slots=True)
class Columns:
    """Variables and post-call questions that have a column of their own; None: one column of JSON for all."""

    variables: tuple[str, ...]
    answers: tuple[str, ...]


def columns_of(agents: Agents, questions: PostCallQuestions, organization_id: str, agent_id: str) -> Columns | None:
    """The columns of one agent's calls: its newest version's variables and its questions; None for an unknown agent."""
    try:
        configuration = agents.latest(organization_id, agent_id).configuration
        asked = questions.all(organization_id, agent_id)
    except NotFoundError:
        return None
    holders = (configuration, *configuration.get("states", ()))
    names = [each["name"] for holder in holders for each in holder.get("variables", ())]
    variables = dict.fromkeys(name for name in names if name not in BUILT_IN)
    return Columns(tuple(variables), tuple(dict.fromkeys(question.name for question in asked)))


async def export(
    read: Read, kind: Format, columns: Columns | None = None, *, bom: bool = False
) -> AsyncIterator[bytes]:
    """The file, a batch of calls at a time, newest call first; what begins while it runs is not in it.

    ``read`` gives the calls before a position; it blocks, and runs in a thread. Raises what it raises.
    """
    writer = _CsvWriter(columns, bom=bom) if kind is Format.CSV else _JsonWriter(lines=kind is Format.JSONL)

    def batch(before_us: int | None) -> tuple[bytes, int | None]:
        calls, next_before_us = read(before_us)
        return writer.rows(calls), next_before_us

    written, before_us = await asyncio.to_thread(batch, None)
    yield writer.head + written
    while before_us is not None:
        written, before_us = await asyncio.to_thread(batch, before_us)
        yield written
    if writer.tail:
        yield writer.tail


class _JsonWriter:
    """An array, or a line a call."""

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._begun = False
        self.head, self.tail = (b"", b"") if lines else (b"[", b"]\n")

    def rows(self, calls: Sequence[bytes]) -> bytes:
        """Some more calls."""
        if self._lines:
            return b"".join(call + b"\n" for call in calls)
        text = b",\n".join(calls)
        between = b",\n" if self._begun and calls else b""
        self._begun = self._begun or bool(calls)
        return between + text


# Decimals keep their digits.
_CALL = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PLAIN = (
    "id", "status", "type", "direction", "from_number", "to_number", "agent_id", "agent_version", "created_at",
    "start_time", "end_time", "duration_seconds",
)  # fmt: skip
_END = ("end_reason", "end_party", "end_detail")
_MORE = ("answer_type", "cost", "summary", "transcript_string", "recording_url")
_WHOLE = ("variable_values", "post_call_answers")


class _CsvWriter:
    """RFC 4180, UTF-8, a header line; no cell is a formula."""

    tail = b""

    def __init__(self, columns: Columns | None, *, bom: bool) -> None:
        self._columns = columns
        self.head = (BOM if bom else b"") + _line(self._header())

    def rows(self, calls: Sequence[bytes]) -> bytes:
        """Some more calls."""
        return b"".join(_line(self._cells(_CALL.decode(call))) for call in calls)

    def _header(self) -> list[str]:
        names = [*_PLAIN, *_END, *_MORE, "metadata"]
        if self._columns is None:
            return [*names, *_WHOLE]
        variables = [f"variable.{name}" for name in self._columns.variables]
        return [*names, *variables, *(f"answer.{name}" for name in self._columns.answers)]

    def _cells(self, call: dict[str, Any]) -> list[str]:
        end = call["end_reason"] or {}
        values = [call.get(name) for name in _PLAIN]
        values += [end.get(name) for name in ("code", "party", "detail")]
        values += [call.get(name) for name in _MORE]
        values.append(call["metadata"] or None)
        variables = {each["name"]: each["value"] for each in call["variable_values"]}
        answers = {each["question"]["name"]: _answer(each) for each in call["post_call_answers"]}
        if self._columns is None:
            values += [variables or None, answers or None]
        else:
            values += [variables.get(name) for name in self._columns.variables]
            values += [answers.get(name) for name in self._columns.answers]
        return [cell(value) for value in values]


def _answer(answer: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    chosen = [each["option"]["value"] for each in answer["selected_options"]]
    if chosen:
        several = answer["question"]["question_type"] == "multiple_choice"
        return chosen if several else chosen[0]
    given = (answer["answer_text"], answer["answer_number"], answer["answer_boolean"])
    return next((value for value in given if value is not None), None)


# What spreadsheets take as the beginning of a formula (OWASP, "CSV Injection"), also in full width and after blanks.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
# A number, also of a phone, computes nothing.
_NUMBER = re.compile(r"[+\-]?[0-9]+(\.[0-9]+)?")


def cell(value: object) -> str:
    """A value as text. One that a spreadsheet would compute gets an apostrophe before it, which makes it text there."""
    if isinstance(value, Decimal):
        text = format(value, "f")
    elif isinstance(value, dict | list):
        text = _ENCODER.encode(value).decode()
    else:
        text = render_value(value)  # type: ignore[arg-type]  # the rest of JSON: text, numbers, booleans, null
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
