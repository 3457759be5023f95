"""The hot read on PostgreSQL: on the loop, by prepared statements, many questions at a time.

What is asked while a connection is busy waits for it and goes in one query with all that has come meanwhile: under
load a query answers dozens of requests, which share its cost in this process. Each answer is from after its question:
nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog
from sqlalchemy import URL

from offhook.errors import DatabaseAwayError
from offhook.store.calls import StoredCall
from offhook.store.hot import LiveKey, Meanings

log = structlog.get_logger(__name__)

CONNECTIONS = 2  # for each kind of question: one is asked while the other's answer is on its way
_MOST_AT_ONCE = 200
_CONNECT_LIMIT_S, _ANSWER_LIMIT_S = 5.0, 5.0
_KEY_SQL = """SELECT k.digest, k.id, k.organization_id, k.scopes, k.expires_us, o.limits
              FROM api_keys k JOIN organizations o ON o.id = k.organization_id
              WHERE k.digest = ANY ($1::text[]) AND k.revoked_us IS NULL"""
# Bytes come ready to send; a text would be decoded only to be encoded again.
_CALL_SQL = """SELECT c.organization_id, c.id, convert_to(c.document, 'UTF8'), c.secure_recording_url, c.recorded
               FROM unnest($1::text[], $2::text[]) AS asked (organization_id, id)
               JOIN calls c ON c.id = asked.id AND c.organization_id = asked.organization_id"""
# What libpq understands and asyncpg would hand to the server as a setting.
_LIBPQ_ONLY = frozenset(
    {"connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
     "gssencmode", "channel_binding", "client_encoding", "hostaddr", "load_balance_hosts", "fallback_application_name"}
)  # fmt: skip

_FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

Question = tuple[str, ...]
_Answer = asyncio.Future[Any]


class PostgresReads:
    """Reads on the loop that first asks, over connections of their own, which are made anew when they break."""

    def __init__(self, url: URL) -> None:
        plain = url.set(drivername="postgresql").difference_update_query(_LIBPQ_ONLY)
        dsn = plain.render_as_string(hide_password=False)
        self._meanings = Meanings()
        self._keys = _Desk(dsn, _KEY_SQL, lambda asked: ([digest for (digest,) in asked],), lambda row: (row[0],))
        self._calls = _Desk(
            dsn, _CALL_SQL, lambda asked: tuple(map(list, zip(*asked, strict=True))), lambda row: (row[0], row[1])
        )

    async def key(self, digest: str) -> LiveKey | None:
        """The key of that digest unless it was revoked."""
        row = await self._keys.ask((digest,))
        if row is None:
            return None
        return LiveKey(row[1], row[2], self._meanings.scopes(row[3]), row[4], self._meanings.limits(row[5]))

    async def call(self, organization_id: str, call_id: str) -> StoredCall | None:
        """A call of that organization."""
        row = await self._calls.ask((organization_id, call_id))
        return None if row is None else StoredCall(row[1], row[2], row[3], row[4])

    def close(self) -> None:
        """Close the connections; who still waits is told that the database is away."""
        self._keys.close()
        self._calls.close()


class _Desk:
    """One kind of question: a query for many of them, and which row answers which."""

    def __init__(
        self,
        dsn: str,
        sql: str,
        arguments: Callable[[list[Question]], tuple[list[str], ...]],
        question: Callable[[Any], Question],
    ) -> None:
        self._dsn, self._sql, self._arguments, self._question = dsn, sql, arguments, question
        self._waiting: deque[tuple[Question, _Answer]] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._clerks: list[asyncio.Task[None]] = []
        self._closed = False

    async def ask(self, question: Question) -> Any:  # noqa: ANN401 - a row, or None
        """The row that answers. Raises DatabaseAwayError."""
        if self._closed:
            raise _stopping()
        loop = asyncio.get_running_loop()
        if not self._clerks:
            self._clerks = [loop.create_task(self._serve(), name="hot-read") for _ in range(CONNECTIONS)]
        answer: _Answer = loop.create_future()
        self._waiting.append((question, answer))
        if self._idle:
            self._idle.popleft().set_result(None)
        return await answer

    def close(self) -> None:
        """End the work."""
        self._closed = True
        for clerk in self._clerks:
            clerk.cancel()
        while self._waiting:
            _tell([self._waiting.popleft()], _stopping())

    async def _serve(self) -> None:
        counter = _Counter(self._dsn, self._sql)
        batch: list[tuple[Question, _Answer]] = []
        try:
            while True:
                while not self._waiting:
                    woken = asyncio.get_running_loop().create_future()
                    self._idle.append(woken)
                    await woken
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
                await self._answer(counter, batch)
        finally:
            _tell(batch, _stopping())
            counter.drop()

    async def _answer(self, counter: _Counter, batch: list[tuple[Question, _Answer]]) -> None:
        # Many ask the same: requests of one client have one key.
        asked = list(dict.fromkeys(question for question, answer in batch if not answer.done()))
        if not asked:
            return
        try:
            rows = await counter.fetch(self._arguments(asked))
        except _FAILURES as error:
            log.warning("hot_read_failed", error=repr(error))
            _tell(batch, DatabaseAwayError(f"the database does not answer: {type(error).__name__}"))
            return
        except Exception as error:  # noqa: BLE001 - whoever asked is told what nobody foresaw, and the work goes on
            _tell(batch, error)
            return
        found = {self._question(row): row for row in rows}
        for question, answer in batch:
            if not answer.done():
                answer.set_result(found.get(question))


def _stopping() -> DatabaseAwayError:
    return DatabaseAwayError("the server is stopping")


def _tell(batch: list[tuple[Question, _Answer]], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)


class _Counter:
    """A connection with its prepared statement, made when needed and anew when it fails."""

    def __init__(self, dsn: str, sql: str) -> None:
        self._dsn, self._sql = dsn, sql
        self._connection: Any = None
        self._statement: Any = None

    async def fetch(self, arguments: tuple[list[str], ...]) -> list[Any]:
        """The rows. On a connection that may have died unseen, or whose statement has grown old, it is tried twice."""
        if self._connection is not None:
            try:
                return await self._ask(arguments)
            except _FAILURES:
                self.drop()
        try:
            self._connection = await asyncpg.connect(
                self._dsn, timeout=_CONNECT_LIMIT_S, statement_cache_size=0,
                server_settings={"application_name": "offhook reads", "default_transaction_read_only": "on"},
            )  # fmt: skip
            self._statement = await self._connection.prepare(self._sql, timeout=_ANSWER_LIMIT_S)
            return await self._ask(arguments)
        except BaseException:
            self.drop()
            raise

    async def _ask(self, arguments: tuple[list[str], ...]) -> list[Any]:
        rows: list[Any] = await self._statement.fetch(*arguments, timeout=_ANSWER_LIMIT_S)
        return rows

    def drop(self) -> None:
        """Close the connection without a word."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = self._statement = None
