"""``offhook calls``: what became of calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.backend import CallFilter, ExportFilter
from offhook.cli.connect import Desk, connected, noun
from offhook.errors import ConfigurationError
from offhook.record.lifecycle import Status

app = noun("Calls and their records.")


@app.command("list")
@connected
async def list_calls(
    desk: Desk,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 20,
    agent: Annotated[str | None, typer.Option("--agent", metavar="ID")] = None,
    status: Annotated[Status | None, typer.Option("--status")] = None,
) -> None:
    """Show calls, newest first."""
    calls = await desk.backend.list_calls(CallFilter(limit, agent, status.value if status else None))
    columns = {
        "id": "id",
        "created": "created_at",
        "direction": "direction",
        "from": "from_number",
        "to": "to_number",
        "status": "status",
        "seconds": "duration_seconds",
        "end": "end_reason.code",
    }
    desk.output.rows(calls, columns)


@app.command("show")
@connected
async def show(desk: Desk, call_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show a call: facts and transcript; with --json the whole record."""
    call = await desk.backend.get_call(call_id)
    if desk.output.as_json:
        desk.output.json(call)
        return
    for line in describe(call):
        print(line)


@app.command("export")
@connected
async def export(
    desk: Desk,
    to: Annotated[Path, typer.Option("-o", "--output", help="File to write: .csv, .json or .jsonl.")],
    agent: Annotated[str | None, typer.Option("--agent", metavar="ID", help="CSV: a column for each variable.")] = None,
    status: Annotated[Status | None, typer.Option("--status")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Answered after (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Answered before (UTC).")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="CSV: mark it as UTF-8, as Excel needs it.")] = False,
) -> None:
    """Save calls with all their fields, newest first."""
    kind = to.suffix.removeprefix(".")
    if kind not in {"csv", "json", "jsonl"}:
        raise ConfigurationError(f"-o: {to}: the name must end in .csv, .json or .jsonl")
    wanted = ExportFilter(kind, agent, status.value if status else None, since, until, bom)
    size = await _save(to, desk.backend.export_calls(wanted))
    desk.output.record({"file": str(to), "bytes": size}, f"{to}: {size} bytes")


@app.command("recording")
@connected
async def recording(
    desk: Desk,
    call_id: Annotated[str, typer.Argument(metavar="ID")],
    to: Annotated[Path, typer.Option("-o", "--output", help="File to write: .ogg (Opus) or .wav.")],
    channels: Annotated[bool, typer.Option("--channels", help="Left the caller, right the agent.")] = False,
) -> None:
    """Save a call's recording."""
    if to.suffix not in (".ogg", ".wav"):
        raise ConfigurationError(f"-o: {to}: the name must end in .ogg or .wav")
    size = await _save(to, desk.backend.recording(call_id, channels=channels, wav=to.suffix == ".wav"))
    desk.output.record({"call_id": call_id, "file": str(to), "bytes": size}, f"{to}: {size} bytes")


async def _save(to: Path, chunks: AsyncIterator[bytes]) -> int:
    """Write a file whole or not at all; its size."""
    draft = to.with_name(f".{to.name}.part")
    size = 0
    try:
        with draft.open("wb") as file:
            async for chunk in chunks:
                size += file.write(chunk)
        draft.replace(to)
    except OSError as error:
        raise ConfigurationError(f"-o: {to} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return size


def describe(call: dict[str, Any]) -> list[str]:
    """A call's record for people, a line each."""
    from offhook.cli.output import cell  # noqa: PLC0415

    reason = call.get("end_reason") or {}
    facts = {
        "call": call["id"],
        "status": call["status"],
        "from, to": f"{cell(call.get('from_number'))} → {cell(call.get('to_number'))} ({cell(call.get('direction'))})",
        "agent": call["agent_id"],
        "started": cell(call.get("start_time")),
        "seconds": cell(call.get("duration_seconds")),
        "ended": " ".join(filter(None, (reason.get("code"), reason.get("detail")))) or "-",
        "cost": cell(call.get("cost")),
        "recording": cell(call.get("recording_url")),
    }
    lines = [f"{name:10} {value}" for name, value in facts.items()]
    lines += [f"{'variable':10} {item['name']} = {item['value']}" for item in call.get("variable_values", [])]
    lines += [
        f"{'answer':10} {each['question']['name']} = {_answer(each)}" for each in call.get("post_call_answers", [])
    ]
    lines += [f"{'summary':10} {call['summary']}"] if call.get("summary") else []
    return [*lines, "", call.get("transcript_string") or "(nothing was said)"]


def _answer(answer: dict[str, Any]) -> str:
    from offhook.cli.output import cell  # noqa: PLC0415

    chosen = ", ".join(each["option"]["value"] for each in answer["selected_options"])
    given = (answer["answer_text"], answer["answer_number"], answer["answer_boolean"])
    return chosen or cell(next((value for value in given if value is not None), None))
