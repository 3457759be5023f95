"""Choosing scenarios, and what their outcomes look like to people and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from offhook.testing.scenarios import Mode, Outcome, Player, make_scenario
from offhook.testing.scenarios.report import as_data, headline, junit, story
from offhook.testing.scenarios.run import chooser, described, run_files

Played = Callable[..., Outcome]
YES = {"say": "Yes."}


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        (None, True),
        ("caller", True),
        ("CALLER and spoken", True),
        ("not spoken", False),
        ("silent or interrupts", True),
        ("(silent or interrupts) and not spoken", False),
        ("short.scenario", True),
        ("silent", False),
    ],
)
def test_scenarios_are_chosen_by_words(expression: str | None, chosen: bool) -> None:
    data = {"name": "A caller interrupts", "tags": ["spoken"], "agent": "sample:appointment.en"}
    scenario = make_scenario(data, Path(), "short.scenario.yaml")
    assert chooser(expression)(described(scenario)) is chosen


@pytest.mark.parametrize("expression", ["and", "a and", "(a", "a b", "not", "a or )"])
def test_an_expression_that_cannot_be_read_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"expression|too much"):
        chooser(expression)


def test_a_failure_is_told_with_the_call(played: Played) -> None:
    outcome = played(caller=[YES], expect={"state": "question"})
    text = story(outcome)
    assert "✗ expect.state" in text
    assert "expected: question" in text
    assert "got:      code" in text
    assert "agent     Good. What is your code?" in text
    assert "caller    Yes." in text
    assert "1 expectation(s) not met" in headline(outcome)


def test_junit_counts_and_tells(played: Played) -> None:
    good, bad = played(caller=[YES]), played(caller=[YES], expect={"says": "\u0001<&>"})
    skipped = Outcome("later", "x.scenario.yaml", Mode.TEXT, skipped="it is for audio (modes)")
    broken = Outcome("broken", "y.scenario.yaml", Mode.TEXT, error="agent: there is none")
    suite = ElementTree.fromstring(junit([good, bad, skipped, broken])).find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "1"]
    cases = suite.findall("testcase")
    assert cases[0].find("failure") is None
    assert "<&>" in (cases[1].find("failure").text or "")
    assert cases[2].find("skipped").get("message") == "it is for audio (modes)"
    assert cases[3].find("error").get("message") == "agent: there is none"


def test_json_has_the_outcome_and_the_whole_call(played: Played) -> None:
    data = as_data(played(caller=[YES]))
    assert data["outcome"] == "passed"
    assert data["call"]["state_path"][-1]["state"] == "code"
    assert data["call"]["duration_seconds"] == pytest.approx(data["call_seconds"], abs=1)


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_played(tmp_path: Path) -> None:
    (tmp_path / "a.scenario.yaml").write_text("agnt: x\n")
    (tmp_path / "b.scenario.yaml").write_text("agent: sample:appointment.en\n")
    told: list[Outcome] = []
    files = sorted(tmp_path.iterdir())
    outcomes = run_files(files, Mode.TEXT, chooser(None), told.append)
    assert told == outcomes
    assert [outcome.failed for outcome in outcomes] == [True, False]
    assert "agnt: unknown field" in (outcomes[0].error or "")


def test_a_scenario_of_another_mode_is_skipped(player: Player) -> None:
    scenario = make_scenario({"name": "x", "agent": "sample:appointment.en", "modes": ["audio"]}, Path())
    assert player.play(scenario).skipped == "it is for audio (modes)"


def test_the_same_scenario_gives_the_same_call_each_time(played: Played) -> None:
    caller = [{"say": "When are you open?"}, {"say": "Yes.", "after": "nine"}]
    first, second = played(caller=caller), played(caller=caller)
    assert first.moments == second.moments
    assert first.call["latency"] == second.call["latency"]


def test_a_call_that_breaks_is_an_error_and_the_next_one_is_played(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("offhook.testing.scenarios.run.judge", lambda *_: 1 / 0)
        outcome = played(caller=[YES])
    assert outcome.failed
    assert "ZeroDivisionError" in (outcome.error or "")
    assert played(caller=[YES]).passed


def test_what_breaks_inside_of_a_call_is_told(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("offhook.conversation.session.Conversation._on_transcribed", lambda *_: 1 / 0)
        outcome = played(caller=[YES], limit_s=10)
    assert any("ZeroDivisionError" in failure.got for failure in outcome.failures)
