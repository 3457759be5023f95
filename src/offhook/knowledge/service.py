"""Knowledge bases as the rest of the house uses them: add sources, remove them, search."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Final

import structlog
from starlette.routing import Route

from offhook.errors import ConfigurationError, OffhookError
from offhook.files import open_files
from offhook.knowledge.embedding import QUESTION_LIMIT_S, Embedding
from offhook.knowledge.files import SourceFiles
from offhook.knowledge.ingestion import Ingestion
from offhook.knowledge.ranking import fuse
from offhook.knowledge.reading.blocks import Kind
from offhook.knowledge.terms import query_terms
from offhook.knowledge.vectors import Vectors
from offhook.recordings.links import Linker
from offhook.settings import Settings
from offhook.store.database import Database
from offhook.store.ids import new_id
from offhook.store.knowledge import Base, KnowledgeBases, NewSource, Source, SourceType
from offhook.store.passages import Passages, StoredPassage

log = structlog.get_logger(__name__)

KINDS: Final = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".txt": Kind.TEXT,
}
_CANDIDATES = 50  # of each ranking; what is past that in both doesn't get among the first few
# Questions and passages that have nothing in common are mostly below (`offhook bench knowledge`).
_LEAST_SIMILARITY = 0.2
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """Something to add: its bytes are read from ``content``, which stays the caller's to close."""

    name: str
    type: SourceType
    kind: Kind
    content: IO[bytes]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; ``score`` 0-1 ranks it, ``similarity`` (cosine) is None where only words found it."""

    passage: StoredPassage
    score: float
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """``lexical_because`` says why only words were looked for; None when meaning was, too."""

    hits: tuple[Hit, ...]
    lexical_because: str | None


class Knowledge:
    """``start`` it on the loop, ``close`` it at the end. ``bases`` are the stored bases themselves."""

    def __init__(self, database: Database, settings: Settings, secret_key: str) -> None:
        self.public_url = ""  # set when the port is known
        self.bases = KnowledgeBases(database)
        self._files, self._incoming = open_files(settings, "knowledge"), settings.data_dir / "incoming"
        self._passages = Passages(database)
        self._vectors = Vectors(self._passages)
        self._embedding = Embedding(settings.models_dir)
        self._ingestion = Ingestion(database, self._files, self._embedding, self._incoming)
        self._pages = SourceFiles(self._files, Linker(secret_key), self.bases.source)
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what is to be ingested."""
        self._work = asyncio.create_task(self._ingestion.run(), name="ingest-knowledge")
        await self._ingestion.want_vectors()

    async def close(self) -> None:
        """Stop; a source under way is begun anew by the next start."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._embedding.close()

    async def add(self, organization_id: str, base_id: str, uploads: Sequence[Upload]) -> Base:
        """Store sources and queue them; all of them, or none. Raises NotFoundError, ConflictError, StorageError."""
        async with AsyncExitStack() as undo:
            sources = []
            for upload in uploads:
                source = await self._store(organization_id, base_id, upload)
                undo.push_async_callback(self._forget, [source.file_key])
                sources.append(source)
            base = await asyncio.to_thread(self.bases.add_sources, organization_id, base_id, sources)
            undo.pop_all()
        self._ingestion.wake()
        return base

    async def remove(self, organization_id: str, base_id: str, source_ids: Iterable[str]) -> Base:
        """Remove sources with their files; the base then. Raises NotFoundError unless all are there."""
        gone = await asyncio.to_thread(self.bases.remove_sources, organization_id, base_id, source_ids)
        await self._forget([source.file_key for source in gone])
        return await asyncio.to_thread(self.bases.get, organization_id, base_id)

    async def delete(self, organization_id: str, base_id: str) -> None:
        """Delete a base. Raises NotFoundError, ConflictError while a published agent uses it."""
        gone = await asyncio.to_thread(self.bases.delete, organization_id, base_id)
        await self._forget([source.file_key for source in gone])

    async def search(
        self,
        organization_id: str,
        base_ids: Sequence[str],
        query: str,
        limit: int = 5,
        question_limit_s: float = QUESTION_LIMIT_S,
    ) -> Found:
        """The passages that fit a question best, by words and by meaning. Raises NotFoundError for an unknown base.

        ``question_limit_s``: how long the question's meaning is waited for; past it only the words count.
        """
        because = self._embedding.missing
        if because is None and not self._embedding.reads(query):
            because = "the question isn't in English, the language of the local model"
        looking = asyncio.create_task(asyncio.to_thread(self._by_words, organization_id, base_ids, query))
        try:
            vector = None if because else await self._embedding.question(query, question_limit_s)
        finally:
            revisions, by_words = await looking
        if because is None and vector is None:
            because = "the model did not answer in time"
        hits = await asyncio.to_thread(self._hits, revisions, by_words, vector, limit)
        return Found(tuple(hits), because)

    def file_url(self, source: Source) -> str:
        """A signed URL of a source's file, good for an hour."""
        return self._pages.url(source, self.public_url)

    def routes(self) -> list[Route]:
        """Routes that serve those URLs."""
        return self._pages.routes()

    # ------------------------------------------------------------------ threads

    def _by_words(self, organization_id: str, base_ids: Sequence[str], query: str) -> tuple[dict[str, int], list[int]]:
        revisions = self._passages.revisions(organization_id, base_ids)
        return revisions, self._passages.by_words(base_ids, query_terms(query), _CANDIDATES)

    def _hits(self, revisions: dict[str, int], by_words: list[int], vector: bytes | None, limit: int) -> list[Hit]:
        nearest = [] if vector is None else self._vectors.nearest(revisions, vector, _CANDIDATES, _LEAST_SIMILARITY)
        similarity = dict(nearest)
        fused = fuse(by_words, [each for each, _ in nearest])[:limit]
        passages = self._passages.fetch([each for each, _ in fused])
        return [Hit(passages[each], score, similarity.get(each)) for each, score in fused if each in passages]

    # ------------------------------------------------------------------ files

    async def _store(self, organization_id: str, base_id: str, upload: Upload) -> NewSource:
        source_id = new_id()
        key = f"{organization_id}/{base_id}/{source_id}.{upload.kind}"
        self._incoming.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._incoming) as copy:
            size = await asyncio.to_thread(_copy, upload.content, copy)
            await self._files.put(key, Path(copy.name))
        return NewSource(
            id=source_id, type=upload.type, name=upload.name, kind=upload.kind.value, file_key=key, size_bytes=size
        )

    async def _forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                await self._files.delete(key)
            except OffhookError as error:
                # The record is gone, which is what was asked; the operator can remove what the store would not.
                log.warning("source_file_not_removed", key=key, error=str(error))


def kind_of(name: str) -> Kind:
    """How a file of this name is read. Raises ConfigurationError for one that can't be."""
    kind = KINDS.get(PurePath(name).suffix.lower())
    if kind is None:
        raise ConfigurationError(f"{name!r} can't be read; give one of {', '.join(KINDS)}")
    return kind


def _copy(content: IO[bytes], to: IO[bytes]) -> int:
    content.seek(0)
    size = 0
    while block := content.read(_COPY_BYTES):
        to.write(block)
        size += len(block)
    to.flush()
    return size
