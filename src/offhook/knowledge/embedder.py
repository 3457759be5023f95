"""The process that makes vectors: ``python -m offhook.knowledge.embedder FD MODELS_DIR NICE``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from offhook.errors import ProviderError
from offhook.models.files import require
from offhook.models.local.worker import Cancelled, connection_from, serve
from offhook.models.manifest import MINILM

THREADS = 1  # a question takes 6 ms of a core, so that those of many calls hardly ever meet
MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained on; more makes its vectors vague


class EmbedderModel:
    """all-MiniLM-L6-v2: the mean of its last layer over the tokens, scaled to length 1."""

    def __init__(self, models_dir: Path) -> None:
        require(MINILM.name, models_dir)
        try:
            from tokenizers import Tokenizer  # noqa: PLC0415 - of the extra `local`; without it there are no vectors
        except ImportError as error:
            raise ProviderError(f"vectors need `pip install offhook[local]` ({error})") from error
        folder = models_dir / MINILM.name
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def vector(self, text: str) -> NDArray[np.float32]:
        """The vector of one text."""
        ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = self._session.run(None, inputs)[0][0].mean(axis=0)
        scaled: NDArray[np.float32] = (mean / np.linalg.norm(mean)).astype("<f4")
        return scaled

    def work(self, job: msgspec.Raw, cancelled: Cancelled) -> Iterator[bytes]:
        """Answer a text with its vector's bytes."""
        if not cancelled():
            yield self.vector(msgspec.msgpack.decode(job, type=str)).tobytes()


def main() -> None:
    """Serve until the call process is gone."""
    descriptor, models_dir, nice = sys.argv[1:]
    os.nice(int(nice))
    serve(lambda: EmbedderModel(Path(models_dir)), connection_from(descriptor), THREADS)


if __name__ == "__main__":
    main()
