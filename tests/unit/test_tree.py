"""What holds for every file that is under version control."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Put together here, so that this file may be searched too.
REGISTRIES = "|".join(("py" + "pi.org", "pythonhosted" + r"\.org", "registry\\.npm" + "js", "deb\\.deb" + "ian"))
FORBIDDEN = {
    "a package registry's host": re.compile(REGISTRIES),
    "an index option": re.compile("(extra-)?index" + "-url|--find" + "-links"),
    "a path of one machine": re.compile(r"(?<![\w.~-])/(ro" + "ot|wo" + r"rk|home/\w+|Us" + r"ers/\w+)/"),
    "work left behind": re.compile("TO" + "DO|FIX" + "ME|NotImplemented" + "Error"),
}


@pytest.fixture(scope="module")
def texts():
    """Every tracked text file, by path from the root."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listing.decode().split("\0") if name and (ROOT / name).is_file()]
    contents = {path.relative_to(ROOT): path.read_bytes() for path in paths}
    return {path: data.decode() for path, data in contents.items() if b"\0" not in data}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(texts, what):
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert not found, "\n".join(found)


def test_no_module_is_longer_than_600_lines(texts):
    modules = {path: len(text.splitlines()) for path, text in texts.items() if path.suffix == ".py"}
    assert modules
    assert not {str(path): lines for path, lines in modules.items() if lines > 600}


def test_constraints_are_names_and_versions_only(texts):
    lines = texts[Path("constraints.txt")].splitlines()
    assert lines
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)]
