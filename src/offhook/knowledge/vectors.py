"""The nearest vectors, exactly: each base's in memory as one matrix, multiplied with the question's.

That is exact, has no index to keep in step, and is the same on both databases; what it takes is in `bench knowledge`.
Matrices are read when a base is first asked and again when its revision changed; those asked longest ago give way past
``MAX_BYTES``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offhook.knowledge.embedding import DIMENSIONS, MODEL
from offhook.store.passages import Passages

MAX_BYTES = 256 << 20  # 170,000 passages


@dataclass(frozen=True, slots=True)
class _Matrix:
    revision: int
    ids: NDArray[np.int64]
    rows: NDArray[np.float32]


class Vectors:
    """Thread-safe; for threads, since a first look reads the database."""

    def __init__(self, passages: Passages, max_bytes: int = MAX_BYTES) -> None:
        self._passages, self._max_bytes = passages, max_bytes
        self._kept: OrderedDict[str, _Matrix] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # two that ask for the same base read it once

    def nearest(
        self, revisions: Mapping[str, int], question: bytes, limit: int, least: float
    ) -> list[tuple[int, float]]:
        """Ids and similarities (cosine) of the nearest passages of the bases, nearest first, none below ``least``."""
        vector = np.frombuffer(question, dtype="<f4")
        found: list[tuple[int, float]] = []
        for base_id, revision in revisions.items():
            matrix = self._matrix(base_id, revision)
            similarities = matrix.rows @ vector
            best = np.flatnonzero(similarities >= least)
            if len(best) > limit:
                best = best[np.argpartition(similarities[best], -limit)[-limit:]]
            found += zip(matrix.ids[best].tolist(), similarities[best].tolist(), strict=True)
        return sorted(found, key=lambda each: (-each[1], each[0]))[:limit]

    def _matrix(self, base_id: str, revision: int) -> _Matrix:
        kept = self._get(base_id, revision)
        if kept is not None:
            return kept
        with self._reading:
            kept = self._get(base_id, revision)
            if kept is None:
                kept = self._read(base_id, revision)
                self._keep(base_id, kept)
        return kept

    def _get(self, base_id: str, revision: int) -> _Matrix | None:
        with self._lock:
            kept = self._kept.get(base_id)
            if kept is None or kept.revision != revision:
                return None
            self._kept.move_to_end(base_id)
            return kept

    def _read(self, base_id: str, revision: int) -> _Matrix:
        ids: list[int] = []
        parts: list[NDArray[np.float32]] = []
        for some_ids, vectors in self._passages.vectors(base_id, MODEL):
            ids += some_ids
            parts.append(np.frombuffer(b"".join(vectors), dtype="<f4").reshape(-1, DIMENSIONS))
        rows = np.concatenate(parts) if parts else np.empty((0, DIMENSIONS), dtype=np.float32)
        return _Matrix(revision, np.array(ids, dtype=np.int64), rows)

    def _keep(self, base_id: str, matrix: _Matrix) -> None:
        with self._lock:
            self._kept[base_id] = matrix
            self._kept.move_to_end(base_id)
            while len(self._kept) > 1 and sum(each.rows.nbytes for each in self._kept.values()) > self._max_bytes:
                self._kept.popitem(last=False)
