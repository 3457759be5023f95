"""Knowledge bases: their sources, the passages read from them, and a full-text index of these."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WORDS = {
    "sqlite": (
        (
            "CREATE VIRTUAL TABLE knowledge_words USING fts5(base_id, terms, content='knowledge_passages',"
            " content_rowid='id', tokenize=\"unicode61 remove_diacritics 0 tokenchars '-'\")"
        ),
        (
            "CREATE TRIGGER knowledge_passages_added AFTER INSERT ON knowledge_passages BEGIN"
            " INSERT INTO knowledge_words(rowid, base_id, terms) VALUES (new.id, new.base_id, new.terms); END"
        ),
        (
            "CREATE TRIGGER knowledge_passages_removed AFTER DELETE ON knowledge_passages BEGIN"
            " INSERT INTO knowledge_words(knowledge_words, rowid, base_id, terms)"
            " VALUES ('delete', old.id, old.base_id, old.terms); END"
        ),
    ),
    "postgresql": (
        "CREATE INDEX ix_knowledge_passages_terms ON knowledge_passages USING gin (to_tsvector('simple', terms))",
    ),
}


def upgrade() -> None:
    op.create_table(
        "knowledge_bases",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_knowledge_bases_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_bases")),
    )
    with op.batch_alter_table("knowledge_bases", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_knowledge_bases_organization_id_created_us"), ["organization_id", "created_us"], unique=False
        )
    op.create_table(
        "knowledge_sources",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("base_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=4), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("file_key", sa.String(length=500), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("embedded_by", sa.String(length=100), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("leased_until_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["base_id"], ["knowledge_bases.id"], name=op.f("fk_knowledge_sources_base_id_knowledge_bases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_sources")),
    )
    with op.batch_alter_table("knowledge_sources", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_knowledge_sources_base_id_created_us"), ["base_id", "created_us"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_knowledge_sources_due_us"), ["due_us"], unique=False)
    op.create_table(
        "knowledge_passages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("base_id", sa.String(length=36), nullable=False),
        sa.Column("source_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("headings", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["base_id"], ["knowledge_bases.id"], name=op.f("fk_knowledge_passages_base_id_knowledge_bases")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["knowledge_sources.id"], name=op.f("fk_knowledge_passages_source_id_knowledge_sources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_passages")),
        sa.UniqueConstraint("source_id", "position", name=op.f("uq_knowledge_passages_source_id_position")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("knowledge_passages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_knowledge_passages_base_id"), ["base_id"], unique=False)
    for statement in _WORDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE knowledge_words")
    op.drop_table("knowledge_passages")
    op.drop_table("knowledge_sources")
    op.drop_table("knowledge_bases")
