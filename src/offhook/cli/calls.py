"""``offhook calls``: what became of calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.backend import CallFilter
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
    draft = to.with_name(f".{to.name}.part")
    size = 0
    try:
        with draft.open("wb") as file:
            async for chunk in desk.backend.recording(call_id, channels=channels, wav=to.suffix == ".wav"):
                size += file.write(chunk)
        draft.replace(to)
    except OSError as error:
        raise ConfigurationError(f"-o: {to} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    desk.output.record({"call_id": call_id, "file": str(to), "bytes": size}, f"{to}: {size} bytes")


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
    return [*lines, "", call.get("transcript_string") or "(nothing was said)"]
