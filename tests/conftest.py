"""Databases for the tests: each test has a fresh one, of either kind."""

import itertools
import shutil

import pytest

from offhook.store.database import Database, sqlite_url
from offhook.testing.postgres import PostgresServer

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres():
    """The session's PostgreSQL server; started by the first test that needs one, ended with the last."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres):
    """Name of a database with the newest schema, to be copied."""
    name = postgres.make_database()
    Database.open(postgres.url(name)).close()
    return name


@pytest.fixture(scope="session")
def postgres_spares():
    """Names of databases that tests have used and that are as new again."""
    return []


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """Path of a database file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "offhook.db"
    Database.open(sqlite_url(path)).close()
    return path


@pytest.fixture(params=DATABASES)
def make_database_url(request, tmp_path):
    """Makes databases of each kind in turn; ``empty`` ones have no table yet. All are gone after the test."""
    numbers, made = itertools.count(1), []

    def sqlite(*, empty=False):
        path = tmp_path / f"offhook{next(numbers)}.db"
        if not empty:
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        return sqlite_url(path)

    def postgresql(*, empty=False):
        server, spares = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_spares")
        if empty:
            name = server.make_database()
        else:
            name = spares.pop() if spares else server.make_database(request.getfixturevalue("postgres_template"))
        made.append((name, empty))
        return server.url(name)

    yield sqlite if request.param == "sqlite" else postgresql
    for name, was_empty in made:
        server = request.getfixturevalue("postgres")
        if not was_empty and server.empty(name):
            request.getfixturevalue("postgres_spares").append(name)
        else:
            server.drop_database(name)


@pytest.fixture
def database_url(make_database_url):
    """A fresh database with the newest schema."""
    return make_database_url()
