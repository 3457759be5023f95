"""Offhook's pytest plugin: collects ``*.scenario.yaml``, and plays scenarios written in Python (``offhook_scenario``).

It stands beside the package and imports nothing of it before a scenario is played: suites that have none pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from offhook.testing.scenarios import Outcome, Player

SUFFIX = ".scenario.yaml"
MODES = ("text", "audio", "sip")
_players: pytest.StashKey[dict[str, Player]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--offhook-mode``, and its settings in pytest's configuration."""
    group = parser.getgroup("offhook", "Offhook scenarios")
    group.addoption("--offhook-mode", choices=MODES, default=None, help="How to play scenarios; text when absent.")
    parser.addini("offhook_mode", "How scenarios are played: text, audio or sip.", default="text")
    parser.addini("offhook_collect", f"Whether *{SUFFIX} files are tests.", type="bool", default=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Every scenario file is a test."""
    if file_path.name.endswith(SUFFIX) and parent.config.getini("offhook_collect"):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """A file with one scenario."""

    def collect(self) -> Iterable[pytest.Item]:
        """The scenario, in the mode asked for."""
        yield ScenarioItem.from_parent(self, name=f"{self.path.name.removesuffix(SUFFIX)}[{_mode(self.config)}]")


class ScenarioItem(pytest.Item):
    """One scenario in one mode."""

    def runtest(self) -> None:
        """Play it; a failure tells what was expected, what came, and the whole call."""
        from offhook.testing.scenarios import ScenarioError, load_scenario  # noqa: PLC0415 - not before it is needed

        try:
            scenario = load_scenario(self.path)
        except ScenarioError as error:
            pytest.fail(str(error), pytrace=False)
        _judge(_player(self.config, _mode(self.config)).play(scenario))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, 0, self.name


@pytest.fixture
def offhook_scenario(request: pytest.FixtureRequest) -> Callable[..., Outcome]:
    """Plays a scenario given as keywords (the fields of a scenario file); fails the test where it fails.

    Paths count from the test's folder. ``mode`` is another mode than the run's. Returns the outcome: ``said``,
    ``states``, ``variables``, ``ended``, and ``call``, the record as the API shows it.
    """

    def play(*, mode: str | None = None, **scenario: Any) -> Outcome:  # noqa: ANN401 - checked when it is read
        from offhook.testing.scenarios import ScenarioError, make_scenario  # noqa: PLC0415 - not before it is needed

        data = {"name": request.node.name, **scenario}
        try:
            made = make_scenario(data, request.path.parent, request.node.nodeid)
        except ScenarioError as error:
            pytest.fail(str(error), pytrace=False)
        outcome = _player(request.config, mode or _mode(request.config)).play(made)
        _judge(outcome)
        return outcome

    return play


def _mode(config: pytest.Config) -> str:
    mode = str(config.getoption("--offhook-mode") or config.getini("offhook_mode"))
    if mode not in MODES:
        raise pytest.UsageError(f"offhook_mode is {mode!r}; it is one of {', '.join(MODES)}")
    return mode


def _player(config: pytest.Config, mode: str) -> Player:
    """One player a mode and run: models are loaded once."""
    from offhook.testing.scenarios import Mode, Player  # noqa: PLC0415 - not before it is needed

    players = config.stash.setdefault(_players, {})
    if mode not in players:
        players[mode] = Player(Mode(mode))
        config.add_cleanup(players[mode].close)
    return players[mode]


def _judge(outcome: Outcome) -> None:
    from offhook.testing.scenarios.report import story  # noqa: PLC0415 - not before it is needed

    if outcome.skipped is not None:
        pytest.skip(outcome.skipped)
    if outcome.failed:
        pytest.fail(story(outcome), pytrace=False)
