"""Vectors of texts, made in a process of their own; without the model there are none, which is no error."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import structlog

from offhook.errors import ModelFilesError, ProviderError, ProviderTimeoutError
from offhook.knowledge.terms import english
from offhook.models.files import require
from offhook.models.local.process import LocalProcess, Reply
from offhook.models.manifest import MINILM

log = structlog.get_logger(__name__)

MODEL: Final = "all-MiniLM-L6-v2-int8"  # kept with vectors: those of another model are not compared
DIMENSIONS: Final = 384
# A question that isn't answered by then is looked for by its words alone: 6 ms on an idle core, and calls go first.
QUESTION_LIMIT_S = 2.0
_QUESTION, _PASSAGE = 0, 10  # a caller's question goes before passages that are being read in


class Embedding:
    """Starts the process when it is first wanted. ``available`` says whether the model's files are here."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir.expanduser()
        self._process = LocalProcess("embedder", "offhook.knowledge.embedder", (str(self._models_dir),))
        self._unfit: str | None = None
        self._closed = False

    @property
    def missing(self) -> str | None:
        """Why there are no vectors; None when there are. Asks the disk: a model fetched later is used from then on."""
        if self._unfit is not None:
            return self._unfit
        try:
            require(MINILM.name, self._models_dir)
        except ModelFilesError as error:
            return str(error)
        return None

    def reads(self, text: str) -> bool:
        """Whether the model knows the language of a question: its vectors of other languages are near to anything."""
        return english(text)

    async def start(self) -> bool:
        """Load the model; False when it can't be."""
        if self.missing is not None or self._closed:
            return False
        try:
            await self._process.start()
        except (ModelFilesError, ProviderTimeoutError) as error:
            log.warning("embedder_not_started", error=str(error))
            return False
        except ProviderError as error:
            # It will be no better without a restart: a library is missing, or the file breaks it.
            self._unfit = str(error)
            log.warning("embedder_not_started", error=str(error))
            return False
        return True

    async def passage(self, text: str) -> bytes:
        """The vector of a passage, 384 float32. Raises ProviderError."""
        return await self._vector(text, _PASSAGE)

    async def question(self, text: str, limit_s: float = QUESTION_LIMIT_S) -> bytes | None:
        """The vector of a question; None when it isn't there in time, the model's loading included."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._vector(text, _QUESTION) if await self.start() else None
        except TimeoutError:
            log.info("question_not_embedded", error="timeout", limit_s=limit_s)
        except ProviderError as error:
            log.warning("question_not_embedded", error=str(error))
        return None

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        await self._process.close()

    async def _vector(self, text: str, priority: int) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def on_reply(reply: Reply) -> None:
            if answer.done():
                return
            if reply.error is not None:
                answer.set_exception(ProviderError(reply.error))
            elif reply.value is not None:
                answer.set_result(msgspec.msgpack.decode(reply.value, type=bytes))

        job = self._process.submit(text, on_reply, priority)
        try:
            return await answer
        finally:
            self._process.cancel(job)
