"""A database by its URL, and transactions that are what they say."""

import sys
import threading

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import InternalError

from offhook.errors import ConfigurationError
from offhook.settings import Settings
from offhook.store.database import Database, database_url
from offhook.store.organizations import Organizations
from offhook.store.tables import organizations

only_sqlite = pytest.mark.parametrize("make_database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("make_database_url", ["postgresql"], indirect=True)


@only_sqlite
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


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "not a database URL"),
        ("sqlite://", "needs a file"),
        ("mysql://h/d", "mysql is not supported"),
        ("postgresql://u:secret@127.0.0.1:1/d", r"postgresql://u:\*\*\*@127.0.0.1:1/d cannot be reached: .*refused"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_by_its_setting_without_its_password(url, told):
    with pytest.raises(ConfigurationError, match=f"OFFHOOK_DATABASE_URL: .*{told}") as caught:
        Database.open(url)
    assert "secret" not in str(caught.value)


def test_a_missing_driver_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"OFFHOOK_DATABASE_URL: .*pip install 'offhook\[postgres\]'"):
        Database("postgresql://h/d")


@only_postgresql
def test_a_database_that_does_not_exist_is_told(database, postgres):
    with pytest.raises(ConfigurationError, match=r"OFFHOOK_DATABASE_URL: .*nobodys.* does not exist"):
        Database.open(postgres.url("nobodys"))


@only_postgresql
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_usual_scheme_of_postgresql_is_understood(database_url, scheme):
    database = Database.open(database_url.replace("postgresql", scheme, 1))
    database.ping()
    with database.read() as connection:
        assert connection.execute(text("SHOW application_name")).scalar() == "offhook"
    database.close()


def test_a_database_of_a_newer_version_is_left_alone(database):
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer version"):
        database.upgrade()


@only_postgresql
def test_a_read_cannot_write(database):
    with pytest.raises(InternalError, match="read-only"), database.read() as connection:
        connection.execute(text("DELETE FROM organizations"))
    with database.write() as connection:
        connection.execute(text("DELETE FROM organizations"))


def test_starts_at_once_make_one_organization(database):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(Organizations(database).ensure_default().id)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
