"""``offhook doctor``: what this machine lacks, and what to do about it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.checks import CHECKS, Finding, State
from offhook.cli.output import Output
from offhook.settings import PREFIX, Settings, load_settings

SECRETS = ("secret_key", "llm_api_key")
MARKS = {State.OK: "ok", State.NOTE: "note", State.BAD: "BAD"}


def doctor(
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="OFFHOOK_DATA_DIR when absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Check ports, disk, models, programs, database, storage and clock; show all settings.

    The exit code is 1 if one of them is bad.
    """
    settings = load_settings(data_dir=data_dir)
    findings = asyncio.run(examine(settings))
    shown = show_settings(settings)
    output = Output(as_json)
    if as_json:
        output.json({"checks": findings, "settings": shown})
    else:
        rows = [{"check": found.check, "": MARKS[found.state], "found": found.found} for found in findings]
        output.rows(rows, {"": "", "check": "check", "found": "found"})
        for found in findings:
            if found.remedy:
                print(f"\n{found.check}: {found.remedy}")
        print()
        output.rows(
            [{"name": name, "value": value} for name, value in shown.items()], {"setting": "name", "value": "value"}
        )
    if any(found.state is State.BAD for found in findings):
        sys.exit(1)


async def examine(settings: Settings) -> list[Finding]:
    """Run all checks, one after the other; a check that breaks is itself a finding."""
    findings = []
    for name, check in CHECKS.items():
        try:
            findings.append(await check(settings))
        except Exception as error:  # noqa: BLE001 - a doctor tells of what it did not foresee, too
            findings.append(Finding(name, State.BAD, f"{type(error).__name__}: {error}", "Look at the message above."))
    return findings


def show_settings(settings: Settings) -> dict[str, str | None]:
    """Every setting by its variable, secrets masked."""
    shown: dict[str, str | None] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is not None and (name in SECRETS or (name.endswith("_url") and "@" in value)):
            value = "(set)"  # a URL with an @ has a password
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        shown[PREFIX + name.upper()] = None if value is None else text
    return shown
