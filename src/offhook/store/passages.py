"""Passages of knowledge bases: written by ingestion, found by words or by their vectors.

The words are found by the database's own full-text index: FTS5 with BM25 on SQLite; on PostgreSQL, whose ranking knows
nothing of how rare a word is, by the rarity of the words a passage has. Passages are of about the same length, so that
their length, which BM25 adds, decides little.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Subquery,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    union_all,
    update,
)

from offhook.errors import NotFoundError
from offhook.store.database import Database
from offhook.store.tables import knowledge_bases, knowledge_passages, knowledge_sources

# A word that stands in as many passages of the bases asked tells nothing beside one that doesn't.
_COUNT_UP_TO = 1000
# A term of so many letters also finds the words that begin with it: "ouvert" finds "ouverture", whose stem is another.
_PREFIX_LETTERS = 5
_BATCH = 500  # rows read at once, so that no step holds the interpreter for long
_READY = "ready"


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage and where it stands."""

    id: int
    base_id: str
    source_id: str
    source_type: str
    source_name: str
    position: int
    page: int | None
    headings: str
    text: str


class Passages:
    """Passages of all bases. What is not yet ready is never found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revisions(self, organization_id: str, base_ids: Sequence[str]) -> dict[str, int]:
        """The revision of each base. Raises NotFoundError for one that isn't the organization's."""
        query = select(knowledge_bases.c.id, knowledge_bases.c.revision).where(
            knowledge_bases.c.organization_id == organization_id, knowledge_bases.c.id.in_(base_ids)
        )
        with self._database.read() as connection:
            found = {row.id: row.revision for row in connection.execute(query)}
        if missing := set(base_ids) - found.keys():
            raise NotFoundError(f"no knowledge base {', '.join(sorted(missing))}")
        return found

    def by_words(self, base_ids: Sequence[str], terms: Sequence[str], limit: int) -> list[int]:
        """Ids of the passages that have the most telling of the terms, best first."""
        if not terms or not base_ids:
            return []
        with self._database.read() as connection:
            find = _by_words_sqlite if self._database.is_sqlite else _by_words_postgresql
            return find(connection, base_ids, terms, limit)

    def vectors(self, base_id: str, model: str) -> Iterator[tuple[list[int], list[bytes]]]:
        """Ids and vectors of a base's ready passages, by the model named, in batches."""
        passages, last = knowledge_passages.c, 0
        query = (
            select(passages.id, passages.vector)
            .join(knowledge_sources, knowledge_sources.c.id == passages.source_id)
            .where(
                passages.base_id == base_id,
                passages.id > bindparam("after"),
                passages.vector.is_not(None),
                knowledge_sources.c.status == _READY,
                knowledge_sources.c.embedded_by == model,
            )
            .order_by(passages.id)
            .limit(_BATCH)
        )
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query, {"after": last}).all()
            if not rows:
                return
            yield [row.id for row in rows], [row.vector for row in rows]
            last = rows[-1].id

    def fetch(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id; those removed in the meantime are left out."""
        passages, sources = knowledge_passages.c, knowledge_sources.c
        query = (
            select(
                passages.id,
                passages.base_id,
                passages.source_id,
                sources.type,
                sources.name,
                passages.position,
                passages.page,
                passages.headings,
                passages.text,
            )
            .join(knowledge_sources, sources.id == passages.source_id)
            .where(passages.id.in_(ids), sources.status == _READY)
        )
        with self._database.read() as connection:
            return {row.id: StoredPassage(*row) for row in connection.execute(query)}

    # ------------------------------------------------------------------ ingestion

    def clear(self, source_id: str) -> None:
        """Remove what an earlier try has left."""
        with self._database.write() as connection:
            self.remove(connection, source_id)

    @staticmethod
    def remove(connection: Connection, source_id: str) -> None:
        """Remove a source's passages, in the caller's transaction."""
        connection.execute(delete(knowledge_passages).where(knowledge_passages.c.source_id == source_id))

    @staticmethod
    def count(connection: Connection, source_id: str) -> int:
        """How many passages a source has."""
        query = select(func.count()).where(knowledge_passages.c.source_id == source_id)
        return connection.execute(query).scalar_one()

    def texts(self, source_id: str) -> list[tuple[int, str, str]]:
        """Id, headings and text of a source's passages, in their order."""
        passages = knowledge_passages.c
        query = select(passages.id, passages.headings, passages.text).where(passages.source_id == source_id)
        with self._database.read() as connection:
            return [(row.id, row.headings, row.text) for row in connection.execute(query.order_by(passages.position))]

    @staticmethod
    def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add passages, in the caller's transaction."""
        connection.execute(insert(knowledge_passages), list(rows))

    @staticmethod
    def set_vectors(connection: Connection, vectors: Mapping[int, bytes]) -> None:
        """Give passages their vectors, in the caller's transaction."""
        rows = [{"passage": passage_id, "bytes": vector} for passage_id, vector in vectors.items()]
        connection.execute(
            update(knowledge_passages)
            .where(knowledge_passages.c.id == bindparam("passage"))
            .values(vector=bindparam("bytes")),
            rows,
        )


def changed(connection: Connection, base_id: str) -> None:
    """Count a base's revision up: what can be found in it is another."""
    connection.execute(
        update(knowledge_bases).where(knowledge_bases.c.id == base_id).values(revision=knowledge_bases.c.revision + 1)
    )


def _by_words_sqlite(connection: Connection, base_ids: Sequence[str], terms: Sequence[str], limit: int) -> list[int]:
    within = " OR ".join(f'"{base_id}"' for base_id in base_ids)
    words = " OR ".join(f'"{term}"*' if len(term) >= _PREFIX_LETTERS else f'"{term}"' for term in terms)
    # The base's column counts for nothing in the ranking.
    query = text(
        "SELECT w.rowid FROM knowledge_words w JOIN knowledge_passages p ON p.id = w.rowid"
        " JOIN knowledge_sources s ON s.id = p.source_id"
        " WHERE knowledge_words MATCH :match AND s.status = :ready"
        " ORDER BY bm25(knowledge_words, 0.0, 1.0), w.rowid LIMIT :limit"
    )
    match = f"(base_id : ({within})) AND (terms : ({words}))"
    return list(connection.execute(query, {"match": match, "ready": _READY, "limit": limit}).scalars())


def _by_words_postgresql(
    connection: Connection, base_ids: Sequence[str], terms: Sequence[str], limit: int
) -> list[int]:
    """The passages that have each term, in one query; weighed here."""
    passages, sources = knowledge_passages.c, knowledge_sources.c

    def having(number: int, term: str) -> Subquery:
        asked = func.to_tsquery(literal_column("'simple'"), f"{term}:*" if len(term) >= _PREFIX_LETTERS else term)
        return (
            select(literal(number).label("term"), passages.id)
            .join(knowledge_sources, sources.id == passages.source_id)
            .where(passages.base_id.in_(base_ids), passages.terms.op("@@")(asked), sources.status == _READY)
            .limit(_COUNT_UP_TO)
            .subquery()
        )

    query = union_all(*(select(having(number, term)) for number, term in enumerate(terms)))
    found: dict[int, list[int]] = {}
    for number, passage_id in connection.execute(query):
        found.setdefault(number, []).append(passage_id)
    telling = {number: ids for number, ids in found.items() if len(ids) < _COUNT_UP_TO} or found
    scores: dict[int, float] = {}
    for ids in telling.values():
        weight = math.log(1 + _COUNT_UP_TO / len(ids))
        for passage_id in ids:
            scores[passage_id] = scores.get(passage_id, 0.0) + weight
    return heapq.nsmallest(limit, scores, key=lambda passage_id: (-scores[passage_id], passage_id))
