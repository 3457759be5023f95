"""``offhook trunks``: the SIP trunks that calls come and go by."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from offhook.cli.backend import NewTrunk
from offhook.cli.connect import Desk, connected, noun

app = noun("SIP trunks.")


class Transport(StrEnum):
    """What carries the signalling."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@app.command("add")
@connected
async def add(
    desk: Desk,
    name: Annotated[str, typer.Argument(help="A name for people.")],
    host: Annotated[str, typer.Option("--host", help="The carrier's SIP server.")],
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="The transport's when absent.")] = None,
    transport: Annotated[Transport, typer.Option("--transport")] = Transport.UDP,
    username: Annotated[str | None, typer.Option("--username")] = None,
    password: Annotated[
        str | None,
        typer.Option("--password", envvar="OFFHOOK_TRUNK_PASSWORD", help="Better in the environment than typed."),
    ] = None,
    register: Annotated[bool, typer.Option("--register", help="Register there, to be called.")] = False,
    allow: Annotated[list[str] | None, typer.Option("--allow", help="A network its calls come from.")] = None,
) -> None:
    """Add a SIP trunk."""
    trunk = NewTrunk(name, host, port, transport.value, username, password, register, tuple(allow or ()))
    made = await desk.backend.add_trunk(trunk)
    desk.output.record(made, f"{made['id']}  {name}: {host} by {transport.value}")


@app.command("list")
@connected
async def list_trunks(desk: Desk) -> None:
    """Show the trunks."""
    columns = {"id": "id", "name": "name", "host": "host", "transport": "transport", "username": "username"}
    desk.output.rows(await desk.backend.list_trunks(), columns)
