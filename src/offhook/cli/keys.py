"""``offhook keys``: API keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from offhook.cli.connect import Desk, connected, noun

app = noun("API keys.")


class Scope(StrEnum):
    """What a key may do."""

    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    ADMIN = "admin"


@app.command("create")
@connected
async def create(
    desk: Desk,
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    scope: Annotated[list[Scope] | None, typer.Option("--scope", help="Repeatable; all when absent.")] = None,
    expires: Annotated[int | None, typer.Option("--expires", metavar="DAYS", min=1, help="Never when absent.")] = None,
) -> None:
    """Make an API key and print it, this once."""
    key = await desk.backend.create_key(name, [one.value for one in scope or [Scope.ADMIN]], expires)
    desk.output.record(key, key["key"])
    if not desk.output.as_json:
        desk.output.note("Keep it: it is not shown again.")


@app.command("list")
@connected
async def list_keys(desk: Desk) -> None:
    """Show the API keys, without their secrets."""
    columns = {
        "id": "id",
        "name": "name",
        "key": "prefix",
        "scopes": "scopes",
        "created": "created_at",
        "last used": "last_used_at",
        "expires": "expires_at",
        "revoked": "revoked_at",
    }
    desk.output.rows(await desk.backend.list_keys(), columns)


@app.command("revoke")
@connected
async def revoke(desk: Desk, key_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Make an API key useless, at once."""
    await desk.backend.revoke_key(key_id)
    desk.output.record({"id": key_id, "revoked": True}, f"{key_id}: revoked")
