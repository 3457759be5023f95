"""``offhook scenarios``: whole calls as files, played and judged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offhook.cli.connect import Json, noun
from offhook.cli.output import Output
from offhook.errors import ConfigurationError

if TYPE_CHECKING:
    from offhook.testing.scenarios.outcome import Outcome
    from offhook.testing.scenarios.schema import Mode

app = noun("Scenarios: whole calls as files, played and judged.")

Places = Annotated[list[Path], typer.Argument(metavar="DIR…", help="Folders or files (*.scenario.yaml).")]
Choice = Annotated[str | None, typer.Option("-k", metavar="EXPR", help="Words of names, with and, or, not, brackets.")]


@app.command("run")
def run(
    places: Places,
    mode: Annotated[str, typer.Option("--mode", help="text, audio or sip")] = "text",
    choice: Choice = None,
    processes: Annotated[int, typer.Option("-n", min=1, max=64, help="Play in so many processes.")] = 1,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every call, not only failed ones.")] = False,
    as_json: Json = False,
) -> None:
    """Play scenarios; the exit code is 1 if one failed."""
    from offhook.server.logs import configure_logs  # noqa: PLC0415 - the command line starts fast without these
    from offhook.settings import load_settings  # noqa: PLC0415
    from offhook.testing.scenarios import report  # noqa: PLC0415
    from offhook.testing.scenarios.run import run_files  # noqa: PLC0415
    from offhook.testing.scenarios.spread import run_spread  # noqa: PLC0415

    configure_logs(load_settings(log_level="error"))
    paths, chosen_mode, chosen = _find(places), _mode(mode), chooser_of(choice)
    show = _Show(verbose=verbose, quiet=as_json)
    if processes > 1:
        outcomes = run_spread(paths, chosen_mode, choice, processes, show.tell)
    else:
        outcomes = run_files(paths, chosen_mode, chosen, show.tell)
    if junit is not None:
        junit.write_bytes(report.junit(outcomes))
    if as_json:
        Output(as_json=True).json([report.as_data(outcome) for outcome in outcomes])
    else:
        show.sum_up(outcomes)
    if not outcomes:
        why = (
            f"none of {len(paths)} scenarios has the words of -k"
            if paths
            else "their files are called NAME.scenario.yaml"
        )
        raise ConfigurationError(f"no scenario was played: {why}")
    sys.exit(1 if any(outcome.failed for outcome in outcomes) else 0)


@app.command("list")
def list_scenarios(places: Places, choice: Choice = None, as_json: Json = False) -> None:
    """List scenarios, with what is wrong with those that can't be read."""
    from offhook.testing.scenarios.load import ScenarioError, load_scenario  # noqa: PLC0415 - as above
    from offhook.testing.scenarios.run import described  # noqa: PLC0415

    rows, broken, chosen = list[dict[str, object]](), False, chooser_of(choice)
    for path in _find(places):
        try:
            scenario = load_scenario(path)
        except ScenarioError as error:
            broken = True
            print(error, file=sys.stderr)
            continue
        if chosen(described(scenario)):
            found = scenario.scenario
            rows.append(
                {"name": found.name, "modes": list(found.modes), "tags": found.tags, "agent": scenario.config.name,
                 "lines": len(found.caller), "file": str(path)}
            )  # fmt: skip
    columns = {"scenario": "name", "modes": "modes", "tags": "tags", "agent": "agent", "lines": "lines", "file": "file"}
    Output(as_json).rows(rows, columns)
    sys.exit(1 if broken else 0)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from offhook.testing.scenarios.load import schema_json  # noqa: PLC0415 - as above

    print(schema_json())


def chooser_of(choice: str | None) -> Callable[[str], bool]:
    """The choice, or an error in a sentence."""
    from offhook.testing.scenarios.run import chooser  # noqa: PLC0415 - as above

    try:
        return chooser(choice)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="-k") from error


def _find(places: list[Path]) -> list[Path]:
    from offhook.testing.scenarios.load import find_scenarios  # noqa: PLC0415 - as above

    return find_scenarios(*places)


def _mode(name: str) -> Mode:
    from offhook.testing.scenarios.schema import Mode  # noqa: PLC0415 - as above

    try:
        return Mode(name)
    except ValueError as error:
        known = ", ".join(mode.value for mode in Mode)
        raise typer.BadParameter(f"{name!r} is no mode; there are {known}", param_hint="--mode") from error


class _Show:
    """Prints outcomes as they come."""

    def __init__(self, *, verbose: bool, quiet: bool) -> None:
        from rich.console import Console  # noqa: PLC0415 - --help does without

        self._console = Console(quiet=quiet, highlight=False, markup=False, soft_wrap=True)
        self._verbose = verbose

    def tell(self, outcome: Outcome) -> None:
        """A line for one that passed; the whole story of one that failed."""
        from offhook.testing.scenarios import report  # noqa: PLC0415 - as above

        mark, style = ("–", "yellow") if outcome.skipped else ("✗", "red") if outcome.failed else ("✓", "green")
        self._console.print(f"{mark} {report.headline(outcome)}", style=style)
        if outcome.failed or (self._verbose and outcome.skipped is None):
            for line in report.story(outcome).splitlines():
                self._console.print(line, style=_style(line))
            self._console.print()

    def sum_up(self, outcomes: list[Outcome]) -> None:
        """How many of each."""
        passed, failed = sum(each.passed for each in outcomes), sum(each.failed for each in outcomes)
        skipped = len(outcomes) - passed - failed
        seconds, call = sum(each.seconds for each in outcomes), sum(each.call_seconds for each in outcomes)
        text = f"{passed} passed, {failed} failed, {skipped} skipped: {call:.0f} s of calls in {seconds:.1f} s"
        self._console.print(text, style="bold red" if failed else "bold green")


def _style(line: str) -> str | None:
    words = line.split()
    if words[:1] == ["✗"]:
        return "bold red"
    if words[:1] == ["got:"]:
        return "red"
    if words[:1] == ["expected:"]:
        return "green"
    if len(words) > 1 and words[1] in {"agent", "caller"}:
        return "cyan" if words[1] == "agent" else "green"
    return "dim" if len(words) > 2 and words[2].startswith("[") else None
