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
NICE: Final = 10  # of embedding passages: calls go first
# A question that isn't answered by then is looked for by its words alone: 6 ms on an idle core, and calls go first.
QUESTION_LIMIT_S = 2.0
_MODULE = "offhook.knowledge.embedder"


class Embedding:
    """A process for questions, which stays once it was wanted, and one for passages while there are some to embed.

    The latter runs below the calls' priority, which a process can't change back; so there are two.
    """

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir.expanduser()
        self._questions: LocalProcess | None = None
        self._passages: LocalProcess | None = None
        self._ending: asyncio.Task[None] | None = None
        self._unfit: str | None = None
        self._closed = False

    @property
    def missing(self) -> str | None:
        """Why there are no vectors; None when there are. Asks the disk: a model fetched later is used from then on."""
        if self._unfit is not None:
            return self._unfit
        try:
            require(MINILM.name, self._models_dir)
        except ModelFilesError:
            return f"the local model isn't here: run `offhook models fetch {MINILM.name}` on the server"
        return None

    def reads(self, text: str) -> bool:
        """Whether the model knows the language of a question: its vectors of other languages are near to anything."""
        return english(text)

    async def start(self) -> bool:
        """Load the model for questions; False when it can't be."""
        if self._questions is None:
            self._questions = self._process("embedder", nice=0)
        return await self._started(self._questions)

    async def begin_passages(self) -> bool:
        """Load the model for passages; False when it can't be."""
        if self._passages is None:
            self._passages = self._process("embedder of passages", nice=NICE)
        return await self._started(self._passages)

    async def end_passages(self) -> None:
        """Give its memory back, 80 MB."""
        process, self._passages = self._passages, None
        if process is not None:
            # To its end, also when who waits for it is stopped meanwhile.
            self._ending = asyncio.create_task(process.close(), name="end-embedder")
            await asyncio.shield(self._ending)

    async def passage(self, text: str) -> bytes:
        """The vector of a passage, 384 float32. Raises ProviderError."""
        if self._passages is None:
            raise ProviderError("the embedder of passages is not started")
        return await _vector(self._passages, text)

    async def question(self, text: str, limit_s: float = QUESTION_LIMIT_S) -> bytes | None:
        """The vector of a question; None when it isn't there in time, the model's loading included."""
        try:
            async with asyncio.timeout(limit_s):
                if not await self.start() or self._questions is None:
                    return None
                return await _vector(self._questions, text)
        except TimeoutError:
            log.info("question_not_embedded", error="timeout", limit_s=limit_s)
        except ProviderError as error:
            log.warning("question_not_embedded", error=str(error))
        return None

    async def close(self) -> None:
        """End the processes."""
        self._closed = True
        await self.end_passages()
        if self._ending is not None:
            await self._ending
        if self._questions is not None:
            await self._questions.close()

    def _process(self, name: str, nice: int) -> LocalProcess:
        return LocalProcess(name, _MODULE, (str(self._models_dir), str(nice)))

    async def _started(self, process: LocalProcess) -> bool:
        if self.missing is not None or self._closed:
            return False
        try:
            await process.start()
        except (ModelFilesError, ProviderTimeoutError) as error:
            log.warning("embedder_not_started", error=str(error))
            return False
        except ProviderError as error:
            # It will be no better without a restart: a library is missing, or the file breaks it.
            self._unfit = "the local model could not be loaded; the server's log says why"
            log.warning("embedder_not_started", error=str(error))
            return False
        return True


async def _vector(process: LocalProcess, text: str) -> bytes:
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_reply(reply: Reply) -> None:
        if answer.done():
            return
        if reply.error is not None:
            answer.set_exception(ProviderError(reply.error))
        elif reply.value is not None:
            answer.set_result(msgspec.msgpack.decode(reply.value, type=bytes))

    job = process.submit(text, on_reply)
    try:
        return await answer
    finally:
        process.cancel(job)
