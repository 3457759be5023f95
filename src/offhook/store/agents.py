"""Agents and their numbered versions: global settings apply at once, a configuration when it is deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, func, insert, select, update

from offhook.errors import NotFoundError
from offhook.store import audit
from offhook.store.database import Database, retried
from offhook.store.ids import new_id, now_us
from offhook.store.tables import agent_versions, agents, phone_numbers

# Kept with the agent, not with a version: a change of these needs no deployment.
GLOBAL_SETTINGS: Mapping[str, Any] = {
    "name": None,
    "webhook_url": None,
    "webhook_subscriptions": [],
    "secure_recording_urls": True,
}


Revision = Callable[[dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's global settings; ``published_version`` None: it can't take calls yet."""

    id: str
    organization_id: str
    name: str
    webhook_url: str | None
    webhook_subscriptions: list[str]
    secure_recording_urls: bool
    published_version: int | None
    created_us: int


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an agent. ``configuration`` is whole: the agent's present global settings are in it."""

    agent_id: str
    version: int
    configuration_id: str
    configuration: dict[str, Any]
    created_us: int
    active: bool


class Agents:
    """Agents of all organizations. Configurations come in checked; this keeps them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, organization_id: str, configuration: Mapping[str, Any], *, deploy: bool = False) -> Agent:
        """Make an agent; its configuration becomes version 1, published when ``deploy``."""
        agent_id, now = new_id(), now_us()
        settings = {**GLOBAL_SETTINGS, **_split(configuration)[0]}
        with self._database.write() as connection:
            connection.execute(
                insert(agents),
                {**settings, "id": agent_id, "organization_id": organization_id, "created_us": now},
            )
            _add_version(connection, agent_id, 1, _split(configuration)[1], now)
            if deploy:
                _deploy(connection, agent_id, 1, now)
            audit.note(connection, organization_id, "agent.created", agent_id, name=settings["name"])
            if deploy:
                audit.note(connection, organization_id, "agent.deployed", agent_id, version=1)
            return _agent(_must(connection, organization_id, agent_id))

    def get(self, organization_id: str, agent_id: str) -> Agent:
        """One agent. Raises NotFoundError."""
        with self._database.read() as connection:
            return _agent(_must(connection, organization_id, agent_id))

    def by_name(self, organization_id: str, name: str) -> Agent | None:
        """The oldest agent of that name."""
        query = select(agents).where(
            agents.c.organization_id == organization_id, agents.c.name == name, agents.c.deleted_us.is_(None)
        )
        with self._database.read() as connection:
            row = connection.execute(query.order_by(agents.c.created_us).limit(1)).first()
        return _agent(row) if row else None

    def all(self, organization_id: str) -> list[Agent]:
        """The organization's agents, newest first."""
        query = select(agents).where(agents.c.organization_id == organization_id, agents.c.deleted_us.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(agents.c.created_us.desc(), agents.c.id)).all()
        return [_agent(row) for row in rows]

    def version(self, organization_id: str, agent_id: str, version: int | None = None) -> Version:
        """A version with its configuration; None means the published one. Raises NotFoundError."""
        with self._database.read() as connection:
            agent = _must(connection, organization_id, agent_id)
            number = agent.published_version if version is None else version
            if number is None:
                raise NotFoundError(f"agent {agent_id} has no published version; deploy one")
            row = connection.execute(_version_query(agent_id).where(agent_versions.c.version == number)).first()
            if row is None:
                raise NotFoundError(f"agent {agent_id} has no version {number}")
            return _version(row, agent)

    def versions(self, organization_id: str, agent_id: str) -> list[Version]:
        """All versions, newest first. Raises NotFoundError."""
        with self._database.read() as connection:
            agent = _must(connection, organization_id, agent_id)
            rows = connection.execute(_version_query(agent_id).order_by(agent_versions.c.version.desc())).all()
            return [_version(row, agent) for row in rows]

    def configuration(self, agent_id: str, version: int) -> dict[str, Any] | None:
        """A version's whole configuration, also of an agent that was deleted since: its calls are still reviewed."""
        query = (
            select(agent_versions.c.configuration, *[agents.c[name] for name in GLOBAL_SETTINGS])
            .join(agents, agents.c.id == agent_versions.c.agent_id)
            .where(agent_versions.c.agent_id == agent_id, agent_versions.c.version == version)
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else {**{name: row[name] for name in GLOBAL_SETTINGS}, **row["configuration"]}

    def latest(self, organization_id: str, agent_id: str) -> Version:
        """The newest version, draft or published. Raises NotFoundError."""
        return self.versions(organization_id, agent_id)[0]

    @retried
    def set_globals(self, organization_id: str, agent_id: str, settings: Mapping[str, Any]) -> Agent:
        """Change global settings (names in GLOBAL_SETTINGS), at once. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, agent_id, lock=True)
            if settings:
                connection.execute(update(agents).where(agents.c.id == agent_id), dict(settings))
                audit.note(connection, organization_id, "agent.updated", agent_id, fields=sorted(settings))
            return _agent(_must(connection, organization_id, agent_id))

    def newest_versions(self, organization_id: str) -> dict[str, Version]:
        """The newest version of each of the organization's agents, by agent id, in one query."""
        newest = (
            select(agent_versions.c.agent_id, func.max(agent_versions.c.version).label("version"))
            .group_by(agent_versions.c.agent_id)
            .subquery()
        )
        query = (
            select(agent_versions, agents.c.published_version, *[agents.c[name] for name in GLOBAL_SETTINGS])
            .join(newest, newest.c.agent_id == agents.c.id)
            .join(
                agent_versions,
                (agent_versions.c.agent_id == newest.c.agent_id) & (agent_versions.c.version == newest.c.version),
            )
            .where(agents.c.organization_id == organization_id, agents.c.deleted_us.is_(None))
        )
        with self._database.read() as connection:
            return {row.agent_id: _version(row, row) for row in connection.execute(query)}

    def save_draft(self, organization_id: str, agent_id: str, configuration: Mapping[str, Any]) -> Version:
        """Keep a configuration as the draft; its global settings apply at once. Raises NotFoundError."""
        return self.revise(organization_id, agent_id, lambda _: configuration)

    @retried
    def revise(self, organization_id: str, agent_id: str, decide: Revision) -> Version:
        """Make the draft out of the newest configuration, in one transaction, so that no revision is lost.

        The newest version is the draft when it was never deployed; else a new one begins. Global settings apply at
        once. Raises NotFoundError, and what ``decide`` raises.
        """
        with self._database.write() as connection:
            agent = _must(connection, organization_id, agent_id, lock=True)
            last = connection.execute(_version_query(agent_id).order_by(agent_versions.c.version.desc()).limit(1)).one()
            before = _version(last, agent).configuration
            after = decide(before)
            settings, rest = _split(after)
            if settings:
                connection.execute(update(agents).where(agents.c.id == agent_id), settings)
            number = last.version
            if last.deployed_us is None:
                changed = {"configuration": rest, "configuration_id": new_id(), "created_us": now_us()}
                connection.execute(_one(agent_id, number), changed)
            else:
                number += 1
                _add_version(connection, agent_id, number, rest, now_us())
            fields = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            audit.note(connection, organization_id, "agent.updated", agent_id, version=number, fields=fields)
            row = connection.execute(_version_query(agent_id).where(agent_versions.c.version == number)).one()
            return _version(row, _must(connection, organization_id, agent_id))

    @retried
    def deploy(self, organization_id: str, agent_id: str, version: int | None = None) -> Version:
        """Publish a version (None: the newest); an old number rolls back. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, agent_id, lock=True)
            newest = select(func.max(agent_versions.c.version)).where(agent_versions.c.agent_id == agent_id)
            number = connection.execute(newest).scalar_one() if version is None else version
            row = connection.execute(_version_query(agent_id).where(agent_versions.c.version == number)).first()
            if row is None:
                raise NotFoundError(f"agent {agent_id} has no version {number}")
            _deploy(connection, agent_id, number, now_us())
            audit.note(connection, organization_id, "agent.deployed", agent_id, version=number)
            return _version(row, _must(connection, organization_id, agent_id))

    @retried
    def delete(self, organization_id: str, agent_id: str) -> None:
        """Take an agent out of service; its calls' records stay. Raises NotFoundError."""
        with self._database.write() as connection:
            _must(connection, organization_id, agent_id, lock=True)
            connection.execute(update(agents).where(agents.c.id == agent_id), {"deleted_us": now_us()})
            connection.execute(
                update(phone_numbers).where(phone_numbers.c.inbound_agent_id == agent_id), {"inbound_agent_id": None}
            )
            audit.note(connection, organization_id, "agent.deleted", agent_id)


def _split(configuration: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The global settings in a configuration, and the rest of it."""
    settings = {name: configuration[name] for name in GLOBAL_SETTINGS if name in configuration}
    return settings, {name: value for name, value in configuration.items() if name not in GLOBAL_SETTINGS}


def _must(connection: Connection, organization_id: str, agent_id: str, *, lock: bool = False) -> Row[Any]:
    """The agent's row; with ``lock`` nobody else changes the agent or its versions until this transaction ends."""
    query = select(agents).where(
        agents.c.id == agent_id, agents.c.organization_id == organization_id, agents.c.deleted_us.is_(None)
    )
    row = connection.execute(query.with_for_update(key_share=True) if lock else query).first()
    if row is None:
        raise NotFoundError(f"no agent {agent_id}")
    return row


def _version_query(agent_id: str) -> Select[Any]:
    return select(agent_versions).where(agent_versions.c.agent_id == agent_id)


def _one(agent_id: str, version: int) -> Update:
    return update(agent_versions).where(agent_versions.c.agent_id == agent_id, agent_versions.c.version == version)


def _add_version(connection: Connection, agent_id: str, version: int, configuration: dict[str, Any], at: int) -> None:
    connection.execute(
        insert(agent_versions),
        {
            "agent_id": agent_id,
            "version": version,
            "configuration_id": new_id(),
            "configuration": configuration,
            "created_us": at,
        },
    )


def _deploy(connection: Connection, agent_id: str, version: int, at_us: int) -> None:
    connection.execute(_one(agent_id, version), {"deployed_us": at_us})
    connection.execute(update(agents).where(agents.c.id == agent_id), {"published_version": version})


def _agent(row: Row[Any]) -> Agent:
    return Agent(
        row.id,
        row.organization_id,
        row.name,
        row.webhook_url,
        row.webhook_subscriptions,
        row.secure_recording_urls,
        row.published_version,
        row.created_us,
    )


def _version(row: Row[Any], agent: Row[Any]) -> Version:
    mapping = agent._mapping  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    return Version(
        row.agent_id,
        row.version,
        row.configuration_id,
        {**{name: mapping[name] for name in GLOBAL_SETTINGS}, **row.configuration},
        row.created_us,
        row.version == agent.published_version,
    )
