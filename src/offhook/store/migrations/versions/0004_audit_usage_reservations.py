"""The audit log by time and object, what calls cost as columns, reserved ids of idempotency keys, Twilio trunks."""

import json
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BATCH = 500


def upgrade() -> None:
    op.drop_index("ix_audit_log_organization_id_id", "audit_log")
    op.create_index("ix_audit_log_organization_id_at_us_id", "audit_log", ["organization_id", "at_us", "id"])
    op.create_index(
        "ix_audit_log_organization_id_object_id_at_us", "audit_log", ["organization_id", "object_id", "at_us"]
    )
    op.add_column("idempotency_keys", sa.Column("object_id", sa.String(36)))
    op.add_column("trunks", sa.Column("account_sid", sa.String(64)))
    op.add_column("trunks", sa.Column("auth_token", sa.Text()))
    op.add_column("calls", sa.Column("cost_micros", sa.BigInteger()))
    op.add_column("calls", sa.Column("cost_rest", sa.BigInteger()))
    _fill_costs()
    op.create_index(
        "ix_calls_usage",
        "calls",
        ["organization_id", "position", "agent_id", "duration_seconds", "cost_micros", "cost_rest"],
    )


def _fill_costs() -> None:
    """Costs of the calls that are there, out of their documents."""
    connection, last = op.get_bind(), ""
    page = sa.text("SELECT id, document FROM calls WHERE id > :last ORDER BY id LIMIT :limit")
    change = sa.text("UPDATE calls SET cost_micros = :micros, cost_rest = :rest WHERE id = :id")
    while rows := connection.execute(page, {"last": last, "limit": _BATCH}).all():
        last = rows[-1].id
        if costs := [found for row in rows if (found := _cost(row.id, row.document))]:
            connection.execute(change, costs)


def _cost(call_id: str, document: str) -> dict[str, Any] | None:
    cost = json.loads(document, parse_float=Decimal).get("cost")
    if cost is None:
        return None
    micros, rest = divmod(int(Decimal(cost).scaleb(16)), 10**10)
    return {"id": call_id, "micros": micros, "rest": rest}


def downgrade() -> None:
    op.drop_index("ix_calls_usage", "calls")
    op.drop_column("calls", "cost_rest")
    op.drop_column("calls", "cost_micros")
    op.drop_column("trunks", "auth_token")
    op.drop_column("trunks", "account_sid")
    op.drop_column("idempotency_keys", "object_id")
    op.drop_index("ix_audit_log_organization_id_object_id_at_us", "audit_log")
    op.drop_index("ix_audit_log_organization_id_at_us_id", "audit_log")
    op.create_index("ix_audit_log_organization_id_id", "audit_log", ["organization_id", "id"])
