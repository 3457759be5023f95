"""``offhook db``: the database's schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.connect import noun
from offhook.cli.output import Output
from offhook.settings import load_settings

app = noun("The database.")


@app.callback()
def _root() -> None:
    """Make ``db`` a group although it has one command."""


@app.command("upgrade")
def upgrade(
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="OFFHOOK_DATA_DIR when absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Bring the database to this version's schema; makes it when there is none."""
    from offhook.store.database import Database, database_url  # noqa: PLC0415 - SQLAlchemy costs 200 ms

    database = Database.open(database_url(load_settings(data_dir=data_dir)))
    try:
        shown = database.shown
    finally:
        database.close()
    Output(as_json).record({"database": shown, "upgraded": True}, f"{shown}: up to date")
