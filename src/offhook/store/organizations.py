"""Organizations: whose agents, numbers and calls they are, and what things cost them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from offhook.errors import NotFoundError
from offhook.record.cost import PriceList
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import organizations


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
        row = Organization(new_id(), name, currency, prices or PriceList(), {}, now_us())
        with self._database.write() as connection:
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
            row = connection.execute(select(organizations).order_by(organizations.c.created_us).limit(1)).first()
        return _organization(row) if row else None

    def set_prices(self, organization_id: str, prices: PriceList) -> None:
        """What the organization's calls cost from now on."""
        with self._database.write() as connection:
            connection.execute(
                update(organizations).where(organizations.c.id == organization_id), {"price_list": prices.to_json()}
            )


def _organization(row: Row[Any]) -> Organization:
    return Organization(row.id, row.name, row.currency, PriceList.from_json(row.price_list), row.limits, row.created_us)
