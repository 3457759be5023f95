"""A benchmark's figures, one JSON line each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """``ok`` tells whether ``value`` reaches ``target`` (None: nothing to reach)."""

    figure: str
    value: float
    unit: str
    target: float | None
    ok: bool
    n: int
    note: str = ""


def show(figures: list[Figure]) -> None:
    """Print them, one JSON line each; ``offhook bench`` makes a table of it."""
    for figure in figures:
        print(json.dumps(asdict(figure)), flush=True)
