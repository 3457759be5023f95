"""Sources to passages, in the background: each read, cut, given vectors and made findable, or failed with its reason.

The queue is the table of sources itself, under leases: what a crash leaves half done is done anew as soon as the lease
has run out, by the next start or another worker. Nothing of a source is found before all of it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from offhook.errors import NotFoundError, OffhookError, ProviderError
from offhook.files import FileStore
from offhook.knowledge.embedding import MODEL, Embedding
from offhook.knowledge.reading.blocks import Kind, UnreadableError
from offhook.knowledge.reading.program import ReadPassage
from offhook.knowledge.reading.reader import read_file
from offhook.store.database import Database
from offhook.store.ids import now_us
from offhook.store.knowledge import SourceStatus, SourceType
from offhook.store.leases import Lease, Queue
from offhook.store.passages import Passages, changed
from offhook.store.tables import knowledge_sources

T = TypeVar("T")
log = structlog.get_logger(__name__)

LEASE_S = 30.0  # renewed while the work goes on; how long a source lies still after a crash
RENEW_EVERY_S = 10.0
LOOK_EVERY_S = 2.0  # for sources that another process added, and those due again; our own are told
MAX_ATTEMPTS = 5
_RETRY_AFTER_US = 15_000_000  # times the attempts: a store or database that is away comes back within minutes
_BATCH = 200  # passages a transaction: 20 ms of SQLite's write lock, which calls need too


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - whatever the work takes
    """Do it in a thread; who is cancelled waits for its end, so that the database isn't closed under a transaction."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


class _Lost(Exception):  # noqa: N818 - no error: the source is someone else's now, or gone
    pass


