"""The database by URL: SQLite in the data directory by default, PostgreSQL by setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from offhook.errors import ConfigurationError
from offhook.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

FILE_NAME = "offhook.db"
# A writer waits this long for another process (the command line beside a server) before it gives up.
BUSY_TIMEOUT_MS = 5000
MIGRATION_TIMEOUT_MS = 600_000
_ENGINE: dict[str, Any] = {
    # What people said on the phone must not come out in the text of a database error.
    "hide_parameters": True,
    # Characters as they are: SQLite finds no key by a JSON path that is stored as an escape.
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
}
_BACKENDS = frozenset({"sqlite", "postgresql", "postgres"})
_READ_SQLITE: dict[str, Any] = {"offhook_read": True}
_READ_POSTGRESQL: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# What libpq is told unless the URL says else. A server that vanished without a word is noticed in half a minute.
_CONNECT: dict[str, Any] = {
    "application_name": "offhook",
    # Compiling a query costs more than any of ours takes; the server would do it for those it believes to be long.
    "options": "-c jit=off",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
# Requests run on up to forty threads, few of which wait for the database at one time; PostgreSQL takes a hundred
# connections unless told else, and several processes share them.
POOL_SIZE = 10
POOL_WAIT_S = 5.0
ALONE = 0x0FF_400C  # the number of our advisory lock; any would do that others don't use
_ROLLED_BACK = frozenset({"40001", "40P01"})  # serialization failure, deadlock
MOST_TRIES = 5
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
        backend = self.url.drivername.partition("+")[0]
        if backend not in _BACKENDS:
            raise ConfigurationError(
                f"OFFHOOK_DATABASE_URL: {backend} is not supported; sqlite:////path/to/offhook.db or postgresql://…"
            )
        self.is_sqlite = backend == "sqlite"
        if self.is_sqlite and not self.url.database:
            raise ConfigurationError("OFFHOOK_DATABASE_URL: SQLite needs a file: sqlite:////path/to/offhook.db")
        self.engine = _sqlite_engine(str(self.url)) if self.is_sqlite else _postgresql_engine(self.url)
        self._reading = _READ_SQLITE if self.is_sqlite else _READ_POSTGRESQL

    @classmethod
    def open(cls, url: str) -> Database:
        """Open a database and bring its schema up to date. Raises ConfigurationError when it can't be reached."""
        database = cls(url)
        try:
            database.engine.connect().close()
        except DBAPIError as error:
            database.close()
            raise ConfigurationError(
                f"OFFHOOK_DATABASE_URL: {database.shown} cannot be reached: {first_line(error)}"
            ) from error
        database.upgrade()
        return database

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.difference_update_query(["password"]).render_as_string(hide_password=True)

    def product(self) -> str:
        """What answers, with its version, as ``PostgreSQL 18.1``; raises what the driver raises when nothing does."""
        query = "SELECT sqlite_version()" if self.is_sqlite else "SHOW server_version"
        with self.read() as connection:
            version = str(connection.execute(text(query)).scalar())
        return f"{'SQLite' if self.is_sqlite else 'PostgreSQL'} {version.split(maxsplit=1)[0]}"

    def upgrade(self, revision: str = "head") -> None:
        """Run the migrations that are missing. Raises ConfigurationError for a schema newer than this version's."""
        with self.read() as connection:  # a reader waits for nobody
            found = _revision(connection)
        newest = newest_revision()
        if revision == "head" and found == newest:
            return
        if found is not None and found > newest:
            raise ConfigurationError(
                f"OFFHOOK_DATABASE_URL: {self.shown} has the schema of a newer version ({found}); install that version"
            )
        # Only who needs a migration waits 0.1 s for the tool and keeps its 10 MB.
        from offhook.store.migrate import migrate  # noqa: PLC0415

        with self.engine.connect() as connection, self._patience(connection):
            migrate(connection, revision)

    @contextmanager
    def _patience(self, connection: Connection) -> Iterator[None]:
        """On SQLite, wait as long for another process's migration as one of a large database may take."""
        driver: Any = connection.connection.driver_connection
        if not self.is_sqlite:
            yield
            return
        driver.execute(f"PRAGMA busy_timeout = {MIGRATION_TIMEOUT_MS}")
        try:
            yield
        finally:
            driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        with self.engine.connect().execution_options(**self._reading) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Connection]:
        """One transaction. On SQLite there is one at a time, and it never has to start over.

        On PostgreSQL many run at once: rows that a decision rests on are read ``with_for_update``, and where there is
        no row yet to lock, ``alone`` lets in one such transaction of the installation at a time.
        """
        with self.engine.begin() as connection:
            if alone and not self.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(ALONE)))
            yield connection

    def insert_if_new(self, connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert a row unless one stands in its way; whether it was inserted. Waits for one that is being written."""
        statement = (sqlite.insert if self.is_sqlite else postgresql.insert)(table).on_conflict_do_nothing()
        return connection.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount == 1

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


def unavailable(error: BaseException) -> bool:
    """Whether the database, not the statement, is at fault: away, full, locked, restarting; trying again may help."""
    if isinstance(error, OperationalError | PoolTimeoutError):
        return True
    # 25…: after a failover the server we are connected to may only read. 42P01: a table is missing, as in a database
    # that is being restored; SQLite calls it an operational error, too.
    state = sqlstate(error)
    return isinstance(error, DBAPIError) and (error.connection_invalidated or state[:2] == "25" or state == "42P01")


def clashed(error: BaseException) -> bool:
    """Whether the statement met another transaction's: a deadlock, or one of two that could not both be right."""
    return isinstance(error, IntegrityError) or sqlstate(error) in _ROLLED_BACK


def retried(change: Callable[P, T]) -> Callable[P, T]:
    """For a change in a transaction of its own: when a deadlock cost it that, it is made again, as new."""

    @wraps(change)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(MOST_TRIES - 1):
            try:
                return change(*args, **kwargs)
            except DBAPIError as error:
                if sqlstate(error) not in _ROLLED_BACK:
                    raise
        return change(*args, **kwargs)

    return run


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's five letters for an error; "" where there are none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def newest_revision() -> str:
    """The schema's newest revision: a migration's file begins with its number, and one follows another."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    """The revision that the database has; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _json_for_postgresql(value: object) -> str:
    """JSON without the one character that PostgreSQL's has no room for; what a model made up may hold it."""
    found = msgspec.json.encode(value)
    if b"\\u0000" in found:
        found = msgspec.json.encode(_without_nul(msgspec.json.decode(found)))
    return found.decode()


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    return value


def _postgresql_engine(url: URL) -> Engine:
    defaults = {name: value for name, value in _CONNECT.items() if name not in url.query}
    try:
        import asyncpg  # noqa: F401, PLC0415 - the other driver, of the hot reads: rather missed now than then

        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=defaults,
            pool_pre_ping=True,  # a connection that died while it lay in the pool is replaced unseen
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=POOL_WAIT_S,
            **{**_ENGINE, "json_serializer": _json_for_postgresql},
        )
    except ImportError as error:
        raise ConfigurationError(
            f"OFFHOOK_DATABASE_URL: PostgreSQL needs its drivers: pip install 'offhook[postgres]' ({error})"
        ) from error


def first_line(error: DBAPIError) -> str:
    """What the driver says, without what SQLAlchemy adds."""
    return (str(error.orig).splitlines() or [type(error.orig).__name__])[0]


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
