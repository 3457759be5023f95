"""Alembic's entry: runs the migrations on the connection it is given."""

from alembic import context
from sqlalchemy import func, select

from offhook.store.database import ALONE
from offhook.store.tables import metadata

connection = context.config.attributes["connection"]
# One transaction for all: of several processes that start at once, one migrates and the others find it done; a
# migration that fails leaves nothing. Alembic keeps to a transaction that is there before it is configured.
with connection.begin():
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ALONE)))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite can't alter most things in place: Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
