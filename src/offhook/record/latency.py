"""Latency of a call's turns: each stage's percentiles, and the turns themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0–1) of the ascending values lie, interpolated linearly between neighbours."""
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def summary(turns: Mapping[int, Mapping[str, float | None]]) -> dict[str, Any]:
    """``{stage: {p50, p95, p99, min, max, count}, …, "turns": [{turn, stages_ms}]}``, all in ms, turns in order.

    A stage that was never measured has no entry; in ``turns`` it is null, never guessed.
    """
    measured: dict[str, list[float]] = {}
    for stages in turns.values():
        for stage, value in stages.items():
            if value is not None:
                measured.setdefault(stage, []).append(value)
    rows: dict[str, Any] = {stage: _row(sorted(values)) for stage, values in measured.items()}
    rows["turns"] = [{"turn": turn, "stages_ms": dict(turns[turn])} for turn in sorted(turns)]
    return rows


def _row(ordered: list[float]) -> dict[str, float | int]:
    return {
        "p50": round(percentile(ordered, 0.50), 1),
        "p95": round(percentile(ordered, 0.95), 1),
        "p99": round(percentile(ordered, 0.99), 1),
        "min": ordered[0],
        "max": ordered[-1],
        "count": len(ordered),
    }
