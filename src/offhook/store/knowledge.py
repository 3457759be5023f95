"""Knowledge bases and their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select

from offhook.errors import ConflictError, NotFoundError
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.passages import changed
from offhook.store.tables import agent_versions, agents, knowledge_bases, knowledge_passages, knowledge_sources

MAX_SOURCES = 1000  # a base; more than that many documents are several bases


class SourceStatus(StrEnum):
    """Where a source stands; a base's status is made of those of its sources."""

    INGESTING = "ingesting"
    READY = "ready"
    FAILED = "failed"


class SourceType(StrEnum):
    """What was sent: a file, or a text with a title."""

    FILE = "file"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source whose bytes are stored. ``kind``: how they are read; ``name``: of the file, or the text's title."""

    id: str
    type: SourceType
    name: str
    kind: str
    file_key: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(NewSource):
    """A source; ``reason`` says why it failed, ``embedded_by`` names the model its vectors are of."""

    base_id: str
    status: SourceStatus
    reason: str | None
    passages: int
    embedded_by: str | None
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A knowledge base with its sources, oldest first."""

    id: str
    organization_id: str
    name: str
    revision: int
    created_us: int
    sources: tuple[Source, ...] = field(default=())

    @property
    def status(self) -> SourceStatus:
        """``ingesting`` while a source is, else ``failed`` when one did: what is ready is searched all the same."""
        there = {source.status for source in self.sources}
        for status in (SourceStatus.INGESTING, SourceStatus.FAILED):
            if status in there:
                return status
        return SourceStatus.READY


class KnowledgeBases:
    """Knowledge bases of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, organization_id: str, name: str) -> Base:
        """Make an empty base."""
        base = Base(id=new_id(), organization_id=organization_id, name=name, revision=0, created_us=now_us())
        row = {name: getattr(base, name) for name in knowledge_bases.c.keys()}  # noqa: SIM118 - a collection of columns
        with self._database.write() as connection:
            connection.execute(insert(knowledge_bases), row)
            audit.note(connection, organization_id, "knowledge_base.created", base.id, name=name)
        return base

    def get(self, organization_id: str, base_id: str) -> Base:
        """One base. Raises NotFoundError."""
        with self._database.read() as connection:
            return _with_sources(connection, [_must(connection, organization_id, base_id)])[0]

    def all(self, organization_id: str) -> list[Base]:
        """The organization's bases, newest first."""
        query = select(knowledge_bases).where(knowledge_bases.c.organization_id == organization_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(knowledge_bases.c.created_us.desc(), knowledge_bases.c.id)).all()
            return _with_sources(connection, rows)

    def missing(self, organization_id: str, base_ids: Iterable[str]) -> set[str]:
        """Those of the ids that are no base of the organization."""
        wanted = set(base_ids)
        if not wanted:
            return set()
        query = select(knowledge_bases.c.id).where(
            knowledge_bases.c.organization_id == organization_id, knowledge_bases.c.id.in_(wanted)
        )
        with self._database.read() as connection:
            return wanted - set(connection.execute(query).scalars())

    def add_sources(self, organization_id: str, base_id: str, sources: Sequence[NewSource]) -> Base:
        """Add sources, to be read in the background. Raises NotFoundError, ConflictError when there are too many."""
        now = now_us()
        rows = [
            {
                "id": source.id,
                "base_id": base_id,
                "type": source.type.value,
                "name": source.name,
                "kind": source.kind,
                "file_key": source.file_key,
                "size_bytes": source.size_bytes,
                "status": SourceStatus.INGESTING.value,
                "passages": 0,
                # A microsecond apart: sources sent together keep their order.
                "created_us": now + number,
                "due_us": now,
            }
            for number, source in enumerate(sources)
        ]
        with self._database.write() as connection:
            base = _must(connection, organization_id, base_id, lock=True)
            count = select(func.count()).where(knowledge_sources.c.base_id == base_id)
            if connection.execute(count).scalar_one() + len(rows) > MAX_SOURCES:
                raise ConflictError(f"a knowledge base has at most {MAX_SOURCES} sources; remove some, or make another")
            if rows:
                connection.execute(insert(knowledge_sources), rows)
                added = [source.id for source in sources]
                audit.note(connection, organization_id, "knowledge_base.sources_added", base_id, source_ids=added)
            return _with_sources(connection, [base])[0]

    def remove_sources(self, organization_id: str, base_id: str, source_ids: Iterable[str]) -> list[Source]:
        """Remove sources and what was read from them; those removed. Raises NotFoundError unless all are there."""
        wanted = set(source_ids)
        with self._database.write() as connection:
            base = _with_sources(connection, [_must(connection, organization_id, base_id, lock=True)])[0]
            gone = [source for source in base.sources if source.id in wanted]
            if unknown := wanted - {source.id for source in gone}:
                raise NotFoundError(f"knowledge base {base_id} has no source {', '.join(sorted(unknown))}")
            _remove(connection, gone)
            removed = [source.id for source in gone]
            audit.note(connection, organization_id, "knowledge_base.sources_removed", base_id, source_ids=removed)
            changed(connection, base_id)
        return gone

    def delete(self, organization_id: str, base_id: str) -> list[Source]:
        """Delete a base and its sources; these. Raises NotFoundError, ConflictError while a published agent uses it."""
        with self._database.write() as connection:
            base = _with_sources(connection, [_must(connection, organization_id, base_id, lock=True)])[0]
            if users := _users(connection, organization_id, base_id):
                names = ", ".join(repr(name) for name in users)
                raise ConflictError(
                    f"this knowledge base is used by the published agent {names}; deploy it without first"
                )
            _remove(connection, base.sources)
            connection.execute(delete(knowledge_bases).where(knowledge_bases.c.id == base_id))
            audit.note(connection, organization_id, "knowledge_base.deleted", base_id, name=base.name)
        return list(base.sources)

    def source(self, source_id: str) -> Source | None:
        """A source by its id alone, for who was shown it by a signed URL."""
        query = select(*_SOURCE).where(knowledge_sources.c.id == source_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return _source(row) if row else None


def base_ids_of(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each knowledge base that a configuration names: where (``states[1].knowledge_base_ids[0]``), and its id."""
    states = configuration.get("states") or ()
    places = [("", configuration), *((f"states[{number}].", state) for number, state in enumerate(states))]
    for path, part in places:
        for number, base_id in enumerate(part.get("knowledge_base_ids") or ()):
            yield f"{path}knowledge_base_ids[{number}]", str(base_id)


def _users(connection: Connection, organization_id: str, base_id: str) -> list[str]:
    """Names of the published agents that name the base."""
    published = and_(agent_versions.c.agent_id == agents.c.id, agent_versions.c.version == agents.c.published_version)
    query = (
        select(agents.c.name, agent_versions.c.configuration)
        .join(agent_versions, published)
        .where(agents.c.organization_id == organization_id, agents.c.deleted_us.is_(None))
        .order_by(agents.c.name)
    )
    return [
        name
        for name, configuration in connection.execute(query)
        if base_id in dict(base_ids_of(configuration)).values()
    ]


def _must(connection: Connection, organization_id: str, base_id: str, *, lock: bool = False) -> Row[Any]:
    query = select(knowledge_bases).where(
        knowledge_bases.c.id == base_id, knowledge_bases.c.organization_id == organization_id
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFoundError(f"no knowledge base {base_id}")
    return row


def _remove(connection: Connection, sources: Iterable[Source]) -> None:
    ids = [source.id for source in sources]
    # Held first: ingestion, which holds a source while it adds passages, can then add no more.
    connection.execute(select(knowledge_sources.c.id).where(knowledge_sources.c.id.in_(ids)).with_for_update()).all()
    connection.execute(delete(knowledge_passages).where(knowledge_passages.c.source_id.in_(ids)))
    connection.execute(delete(knowledge_sources).where(knowledge_sources.c.id.in_(ids)))


def _with_sources(connection: Connection, rows: Sequence[Row[Any]]) -> list[Base]:
    sources: dict[str, list[Source]] = {row.id: [] for row in rows}
    query = select(*_SOURCE).where(knowledge_sources.c.base_id.in_(sources))
    for row in connection.execute(query.order_by(knowledge_sources.c.created_us, knowledge_sources.c.id)):
        sources[row.base_id].append(_source(row))
    return [
        Base(
            id=row.id,
            organization_id=row.organization_id,
            name=row.name,
            revision=row.revision,
            created_us=row.created_us,
            sources=tuple(sources[row.id]),
        )
        for row in rows
    ]


_SOURCE = [knowledge_sources.c[name] for name in Source.__dataclass_fields__]


def _source(row: Row[Any]) -> Source:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    return Source(**{**values, "type": SourceType(row.type), "status": SourceStatus(row.status)})
