"""A benchmark's figures: a table for people, one JSON line each for programs."""

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


def show(figures: list[Figure], *, as_json: bool) -> None:
    """Print them."""
    for figure in figures:
        if as_json:
            print(json.dumps(asdict(figure)))
        else:
            target = "" if figure.target is None else f"(target {figure.target:g}) {'ok' if figure.ok else 'MISSED'}"
            print(f"{figure.figure:38} {figure.value:10.2f} {figure.unit:4} n={figure.n:<6} {target} {figure.note}")
