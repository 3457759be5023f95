"""Trunks: where outbound calls leave by, and who may call in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from offhook.errors import NotFoundError
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import phone_numbers, trunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A ``sip`` or ``twilio`` trunk. ``password`` and ``auth_token`` are never shown.

    ``port`` None is the transport's default.
    """

    id: str
    organization_id: str
    name: str
    type: str
    host: str | None
    port: int | None
    transport: str
    srtp: bool
    username: str | None
    password: str | None = field(repr=False)
    register: bool
    allowed_sources: tuple[str, ...]
    codecs: tuple[str, ...]
    created_us: int
    account_sid: str | None = None
    auth_token: str | None = field(default=None, repr=False)


_DEFAULTS: Mapping[str, Any] = {
    "type": "sip",
    "host": None,
    "port": None,
    "transport": "udp",
    "srtp": False,
    "username": None,
    "password": None,
    "register": False,
    "allowed_sources": (),
    "codecs": (),
    "account_sid": None,
    "auth_token": None,
}


class Trunks:
    """Trunks of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, organization_id: str, name: str, **values: Any) -> Trunk:  # noqa: ANN401 - fields of Trunk
        """Make a trunk of the named fields of ``Trunk``; what is not named has its default."""
        row = {
            **_DEFAULTS,
            **values,
            "id": new_id(),
            "organization_id": organization_id,
            "name": name,
            "created_us": now_us(),
        }
        with self._database.write() as connection:
            connection.execute(insert(trunks), _lists(row))
            audit.note(connection, organization_id, "trunk.created", row["id"], name=name, type=row["type"])
        return self.get(organization_id, row["id"])

    def update(self, organization_id: str, trunk_id: str, changes: Mapping[str, Any]) -> Trunk:
        """Change fields of ``Trunk`` by name. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, trunk_id)
            if changes:
                connection.execute(update(trunks).where(trunks.c.id == trunk_id), _lists(changes))
                audit.note(connection, organization_id, "trunk.updated", trunk_id, fields=sorted(changes))
            return _trunk(_must(connection, organization_id, trunk_id))

    def delete(self, organization_id: str, trunk_id: str) -> None:
        """Take a trunk away; numbers that used it have none. Raises NotFoundError."""
        with self._database.write() as connection:
            name = _must(connection, organization_id, trunk_id).name
            connection.execute(update(phone_numbers).where(phone_numbers.c.trunk_id == trunk_id), {"trunk_id": None})
            connection.execute(delete(trunks).where(trunks.c.id == trunk_id))
            audit.note(connection, organization_id, "trunk.deleted", trunk_id, name=name)

    def get(self, organization_id: str, trunk_id: str) -> Trunk:
        """One trunk. Raises NotFoundError."""
        with self._database.read() as connection:
            return _trunk(_must(connection, organization_id, trunk_id))

    def all(self, organization_id: str) -> list[Trunk]:
        """The organization's trunks, newest first."""
        return self._all(trunks.c.organization_id == organization_id)

    def every(self) -> list[Trunk]:
        """All trunks of the installation, for the SIP endpoint."""
        return self._all()

    def _all(self, *conditions: Any) -> list[Trunk]:  # noqa: ANN401 - SQL expressions
        query = select(trunks).where(*conditions).order_by(trunks.c.created_us.desc(), trunks.c.id)
        with self._database.read() as connection:
            return [_trunk(row) for row in connection.execute(query)]


def _lists(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _must(connection: Connection, organization_id: str, trunk_id: str) -> Row[Any]:
    query = select(trunks).where(trunks.c.id == trunk_id, trunks.c.organization_id == organization_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"no trunk {trunk_id}")
    return row


def _trunk(row: Row[Any]) -> Trunk:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    values["allowed_sources"], values["codecs"] = tuple(row.allowed_sources), tuple(row.codecs)
    return Trunk(**values)
