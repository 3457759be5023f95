"""Group commit: small writes of many tasks share a transaction, and so its sync to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from offhook.store.database import Database, clashed, unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")
Work = Callable[[Connection], T]
_Job = tuple[str, Work[Any], asyncio.Future[Any]]
RETRY_S = 1.0  # a database that restarts takes a few of these
MOST_CLASHES = 5  # with what other processes write at the same time; a write that always fails is a mistake


class GroupCommit:
    """``run`` a write; those that come while a transaction is under way share the next one.

    A write that fails doesn't spoil the others': the group is then written one by one. One that collides with another
    process's is tried again. While the database is away, everything waits.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: list[_Job] = []
        self._task: asyncio.Task[None] | None = None

    async def run(self, key: str, work: Work[T]) -> T:
        """Do it in a transaction; its result once it is durable. It may run more than once: it only writes.

        ``key`` is the call that it is about. Whoever writes many calls in one transaction takes them in this order,
        so that no two wait for each other.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append((key, work, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="group-commit")
        return await done

    async def close(self) -> None:
        """Return when everything handed in was written."""
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        while self._jobs:
            group, self._jobs = [job for job in self._jobs if not job[2].done()], []
            group.sort(key=lambda job: job[0])
            await self._write(group)

    async def _write(self, group: list[_Job]) -> None:
        clashes = 0
        while True:
            try:
                results = await asyncio.to_thread(self._transaction, group)
            except Exception as error:  # noqa: BLE001 - whatever a write raises is for who waits for it
                if clashed(error) and clashes < MOST_CLASHES:
                    clashes += 1
                    continue
                if unavailable(error):
                    log.warning("database_away", waiting=len(group) + len(self._jobs), error=str(error))
                    await asyncio.sleep(RETRY_S)
                    continue
                if len(group) > 1:
                    for job in group:
                        await self._write([job])
                elif not group[0][2].done():
                    group[0][2].set_exception(error)
                return
            for (_, _, done), result in zip(group, results, strict=True):
                if not done.done():  # who asked may have been cancelled meanwhile
                    done.set_result(result)
            return

    def _transaction(self, group: list[_Job]) -> list[Any]:
        with self._database.write() as connection:
            return [work(connection) for _, work, _ in group]
