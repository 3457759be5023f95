"""Migrations are one line, and a file's name tells its place in it."""

import re

from offhook.store.database import MIGRATIONS


def test_each_migration_follows_the_one_numbered_before_it():
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    told = []
    for file in files:
        names = dict(re.findall(r'^(revision|down_revision) = "?(\w+)"?$', file.read_text(), re.MULTILINE))
        told.append((file.name[:4], names["revision"], names["down_revision"]))
    numbers = [f"{number:04}" for number in range(1, len(files) + 1)]
    assert told == [(each, each, before) for each, before in zip(numbers, ["None", *numbers], strict=False)]