class Ingestion:
    """``run`` until cancelled; ``wake`` when there is something new."""

    def __init__(self, database: Database, files: FileStore, embedding: Embedding, scratch: Path) -> None:
        self._database, self._files, self._embedding, self._scratch = database, files, embedding, scratch
        self._passages = Passages(database)
        self._queue = Queue(knowledge_sources, lease_s=LEASE_S)
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There are new sources."""
        self._news.set()

    async def run(self) -> None:
        """Work the queue off, one source at a time: a machine that carries calls has no more to spare."""
        while True:
            self._news.clear()
            try:
                while await self.work_once():
                    pass
                await self._embedding.end_passages()
            except DBAPIError as error:
                log.warning("ingestion_waits_for_database", error=str(error))
            except Exception:
                # A fault of ours: the source comes again when its lease has run out, a few times; the others go on.
                log.exception("ingestion_broke")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_EVERY_S)

    async def work_once(self) -> bool:
        """Ingest one source that is due; False when there is none."""
        lease = await _in_thread(self._claim)
        if lease is None:
            return False
        try:
            async with self._renewed(lease):
                await self._ingest(lease)
        except _Lost:
            log.info("source_lost", source_id=lease.id)
        except UnreadableError as error:
            await _in_thread(self._give_up, lease, str(error))
        except NotFoundError:
            await _in_thread(self._give_up, lease, "its file is no longer in the store")
        except (OffhookError, OSError) as error:
            await _in_thread(self._try_again, lease, error)
        return True

    async def want_vectors(self) -> None:
        """Queue ready sources that have no vectors, or another model's, once the model is here."""
        if self._embedding.missing is None and await _in_thread(self._any_ready):
            await _in_thread(self._queue_vectorless)
            self.wake()
            await self._embedding.start()  # so that the first question doesn't wait for it

    # ------------------------------------------------------------------ the work

    async def _ingest(self, lease: Lease) -> None:
        ready = lease.row["status"] == SourceStatus.READY
        if not ready:
            await self._read(lease)
        embedded = await self._embed(lease)
        await _in_thread(self._finish, lease, embedded)
        if embedded is not None:
            await self._embedding.start()  # so that the first question doesn't wait for it

    async def _read(self, lease: Lease) -> None:
        """Store the passages of the file, in the place of what an earlier try left."""
        kind, title = Kind(lease.row["kind"]), lease.row["name"] if lease.row["type"] == SourceType.TEXT else ""
        async with self._local_file(lease.row["file_key"]) as path:
            found = await read_file(kind, path, title)
        await _in_thread(self._passages.clear, lease.id)
        for at in range(0, len(found), _BATCH):
            await _in_thread(self._add, lease, found[at : at + _BATCH])

    async def _embed(self, lease: Lease) -> str | None:
        """Give passages vectors; the model's name, or None while it isn't here."""
        if not await self._embedding.begin_passages():
            return None
        texts = await _in_thread(self._passages.texts, lease.id)
        try:
            for at in range(0, len(texts), _BATCH):
                vectors = {}
                for passage_id, headings, text in texts[at : at + _BATCH]:
                    vectors[passage_id] = await self._embedding.passage(f"{headings}\n{text}" if headings else text)
                await _in_thread(self._set_vectors, lease, vectors)
        except ProviderError as error:
            if lease.attempt < MAX_ATTEMPTS:
                raise
            log.warning("source_without_vectors", source_id=lease.id, error=str(error))
            return None
        return MODEL

    @contextlib.asynccontextmanager
    async def _local_file(self, key: str) -> AsyncIterator[Path]:
        """The source's file on this machine: where it is, or a copy for as long as it is needed."""
        path = self._files.path(key)
        if path is not None:
            if not path.exists():
                raise NotFoundError(f"no file {key}")
            yield path
            return
        stored = await self._files.find(key)
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._scratch) as copy:
            async for chunk in self._files.stream(key, 0, stored.size):
                await _in_thread(copy.write, chunk)
            await _in_thread(copy.flush)
            yield Path(copy.name)

    @contextlib.asynccontextmanager
    async def _renewed(self, lease: Lease) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(RENEW_EVERY_S)
                await _in_thread(self._renew, lease)

        task = asyncio.create_task(renew(), name="renew-lease")
        try:
            yield
        finally:
            task.cancel()
            # What a renewal met, a lost lease or a database that is away, the work itself meets when it writes.
            await asyncio.gather(task, return_exceptions=True)

    # ------------------------------------------------------------------ transactions, in threads

    def _claim(self) -> Lease | None:
        with self._database.read() as connection:
            if not self._queue.has_due(connection):
                return None
        with self._database.write() as connection:
            leases = self._queue.claim(connection, limit=1)
        if leases and leases[0].attempt > MAX_ATTEMPTS:
            self._give_up(leases[0], f"it could not be read in {MAX_ATTEMPTS} tries; the log has the reasons")
            return self._claim()
        return leases[0] if leases else None

    def _renew(self, lease: Lease) -> None:
        with self._database.write() as connection:
            self._queue.renew(connection, lease)

    def _add(self, lease: Lease, passages: Sequence[ReadPassage]) -> None:
        rows = [
            {
                "base_id": lease.row["base_id"],
                "source_id": lease.id,
                "position": each.position,
                "page": each.page,
                "headings": each.headings,
                "text": each.text,
                "terms": each.terms,
            }
            for each in passages
        ]
        with self._database.write() as connection:
            if not self._queue.renew(connection, lease):
                raise _Lost
            Passages.add(connection, rows)

    def _set_vectors(self, lease: Lease, vectors: dict[int, bytes]) -> None:
        with self._database.write() as connection:
            if not self._queue.renew(connection, lease):
                raise _Lost
            Passages.set_vectors(connection, vectors)

    def _finish(self, lease: Lease, embedded_by: str | None) -> None:
        with self._database.write() as connection:
            # The base first, as everywhere: two that lock in one order never wait for each other.
            changed(connection, lease.row["base_id"])
            count = Passages.count(connection, lease.id)
            values = {"status": SourceStatus.READY.value, "embedded_by": embedded_by, "passages": count, "reason": None}
            if not self._queue.finish(connection, lease, **values):
                raise _Lost
        log.info("source_ready", source_id=lease.id, passages=count, embedded=embedded_by is not None)

    def _give_up(self, lease: Lease, reason: str) -> None:
        """No more tries. What could only not be given vectors stays what it is: ready, found by its words."""
        with self._database.write() as connection:
            changed(connection, lease.row["base_id"])
            if lease.row["status"] == SourceStatus.READY:
                self._queue.finish(connection, lease)
                return
            if self._queue.finish(connection, lease, status=SourceStatus.FAILED.value, reason=reason, passages=0):
                Passages.remove(connection, lease.id)
        log.info("source_failed", source_id=lease.id, reason=reason)

    def _try_again(self, lease: Lease, error: Exception) -> None:
        """Something beside the file is wrong: the store, the embedder."""
        log.warning("source_waits", source_id=lease.id, attempt=lease.attempt, error=str(error))
        if lease.attempt >= MAX_ATTEMPTS:
            self._give_up(lease, f"it could not be read in {MAX_ATTEMPTS} tries: {error}")
            return
        with self._database.write() as connection:
            self._queue.again(connection, lease, now_us() + lease.attempt * _RETRY_AFTER_US)

    def _any_ready(self) -> bool:
        ready = knowledge_sources.c.status == SourceStatus.READY.value
        with self._database.read() as connection:
            return connection.execute(select(knowledge_sources.c.id).where(ready).limit(1)).first() is not None

    def _queue_vectorless(self) -> None:
        sources = knowledge_sources.c
        without = (
            sources.status == SourceStatus.READY.value,
            sources.embedded_by.is_distinct_from(MODEL),
            sources.due_us.is_(None),
        )
        with self._database.read() as connection:
            if connection.execute(select(sources.id).where(*without).limit(1)).first() is None:
                return
        with self._database.write() as connection:
            connection.execute(update(knowledge_sources).where(*without).values(due_us=now_us(), attempts=0))
