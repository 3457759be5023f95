"""``offhook scenarios`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

WRONG_NUMBER = """
name: {name}
agent: sample:appointment.en
caller:
  - say: Sorry, wrong number. Goodbye.
expect: {{ended: {ended}}}
"""


def offhook(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "offhook", "scenarios", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One scenario that passes, one that doesn't, one that can't be read, one for another mode."""
    (tmp_path / "good.scenario.yaml").write_text(WRONG_NUMBER.format(name="A good call", ended="agent_hung_up"))
    (tmp_path / "bad.scenario.yaml").write_text(WRONG_NUMBER.format(name="A bad call", ended="max_duration"))
    (tmp_path / "broken.scenario.yaml").write_text("agent: sample:appointment.en\ncalller: []\n")
    (tmp_path / "later.scenario.yaml").write_text("agent: sample:appointment.en\nmodes: [sip]\n")
    return tmp_path


def test_a_run_tells_people_and_build_servers_what_came(folder: Path) -> None:
    done = offhook("run", str(folder), "--junit", str(folder / "report.xml"))
    assert done.returncode == 1
    assert "✓ A good call" in done.stdout
    assert "expected: max_duration" in done.stdout
    assert "calller: unknown field" in done.stdout
    assert "skipped, it is for sip (modes)" in done.stdout
    assert "1 passed, 2 failed, 1 skipped" in done.stdout
    suite = ElementTree.parse(folder / "report.xml").getroot().find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "1"]


def test_a_choice_in_processes_as_json(folder: Path) -> None:
    done = offhook("run", str(folder), "-k", "good or later", "-n", "2", "--json")
    assert done.returncode == 0, done.stderr
    outcomes = {each["name"]: each["outcome"] for each in json.loads(done.stdout) if not each["error"]}
    assert outcomes == {"A good call": "passed", "later": "skipped"}


def test_the_list_names_what_can_be_played_and_what_is_wrong_with_the_rest(folder: Path) -> None:
    done = offhook("list", str(folder), "--json")
    assert done.returncode == 1
    assert {each["name"] for each in json.loads(done.stdout)} == {"A good call", "A bad call", "later"}
    assert "broken.scenario.yaml: calller: unknown field" in done.stderr


def test_wrong_usage_is_told_in_a_sentence(folder: Path) -> None:
    assert "is no mode; there are text, audio, sip" in offhook("run", str(folder), "--mode", "telex").stderr
    assert "a closing bracket is missing" in offhook("run", str(folder), "-k", "(a").stderr
    assert "there is no such file or folder" in offhook("run", str(folder / "nowhere")).stderr
    empty = folder / "empty"
    empty.mkdir()
    done = offhook("run", str(empty))
    assert done.returncode == 1
    assert "no scenario was played: their files are called NAME.scenario.yaml" in done.stderr
    assert "none of 4 scenarios has the words" in offhook("run", str(folder), "-k", "nobody").stderr


def test_the_schema_is_json() -> None:
    assert json.loads(offhook("schema").stdout)["title"] == "Offhook scenario"
