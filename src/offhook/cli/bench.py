"""``offhook bench``: the benchmarks of a checkout, for people or programs.

A benchmark is ``bench/NAME.py`` or ``bench/NAME/__main__.py``: a program that prints one JSON line a figure on stdout
(``figure, value, unit, target, ok, n, note``) and whatever it likes on stderr; ``--quick`` asks for a smoke run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

import offhook
from offhook.cli.output import Output
from offhook.errors import ConfigurationError, OffhookError


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as media or call.")],
    quick: Annotated[bool, typer.Option("--quick", help="A smoke run; only a full run counts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a figure.")] = False,
) -> None:
    """Run a benchmark."""
    program = find_benchmark(name, Path(offhook.__file__).parents[2] / "bench")
    command = [sys.executable, str(program), *(["--quick"] if quick else [])]
    figures = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - a file of the checkout
        for line in process.stdout or ():
            if as_json:
                print(line, end="", flush=True)
            else:
                figures += parse_figures(line)
    if not as_json:
        columns = {
            "figure": "figure",
            "value": "value",
            "unit": "unit",
            "target": "target",
            "met": "ok",
            "note": "note",
        }
        Output(as_json=False).rows(figures, columns)
    if process.returncode:
        raise OffhookError(f"the benchmark {name} failed with code {process.returncode}; its errors are above")


def find_benchmark(name: str, folder: Path) -> Path:
    """The program of a benchmark. Raises ConfigurationError with the names there are."""
    if not folder.is_dir():
        raise ConfigurationError("benchmarks are run in a checkout of the source; this is an installed package")
    programs = dict(_programs(folder))
    if name not in programs:
        raise ConfigurationError(f"no benchmark {name!r}; there are: {', '.join(sorted(programs)) or 'none'}")
    return programs[name]


def _programs(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.glob("*.py"):
        if 'if __name__ == "__main__"' in path.read_text():  # the others are what benchmarks share
            yield path.stem, path
    for path in folder.glob("*/__main__.py"):
        yield path.parent.name, path.parent


def parse_figures(line: str) -> list[dict[str, object]]:
    """The figure in a line of output; none in a line that is something else."""
    try:
        figure = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return []
    return [figure] if "figure" in figure else []
