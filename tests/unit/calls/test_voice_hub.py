from types import SimpleNamespace

import numpy as np
import pytest

from offhook.calls.voice_hub import FEW_CALLS, SLOTS, VoiceHub

WINDOW = np.zeros(256, np.float32)


class CountingVad:
    """Judges a window by its slot's number of windows so far, and remembers the batches."""

    def __init__(self) -> None:
        self.slots = 0
        self.seen: dict[int, int] = {}
        self.batches: list[list[int]] = []

    def alloc(self) -> int:
        self.slots += 1
        return self.slots

    def free(self, slot: int) -> None:
        self.seen.pop(slot, None)

    def run(self, slots, windows):
        assert len(set(slots)) == len(slots) == len(windows)
        self.batches.append(slots)
        for slot in slots:
            self.seen[slot] = self.seen.get(slot, 0) + 1
        return np.array([self.seen[slot] for slot in slots], np.float32)


@pytest.fixture
def vad() -> CountingVad:
    return CountingVad()


def leg_that_submits(hub: VoiceHub, slot: int, answers: list, times: int = 1):
    def take(_frame) -> None:
        for _ in range(times):
            hub.submit(slot, WINDOW, answers.append)

    return SimpleNamespace(owner=SimpleNamespace(on_frame=take))


def test_windows_of_all_calls_in_a_slot_are_one_batch(vad):
    hub, answers = VoiceHub(vad), []
    legs = [leg_that_submits(hub, hub.open_slot(), answers) for _ in range(3)]
    hub.frames([(leg, None) for leg in legs])
    assert vad.batches == [[1, 2, 3]]
    assert answers == [1, 1, 1]


def test_two_windows_of_one_call_are_judged_one_after_the_other(vad):
    hub, answers = VoiceHub(vad), []
    leg = leg_that_submits(hub, hub.open_slot(), answers, times=2)
    hub.frames([(leg, None)])
    assert vad.batches == [[1], [1]]
    assert answers == [1, 2]


def test_windows_of_many_calls_gather_for_one_turn_of_the_media_engine_and_no_longer(vad):
    hub, answers = VoiceHub(vad), []
    legs = [leg_that_submits(hub, hub.open_slot(), answers) for _ in range(FEW_CALLS + SLOTS)]
    for slot in range(SLOTS):
        assert not vad.batches
        hub.frames([(leg, None) for leg in legs[slot::SLOTS]])
    assert [sorted(batch) for batch in vad.batches] == [list(range(1, len(legs) + 1))]


def test_a_call_that_ended_is_not_judged(vad):
    hub, answers = VoiceHub(vad), []
    slot = hub.open_slot()
    hub.submit(slot, WINDOW, answers.append)
    hub.close_slot(slot)
    hub.frames([])
    assert vad.batches == []
