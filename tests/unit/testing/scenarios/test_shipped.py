"""Every scenario that ships passes, in text."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.testing.scenarios import Mode, Player, find_scenarios, load_scenario
from offhook.testing.scenarios.report import story

SCENARIOS = Path(__file__).parents[4] / "scenarios"
FILES = find_scenarios(SCENARIOS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name.split('.')[0]}")
def test_scenario(path: Path, player: Player) -> None:
    outcome = player.play(load_scenario(path))
    assert outcome.passed, story(outcome)


def test_there_are_forty_and_ten_of_them_are_spoken_too() -> None:
    scenarios = [load_scenario(path).scenario for path in FILES]
    assert len(scenarios) >= 40
    spoken = [scenario for scenario in scenarios if "audio" in scenario.tags]
    assert len(spoken) >= 10
    assert all(Mode.AUDIO in scenario.modes for scenario in spoken)


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [load_scenario(path).scenario.name for path in FILES]
    assert len(set(names)) == len(names)
