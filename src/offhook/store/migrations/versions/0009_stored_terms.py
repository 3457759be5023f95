"""On PostgreSQL, passages' words as its search keeps them: to take a passage apart anew costs a query 0.1 ms each."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_knowledge_passages_terms")
        op.execute("ALTER TABLE knowledge_passages ALTER terms TYPE tsvector USING terms::tsvector")
        op.create_index("ix_knowledge_passages_terms", "knowledge_passages", ["terms"], postgresql_using="gin")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_knowledge_passages_terms")
        # Their order is lost, which no search asked for.
        op.execute(
            "ALTER TABLE knowledge_passages ALTER terms TYPE text USING array_to_string(tsvector_to_array(terms), ' ')"
        )
        op.execute(
            "CREATE INDEX ix_knowledge_passages_terms ON knowledge_passages USING gin (to_tsvector('simple', terms))"
        )
