"""The database by URL: SQLite in the data directory by default, PostgreSQL by setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry

from offhook.errors import ConfigurationError
from offhook.settings import Settings

FILE_NAME = "offhook.db"
# A writer waits this long for another process (the command line beside a server) before it gives up.
BUSY_TIMEOUT_MS = 5000
_ENGINE: dict[str, Any] = {
    # What people said on the phone must not come out in the text of a database error.
    "hide_parameters": True,
    # Characters as they are: SQLite finds no key by a JSON path that is stored as an escape.
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
}
MIGRATIONS = Path(__file__).parent / "migrations"


def database_url(settings: Settings) -> str:
    """The URL that the settings mean; makes the data directory when the database lives in it."""
    if settings.database_url:
        return settings.database_url
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return sqlite_url(settings.data_dir / FILE_NAME)


def sqlite_url(path: Path) -> str:
    """URL of a SQLite file."""
    return f"sqlite:///{path.resolve()}"


class Database:
    """An engine and the two ways to use it: ``read`` (one snapshot) and ``write`` (one transaction)."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except Exception as error:
            raise ConfigurationError(f"OFFHOOK_DATABASE_URL: not a database URL: {error}") from error
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and not self.url.database:
            raise ConfigurationError("OFFHOOK_DATABASE_URL: SQLite needs a file: sqlite:////path/to/offhook.db")
        self.engine = (
            _sqlite_engine(str(self.url)) if self.is_sqlite else create_engine(self.url, pool_pre_ping=True, **_ENGINE)
        )

    @classmethod
    def open(cls, url: str) -> Database:
        """Open a database and bring its schema up to date."""
        database = cls(url)
        database.upgrade()
        return database

    def upgrade(self, revision: str = "head") -> None:
        """Run the migrations that are missing."""
        with self.engine.connect() as connection:
            if revision == "head" and _revision(connection) == newest_revision():
                return
        # Only who needs a migration waits 0.1 s for the tool and keeps its 10 MB.
        from offhook.store.migrate import migrate  # noqa: PLC0415

        with self.engine.connect() as connection:
            migrate(connection, revision)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        with self.engine.connect().execution_options(offhook_read=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; on SQLite it takes the write lock at its beginning, so it never has to start over."""
        with self.engine.begin() as connection:
            yield connection

    def ping(self) -> None:
        """Ask the database something; raises what the driver raises when it is gone."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def upgrade(url: str) -> None:
    """Bring the schema of a database up to date."""
    database = Database.open(url)
    database.close()


def newest_revision() -> str:
    """The schema's newest revision: a migration's file begins with its number, and one follows another."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    """The revision that the database has; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, **_ENGINE)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a driver's own object
        # sqlite3 would begin transactions by itself, deferred; `_begun` begins them as they need.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",  # readers and the writer don't wait for each other
            "synchronous=FULL",  # group commit keeps it to fifty syncs a second; nothing confirmed is lost
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reading = connection.get_execution_options().get("offhook_read", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
