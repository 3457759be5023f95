"""Scenarios with real sound: ten with the local models in virtual time, one over real SIP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.settings import load_settings
from offhook.testing.scenarios import Mode, Player, find_scenarios, load_scenario
from offhook.testing.scenarios.report import story

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SPOKEN = [path for path in find_scenarios(SCENARIOS) if "audio" in load_scenario(path).scenario.tags]

pytestmark = [
    pytest.mark.skipif(
        not (load_settings().models_dir.expanduser() / "whisper-base").is_dir(), reason="run `offhook models fetch`"
    ),
    # One worker loads the models, where workers share the tests by groups.
    pytest.mark.xdist_group("spoken"),
]


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    one = Player(Mode.AUDIO)
    yield one
    one.close()


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.name.split(".")[0])
def test_scenario_with_sound(path: Path, player: Player) -> None:
    outcome = player.play(load_scenario(path))
    assert outcome.passed, story(outcome)


def test_a_scenario_over_sip() -> None:
    phone = Player(Mode.SIP)
    try:
        begun_s = time.monotonic()
        outcome = phone.play(load_scenario(SCENARIOS / "keypad" / "code.scenario.yaml"))
        assert outcome.passed, story(outcome)
        assert time.monotonic() - begun_s > outcome.call_seconds, "in real time"
        assert outcome.call["carrier_call_id"]
        assert outcome.call["sip"]["codec"] in {"PCMU", "PCMA"}
    finally:
        phone.close()
