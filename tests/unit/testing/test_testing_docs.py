"""docs/testing.md leaves nothing out, and the scenario in the README passes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from offhook.testing.scenarios import Player, load_scenario
from offhook.testing.scenarios.report import story
from offhook.testing.scenarios.schema import (
    AnswerExpectation,
    CallerLine,
    Expectation,
    HttpAnswer,
    ModelStep,
    Scenario,
    Timing,
)

README = (Path(__file__).parents[3] / "README.md").read_text()
TEXT = (Path(__file__).parents[3] / "docs" / "testing.md").read_text()


@pytest.mark.parametrize(
    "model",
    [Scenario, CallerLine, Expectation, AnswerExpectation, HttpAnswer, ModelStep, Timing],
    ids=lambda m: m.__name__,
)
def test_every_field_is_documented(model: type) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    assert not [name for name in names if not re.search(rf"`[^`]*\b{name}\b[^`]*`", TEXT)]


def test_every_example_in_yaml_can_be_read() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) >= 4
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks)


def test_the_scenario_in_the_readme_passes(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(agent:.*?)```", README, re.DOTALL)
    path = tmp_path / "readme.scenario.yaml"
    path.write_text(block)
    player = Player()
    try:
        outcome = player.play(load_scenario(path))
    finally:
        player.close()
    assert outcome.passed, story(outcome)
