# ruff: noqa: DTZ001 - what a caller said has no time zone
from __future__ import annotations

from datetime import datetime

import pytest

from offhook.agents.states import ExtractKind
from offhook.models.llm.rules.spoken import spoken


@pytest.mark.parametrize(
    ("value", "kind", "language", "text"),
    [
        ("14:30", ExtractKind.TIME, "fr", "14 heures 30"),
        ("14:00", ExtractKind.TIME, "fr", "14 heures"),
        ("01:00", ExtractKind.TIME, "fr", "1 heure"),
        ("12:00", ExtractKind.TIME, "fr", "midi"),
        ("14:30", ExtractKind.TIME, "en", "2:30 PM"),
        ("00:05", ExtractKind.TIME, "en", "12:05 AM"),
        ("09:00", ExtractKind.TIME, "en", "9 AM"),
        ("0612345678", ExtractKind.PHONE, "fr", "06 12 34 56 78"),
        ("+33612345678", ExtractKind.PHONE, "fr", "plus 3 36 12 34 56 78"),
        ("4155552671", ExtractKind.PHONE, "en", "4 1 5, 5 5 5, 2 6 7 1"),
        (datetime(2026, 11, 24), ExtractKind.DATE, "en", "Tuesday, November 24"),
        (datetime(2026, 12, 1, 14, 30), ExtractKind.DATE, "fr", "mardi 1er décembre à 14 heures 30"),
        ("soon", ExtractKind.TIME, "en", "soon"),
        (True, None, "en", "true"),
    ],
)
def test_values_are_said_as_people_say_them(value: object, kind: ExtractKind | None, language: str, text: str) -> None:
    assert spoken(value, kind, language) == text
