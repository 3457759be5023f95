"""Where trunks' secrets are kept sealed. What is stored as text is sealed by the next start, which has the key."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trunks", sa.Column("sealed_password", sa.Text(), nullable=True))
    op.add_column("trunks", sa.Column("sealed_auth_token", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("trunks", "sealed_auth_token")
    op.drop_column("trunks", "sealed_password")
