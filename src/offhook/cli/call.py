"""``offhook call``: place a call, and follow it live."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from offhook.cli.backend import Backend, Data, NewCall
from offhook.cli.connect import Desk, connected
from offhook.cli.output import Output
from offhook.errors import OffhookError
from offhook.record.lifecycle import FINAL, Status

POLL_S = 0.5  # a transcript's line is in the database within a second of being said
SPEAKERS = {"agent": "Agent", "user": "User"}


@connected
async def call(
    desk: Desk,
    to: Annotated[str, typer.Argument(metavar="TO", help="A number (+33…) or a SIP URI (sip:me@host).")],
    from_number: Annotated[str, typer.Option("--from", metavar="NUMBER", help="One of your numbers.")],
    agent: Annotated[str, typer.Option("--agent", metavar="ID", help="The agent that talks.")],
    var: Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Repeatable.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the call until it ends.")] = False,
) -> None:
    """Place a call. With --watch the exit code is 0 only if the call was answered and completed."""
    call_id = await desk.backend.start_call(NewCall(to, from_number, agent, dict(map(_variable, var or []))))
    if not watch:
        desk.output.record({"call_id": call_id}, call_id)
        return
    record = await follow(desk.backend, desk.output, call_id)
    if desk.output.as_json:
        desk.output.json(record)
    if record["status"] not in (Status.COMPLETED, Status.REDIRECTION_COMPLETED):
        raise OffhookError(f"call {call_id} ended {record['status']}")


async def follow(backend: Backend, output: Output, call_id: str) -> Data:
    """Tell each step and line of a call as it happens, until it is final; answers the record."""
    status, told = "", 0
    while True:
        record = await backend.get_call(call_id)
        if record["status"] != status:
            status = record["status"]
            output.note(f"[{status}]")
        final = status in FINAL
        items = record["transcript"]
        # The last item may still grow: it is told once it has ended, or another follows.
        ready = len(items) if final or (items and items[-1].get("end_time")) else len(items) - 1
        for item in items[told : max(told, ready)]:
            if item["role"] in SPEAKERS and item["content"]:
                output.note(f"{SPEAKERS[item['role']]}: {item['content']}")
        told = max(told, ready)
        if final:
            return record
        await asyncio.sleep(POLL_S)


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--var")
    return name, value
