"""The schema: migrations lead to exactly the tables, and a transaction is what it says."""

import sqlite3
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select

from offhook.errors import ConfigurationError
from offhook.settings import Settings
from offhook.store.database import Database, database_url, sqlite_url, upgrade
from offhook.store.tables import metadata, organizations


def test_migrations_lead_to_exactly_the_tables(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrated_schema_is_word_for_word_that_of_the_tables(database, tmp_path):
    made = Database(sqlite_url(tmp_path / "made.db"))
    with made.engine.begin() as connection:
        metadata.create_all(connection)
    made.close()

    def objects(path):
        with sqlite3.connect(path) as connection:
            rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        # Text differs in blanks and in the order of constraints only.
        return {
            (kind, name, table, "".join(sorted((sql or "").replace("\t", "").replace("\n", "").replace(" ", ""))))
            for kind, name, table, sql in rows
            if "alembic" not in table and not name.startswith("sqlite_autoindex")
        }

    assert objects(database.url.database) == objects(tmp_path / "made.db")


def test_upgrading_again_changes_nothing(database):
    with database.write() as connection:
        connection.execute(
            insert(organizations),
            {"id": "o", "name": "n", "currency": "EUR", "price_list": {}, "limits": {}, "created_us": 1},
        )
    upgrade(database.url.render_as_string())
    with database.read() as connection:
        assert connection.execute(select(organizations.c.name)).scalars().all() == ["n"]


def test_processes_may_upgrade_at_once(path):
    code = "import sys; from offhook.store.database import upgrade; upgrade(sys.argv[1])"
    running = [
        subprocess.Popen([sys.executable, "-c", code, sqlite_url(path)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in running:
        _, said = process.communicate()
        assert process.returncode == 0, said


def test_sqlite_syncs_waits_and_reads_beside_the_writer(database):
    with database.read() as connection:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_reader_sees_one_state_while_a_writer_commits(database):
    row = {"name": "n", "currency": "EUR", "price_list": {}, "limits": {}, "created_us": 1}
    with database.read() as reader:
        assert reader.execute(select(organizations.c.id)).all() == []
        with database.write() as writer:
            writer.execute(insert(organizations), {**row, "id": "o"})
        assert reader.execute(select(organizations.c.id)).all() == []
    with database.read() as reader:
        assert reader.execute(select(organizations.c.id)).scalars().all() == ["o"]


def test_a_failed_transaction_leaves_nothing(database):
    row = {"name": "n", "currency": "EUR", "price_list": {}, "limits": {}, "created_us": 1}

    def fail():
        with database.write() as connection:
            connection.execute(insert(organizations), {**row, "id": "o"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert connection.execute(select(organizations.c.id)).all() == []


def test_the_database_lives_in_the_data_directory_unless_a_url_says_else(tmp_path):
    data = tmp_path / "data"
    assert database_url(Settings(data_dir=data)) == f"sqlite:///{data.resolve()}/offhook.db"
    assert data.stat().st_mode & 0o777 == 0o700
    assert database_url(Settings(data_dir=data, database_url="postgresql://h/d")) == "postgresql://h/d"


@pytest.mark.parametrize("url", ["nonsense", "sqlite://"])
def test_a_url_that_is_none_is_refused_by_its_setting(url):
    with pytest.raises(ConfigurationError, match="OFFHOOK_DATABASE_URL"):
        Database(url)
