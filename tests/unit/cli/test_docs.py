"""The documentation names what there is."""

from pathlib import Path

import pytest

from offhook.cli.commands import COMMANDS
from offhook.settings import CLIENT_NAMES, Settings

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    "name", [*(f"OFFHOOK_{name.upper()}" for name in Settings.model_fields), *sorted(CLIENT_NAMES)]
)
def test_every_setting_is_documented(name):
    assert f"`{name}`" in (DOCS / "settings.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_documented_default_is_the_default(name):
    row = next(
        line for line in (DOCS / "settings.md").read_text().splitlines() if f"`OFFHOOK_{name.upper()}` |" in line
    )
    default = Settings.model_fields[name].default
    shown = "–" if default in (None, ()) else f"`{', '.join(default) if isinstance(default, tuple) else default}`"
    assert row.split(" | ")[1] == shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name):
    assert f"`offhook {name}" in (DOCS / "cli.md").read_text()
