"""``offhook models``: the local models' files."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offhook.cli.connect import noun
from offhook.cli.output import Output
from offhook.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offhook.models.fetch import OnProgress, Progress

app = noun("Local models.")

ModelsDir = Annotated[Path | None, typer.Option("--models-dir", help="OFFHOOK_MODELS_DIR when absent.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


@app.command("fetch")
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME …]", help="All but optional ones if absent.")
    ] = None,
    models_dir: ModelsDir = None,
    folder: Annotated[Path | None, typer.Option("--from", help="A folder that is tried first.")] = None,
    mirrors: Annotated[bool, typer.Option("--mirrors", help="Also sources that don't state a licence.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch local models: digests checked, nothing twice, going on where it stopped."""
    from offhook.models.fetch import fetch as fetch_models  # noqa: PLC0415 - --help does without the HTTP client

    output = Output(as_json)
    place = models_folder(models_dir)
    with _bars() as on_progress:
        files = fetch_models(names or [], place, on_progress, folder=folder, mirrors=mirrors)
    output.record({"models_dir": str(place), "files": [str(file) for file in files]}, f"{len(files)} files in {place}")


@app.command("list")
def list_models(models_dir: ModelsDir = None, as_json: AsJson = False) -> None:
    """Show the local models and which of them are here."""
    from offhook.models.files import list_models as statuses  # noqa: PLC0415 - as above

    rows = [dataclasses.asdict(status) for status in statuses(models_folder(models_dir))]
    shown = [{**row, "size": f"{row['size_bytes'] / 1e6:.0f} MB"} for row in rows]
    columns = {
        "name": "name",
        "here": "present",
        "size": "size",
        "optional": "optional",
        "for": "purpose",
        "licence": "licence",
    }
    Output(as_json).rows(rows if as_json else shown, columns)


def models_folder(models_dir: Path | None) -> Path:
    """The folder meant by the option, else by the settings."""
    return load_settings(models_dir=models_dir).models_dir.expanduser()


@contextmanager
def _bars() -> Iterator[OnProgress]:
    """A progress bar a file on stderr."""
    from rich.console import Console  # noqa: PLC0415 - --help does without
    from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TransferSpeedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, TextColumn("{task.fields[source]}"), console=Console(stderr=True)) as bars:

        def on_progress(progress: Progress) -> None:
            if progress.path not in tasks:
                tasks[progress.path] = bars.add_task(progress.path, total=progress.total_bytes, source="")
            source = progress.source or ("here" if progress.complete else "")
            bars.update(tasks[progress.path], completed=progress.done_bytes, source=source)

        yield on_progress
