"""Phone numbers and SIP addresses: whose they are, and which agent answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from offhook.errors import ConflictError, NotFoundError
from offhook.store import audit
from offhook.store.database import Database, retried
from offhook.store.ids import new_id, now_us
from offhook.store.tables import agents, phone_numbers, trunks


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """``number`` is E.164 (type ``pstn``) or any SIP user or URI (type ``sip``)."""

    id: str
    organization_id: str
    number: str
    name: str
    type: str
    inbound_agent_id: str | None
    redirect: bool
    redirect_phone_number: str | None
    trunk_id: str | None
    created_us: int


class PhoneNumbers:
    """Numbers of all organizations; a number exists once in the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def create(
        self,
        organization_id: str,
        number: str,
        *,
        name: str | None = None,
        type: str = "pstn",  # noqa: A002 - the API's name
        inbound_agent_id: str | None = None,
        trunk_id: str | None = None,
        redirect: bool = False,
        redirect_phone_number: str | None = None,
    ) -> PhoneNumber:
        """Add a number. Raises ConflictError when it exists, NotFoundError for an agent or trunk of somebody else."""
        row: dict[str, Any] = {
            "id": new_id(),
            "organization_id": organization_id,
            "number": number,
            "name": name or number,
            "type": type,
            "inbound_agent_id": inbound_agent_id,
            "redirect": redirect,
            "redirect_phone_number": redirect_phone_number,
            "trunk_id": trunk_id,
            "created_us": now_us(),
        }
        try:
            with self._database.write() as connection:
                _check_links(connection, organization_id, row)
                connection.execute(insert(phone_numbers), row)
                audit.note(connection, organization_id, "phone_number.created", row["id"], number=number)
        except IntegrityError as error:
            raise ConflictError(f"number: {number} is in use already") from error
        return PhoneNumber(**row)

    def get(self, organization_id: str, number_id: str) -> PhoneNumber:
        """One number by its id. Raises NotFoundError."""
        with self._database.read() as connection:
            return _number(_must(connection, organization_id, number_id))

    def find(self, number: str) -> PhoneNumber | None:
        """The number as dialled, whoever owns it."""
        with self._database.read() as connection:
            row = connection.execute(select(phone_numbers).where(phone_numbers.c.number == number)).first()
        return _number(row) if row else None

    def all(self, organization_id: str) -> list[PhoneNumber]:
        """The organization's numbers, newest first."""
        query = select(phone_numbers).where(phone_numbers.c.organization_id == organization_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(phone_numbers.c.created_us.desc(), phone_numbers.c.id)).all()
        return [_number(row) for row in rows]

    @retried
    def update(self, organization_id: str, number_id: str, changes: Mapping[str, Any]) -> PhoneNumber:
        """Change ``name, inbound_agent_id, redirect, redirect_phone_number, trunk_id``. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, number_id)
            _check_links(connection, organization_id, changes)
            if changes:
                connection.execute(update(phone_numbers).where(phone_numbers.c.id == number_id), dict(changes))
                audit.note(connection, organization_id, "phone_number.updated", number_id, fields=sorted(changes))
            return _number(_must(connection, organization_id, number_id))

    @retried
    def delete(self, organization_id: str, number_id: str) -> None:
        """Give a number up; the records of its calls stay. Raises NotFoundError."""
        with self._database.write() as connection:
            number = _must(connection, organization_id, number_id).number
            connection.execute(delete(phone_numbers).where(phone_numbers.c.id == number_id))
            audit.note(connection, organization_id, "phone_number.deleted", number_id, number=number)


def _check_links(connection: Connection, organization_id: str, row: Mapping[str, Any]) -> None:
    agent_id, trunk_id = row.get("inbound_agent_id"), row.get("trunk_id")
    if agent_id is not None:
        mine = (agents.c.id == agent_id, agents.c.organization_id == organization_id, agents.c.deleted_us.is_(None))
        if connection.execute(select(agents.c.id).where(*mine)).first() is None:
            raise NotFoundError(f"inbound_agent_id: no agent {agent_id}")
    if trunk_id is not None:
        owned = (trunks.c.id == trunk_id, trunks.c.organization_id == organization_id)
        if connection.execute(select(trunks.c.id).where(*owned)).first() is None:
            raise NotFoundError(f"trunk_id: no trunk {trunk_id}")


def _must(connection: Connection, organization_id: str, number_id: str) -> Row[Any]:
    row = connection.execute(
        select(phone_numbers).where(phone_numbers.c.id == number_id, phone_numbers.c.organization_id == organization_id)
    ).first()
    if row is None:
        raise NotFoundError(f"no phone number {number_id}")
    return row


def _number(row: Row[Any]) -> PhoneNumber:
    return PhoneNumber(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
