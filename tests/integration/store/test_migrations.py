"""The schema: migrations lead to exactly the tables, from every version and with data in it, on both databases."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Integer, LargeBinary, MetaData, String, Text, insert, select, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import JSON

from offhook.store.calls import CallFilter, Calls
from offhook.store.database import MIGRATIONS, Database, newest_revision, upgrade
from offhook.store.tables import metadata, organizations

SCRIPTS = ScriptDirectory(str(MIGRATIONS))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]

# Everything that the databases' own catalogues know of a schema, but for the order of columns.
CATALOGUE = {
    "sqlite": [
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex%'",
    ],
    "postgresql": [
        """SELECT table_name, column_name, data_type, is_nullable, character_maximum_length, column_default,
                  generation_expression FROM information_schema.columns WHERE table_schema = 'public'""",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
           WHERE connamespace = 'public'::regnamespace""",
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT relname, reloptions::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    ],
}


def kind(database):
    return "sqlite" if database.is_sqlite else "postgresql"


def catalogue(database):
    found = set()
    with database.read() as connection:
        for query in CATALOGUE[kind(database)]:
            for row in connection.execute(text(query)):
                if "alembic_version" not in str(row):
                    # SQL differs in blanks and in the order of columns and constraints only.
                    *names, last = row
                    found.add((*names, "".join(sorted("".join(str(last).split())))))
    return found


@pytest.fixture
def opened():
    """Open databases that are closed after the test."""
    databases = []

    def open_database(url):
        databases.append(Database(url))
        return databases[-1]

    yield open_database
    for database in databases:
        database.close()


def virtual(connection, name):
    """Whether a table belongs to a search index of SQLite's, which reflection takes for a table."""
    if connection.dialect.name != "sqlite":
        return False
    query = "SELECT type FROM pragma_table_list WHERE name = :name"
    return connection.execute(text(query), {"name": name}).scalar() in {"virtual", "shadow"}


def test_there_is_one_line_of_migrations_and_files_are_named_by_it():
    assert SCRIPTS.get_heads() == [newest_revision()]
    assert [script.down_revision for script in SCRIPTS.walk_revisions()][::-1] == [None, *REVISIONS[:-1]]


def test_migrations_lead_to_exactly_the_tables(make_database_url, opened):
    database = opened(make_database_url())  # a copy of one that was migrated
    with database.engine.connect() as connection:

        def include(thing, name, type_, reflected, compare_to):
            if type_ == "table" and reflected and virtual(connection, name):
                return False
            if type_ == "index" and not reflected and database.is_sqlite and thing.kwargs.get("postgresql_using"):
                return False
            # Indexes of expressions are compared below: Alembic sees no expression in its own tables' statements.
            return not (type_ == "index" and reflected and compare_to is None and any(e is None for e in thing.columns))

        options = {"compare_type": True, "include_object": include}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_migrated_schema_is_word_for_word_that_of_the_tables(make_database_url, opened):
    migrated, made = opened(make_database_url()), opened(make_database_url(empty=True))
    with made.engine.begin() as connection:
        metadata.create_all(connection, checkfirst=False)
    assert catalogue(migrated) ^ catalogue(made) == set()


def test_upgrading_again_changes_nothing(database):
    with database.write() as connection:
        connection.execute(
            insert(organizations),
            {"id": "o", "name": "n", "currency": "EUR", "price_list": {}, "limits": {}, "created_us": 1},
        )
    before = catalogue(database)
    upgrade(database.url.render_as_string(hide_password=False))
    assert catalogue(database) == before
    with database.read() as connection:
        assert connection.execute(select(organizations.c.name)).scalars().all() == ["n"]


def test_processes_may_upgrade_at_once(make_database_url):
    code = "import sys; from offhook.store.database import upgrade; upgrade(sys.argv[1])"
    url = make_database_url(empty=True)
    running = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        _, said = process.communicate()
        assert process.returncode == 0, said


# ---------------------------------------------------------------------- upgrades with data in it

# Where a column's type doesn't tell what fits, or where a migration reads it.
KNOWN = {
    ("calls", "document"): '{"transcript_string": "Agent: Hello\\nUser: Monday"}',
    ("calls", "status"): "completed",
}

# What a later migration keeps in another form.
REWRITTEN = {("knowledge_passages", "terms")}


def value(column, number):
    """Something that fits a column; another one for each number."""
    if (column.table.name, column.name) in KNOWN:
        return KNOWN[column.table.name, column.name]
    if isinstance(column.type, JSON):
        return {"number": number}
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, LargeBinary):
        return b"%d" % number
    if isinstance(column.type, TSVECTOR):
        return f"'v{number}'"
    if isinstance(column.type, String | Text):
        return f"v{number}"
    raise TypeError(f"{column}: no example of {column.type!r}")


def fill(connection, rows):
    """Put two rows into every table that there is; what was put there, by table."""
    tables = MetaData()
    tables.reflect(connection, only=lambda name, _: name != "alembic_version" and not virtual(connection, name))
    for table in tables.sorted_tables:
        for number in (1, 2):
            row = {column.name: value(column, number) for column in table.columns if column.computed is None}
            for column in table.columns:
                for key in column.foreign_keys:
                    row[column.name] = rows[key.column.table.name][number - 1][key.column.name]
            connection.execute(insert(table), row)
            rows.setdefault(table.name, []).append(row)


def held(connection):
    """All rows of all tables."""
    tables = MetaData()
    tables.reflect(connection, only=lambda name, _: not virtual(connection, name))
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in tables.sorted_tables
    }


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_upgrade_keeps_every_row_and_leads_to_the_same_schema(make_database_url, opened, revision):
    database, fresh = opened(make_database_url(empty=True)), opened(make_database_url())
    database.upgrade(revision)
    put = {}
    with database.write() as connection:
        fill(connection, put)
    assert len(put) >= 10
    database.upgrade()
    assert catalogue(database) == catalogue(fresh)
    with database.read() as connection:
        found = held(connection)
    for name, rows in put.items():
        kept = [
            {column: row[column] for column in before if column in row and (name, column) not in REWRITTEN}
            for before, row in zip(rows, found[name], strict=True)
        ]
        assert kept == [{column: before[column] for column in kept[0]} for before in rows], name
    if revision < "0007":
        found = Calls(database).after("v2", CallFilter(text="monday"), limit=5)
        assert [call.call_id for call in found.items] == ["v2"]
