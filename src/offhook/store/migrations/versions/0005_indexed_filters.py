"""An index for every filter of the list of calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = ("type", "direction", "answer_type")
_JSON = ("metadata", "variables")


def upgrade() -> None:
    for name in _COLUMNS:
        op.create_index(
            op.f(f"ix_calls_organization_id_{name}_position"), "calls", ["organization_id", name, "position"]
        )
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in _JSON:
        op.alter_column("calls", name, type_=JSONB(), existing_type=sa.JSON(), postgresql_using=f"{name}::jsonb")
        op.create_index(
            f"ix_calls_{name}", "calls", [name], postgresql_using="gin", postgresql_ops={name: "jsonb_path_ops"}
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in _JSON:
            op.drop_index(f"ix_calls_{name}", "calls")
            op.alter_column("calls", name, type_=sa.JSON(), existing_type=JSONB(), postgresql_using=f"{name}::json")
    for name in _COLUMNS:
        op.drop_index(op.f(f"ix_calls_organization_id_{name}_position"), "calls")
