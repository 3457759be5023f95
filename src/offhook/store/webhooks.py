"""Webhook endpoints with their secrets, and the log of deliveries."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from offhook.errors import ConflictError, NotFoundError
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.sealing import Sealer
from offhook.store.tables import agents, webhook_endpoints, webhook_secrets

SECRET_PREFIX = "whsec_"  # noqa: S105 - the scheme's mark of a secret, not one
SECRET_BYTES = 32  # the scheme asks for 24 to 64
MAX_SECRETS = 5  # each adds 50 bytes to a header of every request


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an agent's events go. ``current``: the agent has this URL now; others are kept for their secrets."""

    id: str
    organization_id: str
    agent_id: str
    url: str
    current: bool
    created_us: int
    stopped_us: int | None
    stop_reason: str | None


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it may be shown to who administers the organization; the oldest one first in lists."""

    id: str
    value: str
    created_us: int
    expires_us: int | None


class Endpoints:
    """Endpoints of all organizations."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer

    def all(self, organization_id: str) -> list[Endpoint]:
        """The organization's endpoints, newest first; agents that have a URL have one after this."""
        self._complete(organization_id)
        query = _shown().where(webhook_endpoints.c.organization_id == organization_id)
        with self._database.read() as connection:
            rows = connection.execute(
                query.order_by(webhook_endpoints.c.created_us.desc(), webhook_endpoints.c.id)
            ).all()
        return [_endpoint(row) for row in rows]

    def get(self, organization_id: str, endpoint_id: str) -> Endpoint:
        """One endpoint. Raises NotFoundError."""
        with self._database.read() as connection:
            return _endpoint(_must(connection, organization_id, endpoint_id))

    def secrets(self, organization_id: str, endpoint_id: str) -> list[Secret]:
        """The secrets that sign now. Raises NotFoundError, SealError."""
        with self._database.read() as connection:
            _must(connection, organization_id, endpoint_id)
            return self.live_secrets(connection, endpoint_id)

    def rotate(self, organization_id: str, endpoint_id: str, *, grace_s: int) -> list[Secret]:
        """Add a secret; the others sign beside it for ``grace_s`` seconds more. Raises NotFoundError, ConflictError."""
        with self._database.write() as connection:
            _must(connection, organization_id, endpoint_id)
            now, mine = now_us(), webhook_secrets.c.endpoint_id == endpoint_id
            connection.execute(delete(webhook_secrets).where(mine, webhook_secrets.c.expires_us <= now))
            if len(self.live_secrets(connection, endpoint_id)) >= MAX_SECRETS:
                raise ConflictError(f"{MAX_SECRETS} secrets sign already; rotate again when one has expired")
            until = now + grace_s * 1_000_000
            sooner = or_(webhook_secrets.c.expires_us.is_(None), webhook_secrets.c.expires_us > until)
            connection.execute(update(webhook_secrets).where(mine, sooner).values(expires_us=until))
            self._add_secret(connection, endpoint_id)
            audit.note(
                connection, organization_id, "webhook_endpoint.secret_rotated", endpoint_id, grace_seconds=grace_s
            )
            return self.live_secrets(connection, endpoint_id)

    def enable(self, organization_id: str, endpoint_id: str) -> Endpoint:
        """Send again to an endpoint that was stopped. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, endpoint_id)
            connection.execute(
                update(webhook_endpoints)
                .where(webhook_endpoints.c.id == endpoint_id)
                .values(stopped_us=None, stop_reason=None)
            )
            audit.note(connection, organization_id, "webhook_endpoint.enabled", endpoint_id)
            return _endpoint(_must(connection, organization_id, endpoint_id))

    # ------------------------------------------------------------------ for those who send

    def find(self, connection: Connection, agent_id: str, url: str) -> Endpoint | None:
        """The endpoint of an agent and a URL."""
        query = _shown().where(webhook_endpoints.c.agent_id == agent_id, webhook_endpoints.c.url_digest == _digest(url))
        row = connection.execute(query).first()
        return _endpoint(row) if row else None

    def ensure(self, connection: Connection, organization_id: str, agent_id: str, url: str) -> None:
        """Make the endpoint of an agent and a URL, with a secret, unless it is there."""
        found = self.find(connection, agent_id, url)
        if found is not None:
            return
        endpoint_id = new_id()
        connection.execute(
            insert(webhook_endpoints),
            {
                "id": endpoint_id,
                "organization_id": organization_id,
                "agent_id": agent_id,
                "url": url,
                "url_digest": _digest(url),
                "created_us": now_us(),
            },
        )
        self._add_secret(connection, endpoint_id)

    def live_secrets(self, connection: Connection, endpoint_id: str) -> list[Secret]:
        """The secrets that sign now, oldest first. Raises SealError."""
        live = or_(webhook_secrets.c.expires_us.is_(None), webhook_secrets.c.expires_us > now_us())
        query = select(webhook_secrets).where(webhook_secrets.c.endpoint_id == endpoint_id, live)
        rows = connection.execute(query.order_by(webhook_secrets.c.created_us, webhook_secrets.c.id)).all()
        return [
            Secret(row.id, self._sealer.open(row.sealed, _purpose(endpoint_id)), row.created_us, row.expires_us)
            for row in rows
        ]

    def _add_secret(self, connection: Connection, endpoint_id: str) -> None:
        value = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        sealed = self._sealer.seal(value, _purpose(endpoint_id))
        connection.execute(
            insert(webhook_secrets),
            {"id": new_id(), "endpoint_id": endpoint_id, "sealed": sealed, "created_us": now_us()},
        )

    def _complete(self, organization_id: str) -> None:
        """Make the endpoints that agents' URLs lack, so that a secret can be read before the first event."""
        query = select(agents.c.id, agents.c.webhook_url).where(
            agents.c.organization_id == organization_id,
            agents.c.webhook_url.is_not(None),
            agents.c.deleted_us.is_(None),
        )
        known = select(webhook_endpoints.c.agent_id, webhook_endpoints.c.url_digest).where(
            webhook_endpoints.c.organization_id == organization_id
        )
        with self._database.read() as connection:
            there = {tuple(row) for row in connection.execute(known)}
            missing = [row for row in connection.execute(query) if (row.id, _digest(row.webhook_url)) not in there]
        if missing:
            with self._database.write() as connection:
                for row in missing:
                    self.ensure(connection, organization_id, row.id, row.webhook_url)


def stop(connection: Connection, endpoint_id: str, reason: str) -> None:
    """Send nothing more to an endpoint until it is enabled again."""
    running = (webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.stopped_us.is_(None))
    connection.execute(update(webhook_endpoints).where(*running).values(stopped_us=now_us(), stop_reason=reason))


def _shown() -> Any:  # noqa: ANN401 - a Select over two tables, which SQLAlchemy can't name
    current = (agents.c.webhook_url == webhook_endpoints.c.url) & agents.c.deleted_us.is_(None)
    return select(webhook_endpoints, current.label("current")).outerjoin(
        agents, agents.c.id == webhook_endpoints.c.agent_id
    )


def _must(connection: Connection, organization_id: str, endpoint_id: str) -> Row[Any]:
    mine = (webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.organization_id == organization_id)
    row: Row[Any] | None = connection.execute(_shown().where(*mine)).first()
    if row is None:
        raise NotFoundError(f"no webhook endpoint {endpoint_id}")
    return row


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        row.id, row.organization_id, row.agent_id, row.url, bool(row.current), row.created_us, row.stopped_us,
        row.stop_reason,
    )  # fmt: skip


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _purpose(endpoint_id: str) -> str:
    return f"webhook:{endpoint_id}"
