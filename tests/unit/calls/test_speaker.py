import asyncio
from collections.abc import AsyncIterator

import pytest

from offhook.calls.speaker import Speaker
from offhook.conversation.events import AudioMade, AudioSent
from offhook.errors import ProviderError
from offhook.models.speech import VoiceChoice
from offhook.testing.fake_line import FakeLine


class CountingVoice:
    """One second of samples 1, 2, 3 … for every clause, so that a hole or an overlap shows."""

    def __init__(self) -> None:
        self.next = 1
        self.fail = False

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:
        if self.fail:
            raise ProviderError("no voice today")
        for _ in range(2):
            samples = range(self.next, self.next + rate_hz // 2)
            self.next += rate_hz // 2
            yield b"".join((sample % 30000).to_bytes(2, "little") for sample in samples)


class Bench:
    def __init__(self) -> None:
        self.line, self.voice = FakeLine(), CountingVoice()
        self.told: list[AudioMade | AudioSent] = []
        self.speaker = Speaker(self.line, self.voice, VoiceChoice(None, "en"), self.told.append, lambda: 0)
        self.line.on_frame = lambda frame: frame.sent and self.speaker.sent(frame.sent, frame.index * 20)

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def sent_ms(self) -> int:
        return max((event.sent_ms for event in self.told if isinstance(event, AudioSent)), default=0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def heard(line: FakeLine) -> list[int]:
    samples = [int.from_bytes(line.said[i : i + 2], "little") for i in range(0, len(line.said), 2)]
    return [sample for sample in samples if sample]


async def test_clauses_are_played_one_after_the_other_without_a_hole(bench):
    bench.speaker.speak(1, 0, "one")
    bench.speaker.speak(1, 1, "two")
    bench.speaker.close(1)
    await bench.settle()
    for _ in range(101):
        bench.line.tick()
    assert heard(bench.line) == list(range(1, 16001))
    assert bench.sent_ms == 2000
    assert sum(event.duration_ms for event in bench.told if isinstance(event, AudioMade)) == 2000


async def test_a_paused_voice_is_silent_at_once_and_goes_on_at_the_next_sample(bench):
    bench.speaker.speak(1, 0, "one")
    bench.speaker.close(1)
    await bench.settle()
    for _ in range(10):
        bench.line.tick()
    bench.speaker.pause(1)
    for _ in range(20):
        bench.line.tick()
    assert len(heard(bench.line)) == 10 * 160
    bench.speaker.resume(1)
    for _ in range(60):
        bench.line.tick()
    assert heard(bench.line) == list(range(1, 8001))
    assert bench.sent_ms == 1000


async def test_a_voice_paused_before_its_first_sample_waits(bench):
    bench.speaker.speak(1, 0, "one")
    bench.speaker.pause(1)
    bench.speaker.close(1)
    await bench.settle()
    for _ in range(10):
        bench.line.tick()
    assert heard(bench.line) == []
    bench.speaker.resume(1)
    for _ in range(60):
        bench.line.tick()
    assert heard(bench.line) == list(range(1, 8001))


async def test_a_new_utterance_ends_the_one_before(bench):
    bench.speaker.speak(1, 0, "one")
    await bench.settle()
    for _ in range(5):
        bench.line.tick()
    bench.speaker.speak(2, 0, "two")
    bench.speaker.close(2)
    await bench.settle()
    for _ in range(60):
        bench.line.tick()
    assert heard(bench.line) == [*range(1, 801), *range(8001, 16001)]


async def test_a_voice_that_fails_says_so_and_never_hangs_the_utterance(bench):
    bench.voice.fail = True
    bench.speaker.speak(1, 0, "one")
    bench.speaker.close(1)
    await bench.settle()
    assert bench.told == [AudioMade(0, 1, 0, 0, last=True, failed=True)]
