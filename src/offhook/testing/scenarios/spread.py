"""Scenarios played in several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from offhook.testing.scenarios.outcome import Outcome
from offhook.testing.scenarios.run import chooser, run_files
from offhook.testing.scenarios.schema import Mode


def run_spread(
    paths: Sequence[Path], mode: Mode, choice: str | None, processes: int, tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Play the files chosen, a share a process; the outcomes in the order of the files."""
    shares = [list(paths[first::processes]) for first in range(processes)]
    found = dict[str, Outcome]()
    # Spawned: a fork would copy the loop and the threads of this process.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_share, share, mode, choice) for share in shares if share]):
            for outcome in done.result():
                found[outcome.where] = outcome
                tell(outcome)
    return [found[str(path)] for path in paths if str(path) in found]


def _share(paths: list[Path], mode: Mode, choice: str | None) -> list[Outcome]:
    return run_files(paths, mode, chooser(choice), lambda _: None)
