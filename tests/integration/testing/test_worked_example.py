"""docs/testing.md: its worked example runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[3] / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r"```(?:yaml|python)\n# (\S+\.(?:yaml|py))\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The files of the worked example, as a reader would write them."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_worked_example_passes(example: Path) -> None:
    assert {"pizza.agent.yaml", "napoli.scenario.yaml", "kitchen_down.scenario.yaml", "test_pizza.py"} == set(FILES)
    command = [sys.executable, "-m", "offhook", "scenarios", "run", str(example)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed, 0 failed, 0 skipped" in done.stdout


def test_the_worked_example_fails_when_something_else_is_expected(example: Path) -> None:
    path = example / "napoli.scenario.yaml"
    path.write_text(path.read_text().replace("minutes: 20}\n  ended", "minutes: 25}\n  ended"))
    command = [sys.executable, "-m", "offhook", "scenarios", "run", str(example), "-k", "napoli"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(r"✗ expect\.variables\.minutes\n\s+expected: 25\n\s+got: +20", done.stdout), done.stdout


def test_the_worked_example_s_python_test_passes(example: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "test_pizza.py"]
    done = subprocess.run(command, cwd=example, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout
