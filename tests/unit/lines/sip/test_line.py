"""A line between its call and its media leg."""

from __future__ import annotations

import pytest

from offhook.errors import CapacityError
from offhook.lines.line import Answered, Ended, Frame, LineFacts, MediaStats, Party, Ringing
from offhook.lines.media.codec import Codec
from offhook.lines.sip.actions import Confirmed, MediaAgreed, Over, Rang
from offhook.lines.sip.line import SipLine
from offhook.lines.sip.negotiation import Agreed

AGREED = Agreed(("10.0.0.2", 4000), "PCMU", 101)


class Leg:
    local_port = 6000

    def __init__(self) -> None:
        self.did = []
        self.stats = MediaStats(sent=7)

    def __getattr__(self, name):
        return lambda *args, **named: self.did.append((name, *args, *named.values()))


class Carrier:
    def __init__(self) -> None:
        self.did, self.leg, self.full = [], Leg(), False

    def open_leg(self, line):
        if self.full:
            raise CapacityError("no ports", 9)
        return self.leg

    def find(self, remote, then):
        then(remote)

    def __getattr__(self, name):
        return lambda call, *args: self.did.append((name, *args))


class Heard:
    """A line and all that came of it."""

    def __init__(self, call) -> None:
        self.carrier, self.events, self.frames = Carrier(), [], []
        self.line = SipLine(self.carrier, LineFacts("a", "b", "c", "d"))
        self.line.attach(call)
        self.line.on_event, self.line.on_frame = self.events.append, self.frames.append


@pytest.fixture
def inbound(far_end):
    far_end.says(far_end.invite())
    return Heard(far_end.calls[0])


@pytest.fixture
def outbound(far_end):
    far_end.dial()
    heard = Heard(far_end.calls[0])
    heard.line.open_leg()
    return heard


def test_refused_call_opens_no_port(inbound):
    inbound.line.reject(480)
    assert inbound.carrier.did == [("reject", 480, None)]
    assert inbound.carrier.leg.did == []


def test_answer_names_the_port_of_the_leg(inbound):
    inbound.line.ring()
    inbound.line.answer()
    assert inbound.carrier.did == [("ring",), ("answer", 6000)]


def test_answer_without_a_free_port_is_a_503(inbound):
    inbound.carrier.full = True
    inbound.line.answer()
    assert inbound.carrier.did == [("reject", 503, 9)]


def test_what_the_caller_says_before_the_ack_is_kept_and_given_after_it(inbound):
    inbound.line.answer()
    inbound.line.happened(MediaAgreed(AGREED))
    assert inbound.carrier.leg.did[0] == ("connect", ("10.0.0.2", 4000), Codec.PCMU, 101)
    early = [Frame(0, b"a"), Frame(1, b"b")]
    for frame in early:
        inbound.line.on_frame(frame)
    assert inbound.frames == []
    inbound.line.happened(Confirmed())
    inbound.line.on_frame(Frame(2, b"c"))
    assert inbound.events == [Answered()]
    assert inbound.frames == [*early, Frame(2, b"c")]


def test_early_media_is_no_part_of_the_call_and_counting_begins_at_the_answer(outbound):
    outbound.line.happened(MediaAgreed(AGREED))
    outbound.line.happened(Rang(early_media=True))
    outbound.line.on_frame(Frame(0, b"ring"))
    outbound.line.happened(Confirmed())
    outbound.line.on_frame(Frame(40, b"hello"))
    outbound.line.on_frame(Frame(41, b"you"))
    assert outbound.events == [Ringing(early_media=True), Answered()]
    assert outbound.frames == [Frame(0, b"hello"), Frame(1, b"you")]


def test_hold_silences_both_ways_and_resume_ends_it(inbound):
    inbound.line.answer()
    inbound.line.happened(MediaAgreed(AGREED))
    leg = inbound.carrier.leg
    leg.did.clear()
    inbound.line.happened(MediaAgreed(Agreed(("10.0.0.2", 4000), "PCMU", 101, sends=False)))
    assert leg.did == [("pause",)]
    inbound.line.happened(MediaAgreed(AGREED))
    assert leg.did[-1] == ("resume", True)


def test_new_address_or_codec_connects_again_and_the_same_does_not(inbound):
    inbound.line.answer()
    inbound.line.happened(MediaAgreed(AGREED))
    inbound.line.happened(MediaAgreed(AGREED))
    inbound.line.happened(MediaAgreed(Agreed(("10.0.0.2", 4002), "PCMA", 101)))
    connects = [did for did in inbound.carrier.leg.did if did[0] == "connect"]
    assert connects[1:] == [("connect", ("10.0.0.2", 4002), Codec.PCMA, 101)]
    assert inbound.line.facts.codec == "PCMA"


def test_end_is_told_once_with_the_code_only_before_the_answer(inbound):
    inbound.line.happened(Over(Party.CALLER, 487, "cancelled"))
    inbound.line.happened(Over(Party.CALLER, 487, "cancelled"))
    assert inbound.events == [Ended(Party.CALLER, 487, "cancelled")]
    assert inbound.line.final_code == 487


def test_answered_call_ends_without_a_code_and_keeps_its_counters(inbound):
    inbound.line.answer()
    inbound.line.happened(MediaAgreed(AGREED))
    inbound.line.happened(Confirmed())
    inbound.line.happened(Over(Party.CARRIER, 408, "gone"))
    assert inbound.events[-1] == Ended(Party.CARRIER, None, "gone")
    assert inbound.carrier.leg.did[-1] == ("close",)
    assert inbound.line.stats.sent == 7


async def test_hanging_up_stops_the_audio_and_waits_for_the_far_end(inbound):
    inbound.line.answer()
    inbound.line.happened(MediaAgreed(AGREED))
    inbound.line.happened(Confirmed())
    inbound.carrier.hang_up = lambda call: inbound.line.happened(Over(Party.PLATFORM, None, "we hung up"))
    await inbound.line.hang_up()
    await inbound.line.hang_up()
    assert [event for event in inbound.events if isinstance(event, Ended)] == [
        Ended(Party.PLATFORM, None, "we hung up")
    ]
    inbound.line.play(1, b"")
    inbound.line.clear()
    assert inbound.carrier.leg.did[-1] == ("close",)
