"""What calls are asked when they are over, and the queue of those that still are."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "post_call_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("optional", sa.Boolean(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("examples", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_post_call_questions_agent_id_agents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_call_questions")),
    )
    op.create_index(
        op.f("ix_post_call_questions_agent_id_created_us"), "post_call_questions", ["agent_id", "created_us"]
    )
    op.create_table(
        "post_call_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=36), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("leased_until_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_call_jobs")),
    )
    op.create_index(op.f("ix_post_call_jobs_due_us"), "post_call_jobs", ["due_us"])


def downgrade() -> None:
    op.drop_table("post_call_jobs")
    op.drop_table("post_call_questions")
