"""Small scenarios, made and played in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offhook.testing.scenarios import Outcome, Player, make_scenario

SCENARIOS = Path(__file__).parents[4] / "scenarios"


@pytest.fixture(scope="session")
def player() -> Iterator[Player]:
    one = Player()
    yield one
    one.close()


@pytest.fixture
def played(player: Player) -> Callable[..., Outcome]:
    """``played(caller=[…], expect={…}, …)``: the outcome of a call to the front desk."""

    def play(**data: Any) -> Outcome:
        return player.play(make_scenario({"name": "test", "agent": "agents/desk.agent.yaml", **data}, SCENARIOS))

    return play
