"""Scenarios: whole calls as YAML files, played in text, with sound, or over SIP, and judged.

``load_scenario(path)`` or ``make_scenario(data, folder)`` give a ``Play``; ``Player(mode).play(it)`` an ``Outcome``.
"""

from offhook.testing.scenarios.judge import Failure
from offhook.testing.scenarios.load import Play, ScenarioError, find_scenarios, load_scenario, make_scenario
from offhook.testing.scenarios.outcome import Moment, Outcome
from offhook.testing.scenarios.run import Player
from offhook.testing.scenarios.schema import Mode, Scenario

__all__ = [
    "Failure",
    "Mode",
    "Moment",
    "Outcome",
    "Play",
    "Player",
    "Scenario",
    "ScenarioError",
    "find_scenarios",
    "load_scenario",
    "make_scenario",
]
