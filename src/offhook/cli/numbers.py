"""``offhook numbers``: the phone numbers that agents answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from offhook.cli.connect import Desk, connected, noun

app = noun("Phone numbers.")


class NumberKind(StrEnum):
    """How calls of a number arrive."""

    SIP = "sip"
    PSTN = "pstn"


@app.command("add")
@connected
async def add(
    desk: Desk,
    number: Annotated[str, typer.Argument(help="E.164 such as +33123456789, or a SIP user name.")],
    kind: Annotated[NumberKind | None, typer.Option("--type", help="By its shape when absent.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="ID", help="The agent that answers.")] = None,
    trunk: Annotated[str | None, typer.Option("--trunk", metavar="ID", help="The trunk it belongs to.")] = None,
) -> None:
    """Add a phone number."""
    kind = kind or (NumberKind.PSTN if number.startswith("+") else NumberKind.SIP)
    made = await desk.backend.add_number(number, kind.value, agent, trunk)
    answered = f"answered by agent {agent}" if agent else "no agent answers it yet"
    desk.output.record(made, f"{made['id']}  {made['number']}: {answered}")


@app.command("list")
@connected
async def list_numbers(desk: Desk) -> None:
    """Show the phone numbers."""
    columns = {"id": "id", "number": "number", "type": "type", "agent": "inbound_agent_id", "name": "name"}
    desk.output.rows(await desk.backend.list_numbers(), columns)
