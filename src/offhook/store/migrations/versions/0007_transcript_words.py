"""The words of transcripts, to search through; narrow rows of calls on PostgreSQL."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from offhook.store.search import tsvector, words

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BATCH = 500
_FINAL = ("completed", "redirection_completed", "failed", "busy", "no_answer", "canceled")
_FTS = (
    """CREATE VIRTUAL TABLE call_words_fts USING fts5(words, content='call_words', content_rowid='id',
       tokenize='unicode61 remove_diacritics 0')""",
    """CREATE TRIGGER call_words_added AFTER INSERT ON call_words BEGIN
       INSERT INTO call_words_fts(rowid, words) VALUES (new.id, new.words); END""",
    """CREATE TRIGGER call_words_removed AFTER DELETE ON call_words BEGIN
       INSERT INTO call_words_fts(call_words_fts, rowid, words) VALUES ('delete', old.id, old.words); END""",
)
_CALLS = """SELECT id, organization_id, position, document FROM calls
            WHERE id > :last AND status IN :final ORDER BY id LIMIT :limit"""
_ENTER = """INSERT INTO call_words (call_id, organization_id, position, words)
            VALUES (:call_id, :organization_id, :position, :words)"""
_ENTER_POSTGRESQL = """INSERT INTO call_words (call_id, organization_id, position, words)
                       VALUES (:call_id, :organization_id, :position, CAST(:words AS tsvector))"""


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "call_words",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("call_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("words", TSVECTOR() if postgresql else sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_call_words_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_words")),
        sa.UniqueConstraint("call_id", name=op.f("uq_call_words_call_id")),
        sqlite_autoincrement=True,
        postgresql_with={"toast_tuple_target": 256},
    )
    for statement in () if postgresql else _FTS:
        op.execute(statement)
    _fill(postgresql)
    op.create_index(op.f("ix_call_words_organization_id_position"), "call_words", ["organization_id", "position"])
    if postgresql:
        op.create_index("ix_call_words_words", "call_words", ["words"], postgresql_using="gin")
        op.execute("ALTER TABLE calls SET (toast_tuple_target = 256)")


def _fill(postgresql: bool) -> None:
    """Enter the calls that are over, a page at a time."""
    connection, last = op.get_bind(), ""
    page = sa.text(_CALLS).bindparams(sa.bindparam("final", expanding=True))
    insert = sa.text(_ENTER_POSTGRESQL if postgresql else _ENTER)
    while rows := connection.execute(page, {"last": last, "final": _FINAL, "limit": _BATCH}).all():
        last = rows[-1].id
        found = [(row, words(_spoken(row.document))) for row in rows]
        entries = [
            {
                "call_id": row.id,
                "organization_id": row.organization_id,
                "position": row.position,
                "words": tsvector(spoken) if postgresql else " ".join(spoken),
            }
            for row, spoken in found
            if spoken
        ]
        if entries:
            connection.execute(insert, entries)


def _spoken(document: str) -> str:
    lines = json.loads(document).get("transcript_string", "").split("\n")
    return "\n".join(line.partition(": ")[2] for line in lines)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE calls RESET (toast_tuple_target)")
    else:
        op.execute("DROP TABLE call_words_fts")
    op.drop_table("call_words")
