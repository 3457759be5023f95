"""The language model's process: ``python -m offhook.models.local.language FD MODEL_FILE SLOTS``.

llama.cpp's server as a library (``xllamacpp``). Each slot keeps the prompt it saw last, so a call that goes on pays for
its new words only. One thread: a second one loses when the machine is busy.
"""

from __future__ import annotations

import json
import queue
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from offhook.errors import ProviderError
from offhook.models.local.jobs import ChatJob, ChatPiece
from offhook.models.local.worker import Cancelled, connection_from, serve

Chunks = queue.SimpleQueue[dict[str, Any] | Exception | None]

CONTEXT_TOKENS = 6144  # a slot's: the prompt of a state and half an hour of talk
_STEP_S = 0.1  # how soon a cancelled job is noticed while the model works on its prompt


class ChatModel:
    """One GGUF file behind llama.cpp, ``slots`` conversations at once."""

    def __init__(self, path: Path, slots: int) -> None:
        try:
            import xllamacpp  # noqa: PLC0415 - an extra: its absence is told, not raised at import
        except ImportError as error:
            raise ProviderError(f"the local language model needs `pip install offhook[local-llm]` ({error})") from error
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.n_parallel, settings.n_ctx = slots, slots * CONTEXT_TOKENS
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
        settings.verbosity, settings.n_threads_http, settings.cache_ram_mib = 0, 1, 0
        # The library also listens on a port of loopback, which nobody uses: nobody knows the key.
        settings.api_keys = [secrets.token_urlsafe(24)]
        self._server = xllamacpp.Server(settings)
        self._decoder = msgspec.msgpack.Decoder(ChatJob)

    def work(self, job: msgspec.Raw, cancelled: Cancelled) -> Iterator[ChatPiece]:
        """Continue a conversation, piece by piece."""
        chat = self._decoder.decode(job)
        chunks: Chunks = queue.SimpleQueue()
        stop = threading.Event()

        def take(chunk: dict[str, Any]) -> bool:
            chunks.put(chunk)
            return stop.is_set()

        threading.Thread(target=self._run, args=(_request(chat), take, chunks), daemon=True).start()
        try:
            while not cancelled():
                try:
                    chunk = chunks.get(timeout=_STEP_S)
                except queue.Empty:
                    continue
                if chunk is None:
                    return
                if isinstance(chunk, Exception):
                    raise chunk
                yield _piece(chunk)
        finally:
            stop.set()

    def _run(self, request: dict[str, Any], take: Callable[[dict[str, Any]], bool], chunks: Chunks) -> None:
        try:
            self._server.handle_chat_completions(request, take)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            chunks.put(error)
        chunks.put(None)


def _request(chat: ChatJob) -> dict[str, Any]:
    request: dict[str, Any] = {
        "messages": json.loads(chat.messages),
        "max_tokens": chat.max_tokens,
        "temperature": chat.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_prompt": True,
    }
    if chat.schema is not None:
        request["response_format"] = {"type": "json_schema", "json_schema": {"schema": json.loads(chat.schema)}}
    return request


def _piece(chunk: dict[str, Any]) -> ChatPiece:
    if "error" in chunk:
        raise ProviderError(f"the local language model refused: {chunk['error'].get('message', chunk['error'])}")
    text = "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
    usage = chunk.get("usage")
    if not usage:
        return ChatPiece(text)
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return ChatPiece(text, usage["prompt_tokens"], cached, usage["completion_tokens"])


def main() -> None:
    """Serve until the call process is gone."""
    descriptor, path, slots = sys.argv[1:]
    serve(lambda: ChatModel(Path(path), int(slots)), connection_from(descriptor), int(slots))


if __name__ == "__main__":
    main()
