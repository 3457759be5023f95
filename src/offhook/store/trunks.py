"""Trunks: where outbound calls leave by, and who may call in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from offhook.errors import NotFoundError
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.sealing import Sealer
from offhook.store.tables import phone_numbers, trunks

_SECRETS = ("password", "auth_token")


@dataclass(frozen=True, slots=True)
class TrunkSecret:
    """A trunk's password or token; opened by who uses it, so that trunks can be seen and changed without its key."""

    _stored: str = field(repr=False)
    _purpose: str
    _sealer: Sealer | None = field(repr=False, compare=False)

    def open(self) -> str:
        """The secret itself. Raises SealError."""
        return self._stored if self._sealer is None else self._sealer.open(self._stored, self._purpose)


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
    password: TrunkSecret | None
    register: bool
    allowed_sources: tuple[str, ...]
    codecs: tuple[str, ...]
    created_us: int
    account_sid: str | None = None
    auth_token: TrunkSecret | None = None


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
    """Trunks of all organizations. Secrets come as text and are stored sealed."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer

    def create(self, organization_id: str, name: str, **values: Any) -> Trunk:  # noqa: ANN401 - fields of Trunk
        """Make a trunk of the named fields of ``Trunk``, secrets as text; what is not named has its default."""
        row = {
            **_DEFAULTS,
            **values,
            "id": new_id(),
            "organization_id": organization_id,
            "name": name,
            "created_us": now_us(),
        }
        with self._database.write() as connection:
            connection.execute(insert(trunks), self._stored(row["id"], row))
            audit.note(connection, organization_id, "trunk.created", row["id"], name=name, type=row["type"])
        return self.get(organization_id, row["id"])

    def update(self, organization_id: str, trunk_id: str, changes: Mapping[str, Any]) -> Trunk:
        """Change fields of ``Trunk`` by name, secrets as text. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, trunk_id)
            if changes:
                values = self._stored(trunk_id, changes)
                connection.execute(update(trunks).where(trunks.c.id == trunk_id), values)
                audit.note(connection, organization_id, "trunk.updated", trunk_id, fields=sorted(changes))
            return self._trunk(_must(connection, organization_id, trunk_id))

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
            return self._trunk(_must(connection, organization_id, trunk_id))

    def all(self, organization_id: str) -> list[Trunk]:
        """The organization's trunks, newest first."""
        return self._all(trunks.c.organization_id == organization_id)

    def every(self) -> list[Trunk]:
        """All trunks of the installation, for the SIP endpoint."""
        return self._all()

    def seal_plain(self) -> int:
        """Seal the secrets that a version before sealing stored as text; how many trunks had such."""
        plain = or_(*(trunks.c[name].is_not(None) for name in _SECRETS))
        query = select(trunks.c.id, *(trunks.c[name] for name in _SECRETS))
        with self._database.write() as connection:
            rows = connection.execute(query.where(plain).with_for_update()).all()
            for row in rows:
                secrets = {name: text for name, text in zip(_SECRETS, row[1:], strict=True) if text is not None}
                connection.execute(update(trunks).where(trunks.c.id == row.id), self._stored(row.id, secrets))
        return len(rows)

    def _all(self, *conditions: Any) -> list[Trunk]:  # noqa: ANN401 - SQL expressions
        query = select(trunks).where(*conditions).order_by(trunks.c.created_us.desc(), trunks.c.id)
        with self._database.read() as connection:
            return [self._trunk(row) for row in connection.execute(query)]

    def _stored(self, trunk_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the table has them."""
        row: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
        }
        for name in row.keys() & set(_SECRETS):
            text, row[name] = row[name], None
            row[f"sealed_{name}"] = None if text is None else self._sealer.seal(text, _purpose(trunk_id, name))
        return row

    def _trunk(self, row: Row[Any]) -> Trunk:
        values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
        values["allowed_sources"], values["codecs"] = tuple(row.allowed_sources), tuple(row.codecs)
        for name in _SECRETS:
            sealed, plain = values.pop(f"sealed_{name}"), values[name]
            if sealed is not None:
                values[name] = TrunkSecret(sealed, _purpose(row.id, name), self._sealer)
            elif plain is not None:
                values[name] = TrunkSecret(plain, _purpose(row.id, name), None)
        return Trunk(**values)


def _purpose(trunk_id: str, name: str) -> str:
    return f"trunk:{trunk_id}:{name}"


def _must(connection: Connection, organization_id: str, trunk_id: str) -> Row[Any]:
    query = select(trunks).where(trunks.c.id == trunk_id, trunks.c.organization_id == organization_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"no trunk {trunk_id}")
    return row
