"""Running the migrations."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from offhook.store.database import MIGRATIONS


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for one connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection, revision: str) -> None:
    """Bring the schema to a revision (``head``: the newest)."""
    command.upgrade(alembic_config(connection), revision)
