"""The pytest plugin, as a user's suite sees it: each in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCENARIO = """
agent: sample:appointment.en
caller:
  - say: Sorry, wrong number. Goodbye.
expect:
  ended: {ended}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite(tmp_path: Path) -> Run:
    """``suite({"test_x.py": "…"}, "-q")`` runs pytest on these files; ``alone``: with no plugin but ours."""

    def run(files: dict[str, str], *arguments: str, alone: bool = False) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        ours = ["-p", "pytest_offhook"] if alone else ["-p", "no:xdist"]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *ours, *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        if alone:
            environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

    return run


def test_scenario_files_are_tests_and_a_failure_tells_the_call(suite: Run) -> None:
    files = {
        "good.scenario.yaml": SCENARIO.format(ended="agent_hung_up"),
        "bad.scenario.yaml": SCENARIO.format(ended="caller_silent"),
        "broken.scenario.yaml": "agnt: x\n",
        "later.scenario.yaml": "agent: sample:appointment.en\nmodes: [sip]\n",
    }
    done = suite(files, "-v", "-rs")
    assert "good.scenario.yaml::good[text] PASSED" in done.stdout
    assert "bad.scenario.yaml::bad[text] FAILED" in done.stdout
    assert "broken.scenario.yaml::broken[text] FAILED" in done.stdout
    assert "it is for sip (modes)" in done.stdout
    assert "expected: caller_silent" in done.stdout
    assert "agent     Thank you for calling. Goodbye!" in done.stdout
    assert "agnt: unknown field" in done.stdout
    assert "Traceback" not in done.stdout
    assert "2 failed, 1 passed, 1 skipped" in done.stdout


def test_scenarios_in_python_are_played_by_a_fixture_in_plain_and_in_async_tests(suite: Run) -> None:
    test = """
import asyncio

CALL = {"agent": "sample:appointment.en", "caller": [{"say": "Sorry, wrong number. Goodbye."}]}


def test_good(offhook_scenario):
    outcome = offhook_scenario(**CALL, expect={"ended": "agent_hung_up"})
    assert outcome.ended == "agent_hung_up"
    assert outcome.said.endswith("Goodbye!")
    assert outcome.states == ["welcome"]


def test_inside_a_running_loop(offhook_scenario):
    async def main():
        return offhook_scenario(**CALL)

    assert asyncio.run(main()).ended == "agent_hung_up"


def test_bad(offhook_scenario):
    offhook_scenario(**CALL, expect={"state": "name"})


def test_wrong(offhook_scenario):
    offhook_scenario(agent="sample:appointment.en", calller=[])
"""
    done = suite({"test_calls.py": test}, "-q")
    assert "2 failed, 2 passed" in done.stdout, done.stdout
    assert "✗ expect.state" in done.stdout
    assert "calller: unknown field" in done.stdout


def test_a_suite_without_scenarios_loads_nothing_of_offhook(suite: Run) -> None:
    test = """
import sys


def test_alone(request):
    assert "pytest_offhook" in sys.modules
    assert not [name for name in sys.modules if name.split(".")[0] in {"offhook", "numpy", "pydantic", "onnxruntime"}]
"""
    done = suite({"test_alone.py": test}, "-q", "-W", "error", alone=True)
    assert "1 passed" in done.stdout, done.stdout


def test_collecting_can_be_turned_off_and_a_wrong_mode_is_told(suite: Run) -> None:
    files = {"good.scenario.yaml": SCENARIO.format(ended="agent_hung_up")}
    assert "no tests ran" in suite(files | {"pytest.ini": "[pytest]\noffhook_collect = false\n"}, "-q").stdout
    done = suite(files | {"pytest.ini": "[pytest]\noffhook_mode = telex\n"}, "-q")
    assert "offhook_mode is 'telex'; it is one of text, audio, sip" in done.stdout + done.stderr
