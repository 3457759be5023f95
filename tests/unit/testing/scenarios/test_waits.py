"""How long a caller waits for the agent's voice: dead air."""

from __future__ import annotations

from offhook.record.events import CallEvent, StatusChanged, ToolCalled
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.testing.scenarios.judge import waits
from offhook.testing.scenarios.observed import Item, Observed, Sound, Stretch

END = StatusChanged(at=0, status=Status.COMPLETED, end_reason=EndReason(EndCode.CALLER_HUNG_UP, "caller"))


def observed(
    sounds: list[Sound], voice: list[tuple[int, int]], answered_ms: int | None, *more: tuple[int, CallEvent]
) -> Observed:
    seen = Observed(now_ms=lambda: 0, wall_ms=int)
    seen.sounds, seen.voice = sounds, [Stretch(*each) for each in voice]
    if answered_ms is not None:
        seen.items[1] = Item("Well.", final=True, interrupted=False, start_ms=voice[0][0], changed_ms=answered_ms)
    seen.events = [*more, (20_000, END)]
    return seen


def said(start_ms: int, end_ms: int, text: str = "Hello?") -> Sound:
    return Sound(0, start_ms, end_ms, text, voiced=True)


def test_from_the_callers_last_word_to_the_agents_first() -> None:
    assert waits(observed([said(1000, 2000)], [(2900, 4000)], 4000)) == [(2000, 2900)]


def test_silence_within_an_answer_counts_as_well() -> None:
    seen = observed([said(1000, 2000)], [(2900, 4000), (9500, 10_000)], 10_000)
    assert waits(seen) == [(2000, 2900), (4000, 9500)]


def test_no_answer_at_all_is_a_wait_to_the_end() -> None:
    assert waits(observed([said(1000, 2000)], [], None)) == [(2000, 20_000)]


def test_after_the_answer_nobody_waits() -> None:
    assert waits(observed([said(1000, 2000)], [(2100, 3000)], 3000)) == [(2000, 2100)]


def test_a_noise_wants_no_answer() -> None:
    assert waits(observed([Sound(0, 1000, 2000, voiced=True)], [], None)) == []


def test_an_agent_that_waits_on_purpose_has_answered() -> None:
    wait = ToolCalled(at=0, tool_call_id="1", name="wait", arguments="{}", result="{}", success=True, duration_ms=0)
    assert waits(observed([said(1000, 2000)], [], None, (2500, wait))) == [(2000, 2500)]


def test_a_caller_who_speaks_on_waits_anew() -> None:
    first, second = said(1000, 2000), Sound(1, 5000, 6000, "Hello?", voiced=True)
    assert waits(observed([first, second], [(7000, 8000)], 8000)) == [(2000, 5000), (6000, 7000)]
