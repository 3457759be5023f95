from datetime import datetime

import pytest

from offhook.agents.states import Extract, ExtractKind, StateVariable
from offhook.agents.variables import VariableType
from offhook.models.llm.rules.extract import Heard, find_value

NOW = datetime(2026, 11, 23, 12, 0)  # noqa: DTZ001 - the rules work on local days


def found(kind: ExtractKind, text: str, language: str):
    variable = StateVariable(name="x", type=VariableType.STRING, extract=Extract(kind=kind))
    return find_value(variable, [Heard(text, asked=False)], NOW, language)


@pytest.mark.parametrize("text", ["Le 06, 12, 34, 56, 78.", "Le 06 12 34 56 78.", "06-12-34-56-78"])
@pytest.mark.parametrize("kind", [ExtractKind.DATE, ExtractKind.TIME])
def test_a_phone_number_is_no_date_and_no_time(kind, text):
    assert found(kind, text, "fr") is None


def test_a_day_and_a_time_said_with_a_phone_number_are_found():
    text = "Mardi à 14h30, mon numéro est le 06 12 34 56 78."
    assert found(ExtractKind.TIME, text, "fr") == "14:30"
    assert found(ExtractKind.DATE, text, "fr") is not None
    assert found(ExtractKind.PHONE, text, "fr") == "0612345678"
