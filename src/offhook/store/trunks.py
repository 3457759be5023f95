"""Trunks: where outbound calls leave by, and who may call in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select

from offhook.errors import NotFoundError
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import trunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A ``sip`` trunk. ``password`` is never shown; ``port`` None is the transport's default."""

    id: str
    organization_id: str
    name: str
    type: str
    host: str | None
    port: int | None
    transport: str
    srtp: bool
    username: str | None
    password: str | None
    register: bool
    allowed_sources: tuple[str, ...]
    codecs: tuple[str, ...]
    created_us: int


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
            connection.execute(
                insert(trunks),
                {**row, "allowed_sources": list(row["allowed_sources"]), "codecs": list(row["codecs"])},
            )
        return self.get(organization_id, row["id"])

    def get(self, organization_id: str, trunk_id: str) -> Trunk:
        """One trunk. Raises NotFoundError."""
        query = select(trunks).where(trunks.c.id == trunk_id, trunks.c.organization_id == organization_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"no trunk {trunk_id}")
        return _trunk(row)

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


def _trunk(row: Row[Any]) -> Trunk:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    values["allowed_sources"], values["codecs"] = tuple(row.allowed_sources), tuple(row.codecs)
    return Trunk(**values)
