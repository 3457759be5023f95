"""Organizations: whose agents, numbers and calls they are, and what things cost them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from offhook.errors import NotFoundError
from offhook.record.cost import PriceList
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import organizations

_OLDEST = select(organizations).order_by(organizations.c.created_us).limit(1)


@dataclass(frozen=True, slots=True)
class Organization:
    """``currency`` is ISO 4217; ``limits`` holds ``requests_per_minute`` and the like where they differ."""

    id: str
    name: str
    currency: str
    prices: PriceList
    limits: Mapping[str, Any]
    created_us: int


class Organizations:
    """All organizations of the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, *, currency: str = "USD", prices: PriceList | None = None) -> Organization:
        """Make an organization."""
        with self._database.write() as connection:
            return _insert(connection, _new(name, currency, prices))

    def get(self, organization_id: str) -> Organization:
        """One organization. Raises NotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(select(organizations).where(organizations.c.id == organization_id)).first()
        if row is None:
            raise NotFoundError(f"no organization {organization_id}")
        return _organization(row)

    def default(self) -> Organization | None:
        """The oldest organization, which commands on a data directory mean; None before the first start."""
        with self._database.read() as connection:
            row = connection.execute(_OLDEST).first()
        return _organization(row) if row else None

    def ensure_default(self) -> Organization:
        """The oldest organization, made when there is none; of processes that start at once, one makes it."""
        with self._database.write(alone=True) as connection:
            row = connection.execute(_OLDEST).first()
            return _organization(row) if row else _insert(connection, _new("Default"))

    def set_prices(self, organization_id: str, prices: PriceList) -> None:
        """What the organization's calls cost from now on."""
        self.update(organization_id, {"price_list": prices.to_json()})

    def update(self, organization_id: str, changes: Mapping[str, Any]) -> Organization:
        """Change ``name, currency, price_list, limits``, of the last two the entries given. Raises NotFoundError.

        An entry that is None goes back to its default.
        """
        mine = organizations.c.id == organization_id
        with self._database.write() as connection:
            # PostgreSQL locks the row; on SQLite the transaction has the write lock: no change of another is lost.
            row = connection.execute(select(organizations).where(mine).with_for_update()).first()
            if row is None:
                raise NotFoundError(f"no organization {organization_id}")
            values = dict(changes)
            for name in {"price_list", "limits"} & values.keys():
                merged = {**row._mapping[name], **values[name]}  # noqa: SLF001 - a row as a mapping
                values[name] = {entry: value for entry, value in merged.items() if value is not None}
            if values:
                connection.execute(update(organizations).where(mine), values)
                audit.note(connection, organization_id, "organization.updated", organization_id, fields=sorted(changes))
            return _organization(connection.execute(select(organizations).where(mine)).one())


def _new(name: str, currency: str = "USD", prices: PriceList | None = None) -> Organization:
    return Organization(new_id(), name, currency, prices or PriceList(), {}, now_us())


def _insert(connection: Connection, row: Organization) -> Organization:
    connection.execute(
        insert(organizations),
        {
            "id": row.id,
            "name": row.name,
            "currency": row.currency,
            "price_list": row.prices.to_json(),
            "limits": {},
            "created_us": row.created_us,
        },
    )
    return row


def _organization(row: Row[Any]) -> Organization:
    return Organization(row.id, row.name, row.currency, PriceList.from_json(row.price_list), row.limits, row.created_us)
