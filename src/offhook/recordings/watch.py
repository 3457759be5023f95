"""Whether the store of recordings works, looked at every minute: the server's readiness tells, and calls go on."""

from __future__ import annotations

import asyncio

import structlog

from offhook.errors import ConfigurationError, OffhookError, StorageError, StorageSetupError
from offhook.files import FileStore

# Also how a role's temporary key is kept fresh: the store's client renews one that has less than five minutes left.
PERIOD_S = 60.0
FIRST_LIMIT_S = 5.0  # a start doesn't wait longer for a store that is away: recordings wait on their tapes
log = structlog.get_logger(__name__)


class StorageWatch:
    """``problem`` says what is wrong with the store, in a sentence, or is None."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self.problem: str | None = None

    async def first(self) -> None:
        """Look at a start. Raises ConfigurationError for what only the operator can mend; the rest may pass."""
        try:
            async with asyncio.timeout(FIRST_LIMIT_S):
                await self._store.probe()
        except StorageSetupError as error:
            raise ConfigurationError(str(error)) from error
        except StorageError as error:
            self._tell(str(error))
        except TimeoutError:
            self._tell(f"{self._store.location}: does not answer")

    async def run(self) -> None:
        """Look every minute, for ever."""
        while True:
            await asyncio.sleep(PERIOD_S)
            await self.check()

    async def check(self) -> None:
        """Look now."""
        try:
            await self._store.probe()
        except OffhookError as error:
            self._tell(str(error))
        else:
            self._tell(None)

    def _tell(self, problem: str | None) -> None:
        if problem is not None:
            log.error("storage_fails", problem=problem)
        elif self.problem is not None:
            log.warning("storage_works_again", store=self._store.location)
        self.problem = problem
