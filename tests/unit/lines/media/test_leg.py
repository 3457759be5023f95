import pytest

from offhook.lines.media.codec import Codec
from offhook.lines.media.leg import MediaLeg
from offhook.lines.media.rtp import parse_rtp

PEER = ("192.0.2.1", 4000)


class Socket:
    """Keeps what is sent; nothing ever comes."""

    def __init__(self):
        self.sent = []
        self.fails = False

    def getsockname(self):
        return ("127.0.0.1", 10000)

    def recv(self, _bytes):
        raise BlockingIOError

    def sendto(self, data, address):
        if self.fails:
            raise OSError("no route")
        self.sent.append((parse_rtp(data), address))


class Host:
    """An engine that only counts."""

    def __init__(self):
        self.begun = self.ended = 0

    def begin(self, leg):
        self.begun += 1

    def end(self, leg):
        self.ended += 1

    def say(self, event):
        raise AssertionError("nothing to say")


@pytest.fixture
def leg():
    return MediaLeg(Host(), Socket(), Socket(), None)


def tick(leg, number, *, late_ms=0.0):
    """The number-th tick, run ``late_ms`` after its time."""
    due_ms = 20.0 * number
    leg.send(due_ms + late_ms, late_ms)
    return leg.frame(due_ms)


def test_ticks_begin_once_however_often_the_route_changes(leg):
    leg.connect(PEER, Codec.PCMU, 101)
    leg.connect(("192.0.2.2", 4000), Codec.PCMA, None)
    assert leg._host.begun == 1


def test_ticks_a_little_late_are_made_up_for(leg):
    leg.connect(PEER, Codec.PCMU, 101)
    for number in range(4):
        tick(leg, number, late_ms=60.0 - 20 * number)  # all at one moment
    assert leg.stats.sent == 4


def test_after_a_long_stall_speech_goes_on_at_the_pace_of_real_time_and_nothing_is_left_out(leg, frame_of):
    leg.connect(PEER, Codec.PCMU, 101)
    tick(leg, 0)
    speech = [frame_of(1000 + 100 * n) for n in range(8)]
    leg.play(1, b"".join(speech))
    # A second was lost: its fifty ticks are run in one go, then the clock is on time again.
    frames = [tick(leg, number, late_ms=1000.0 - 20 * number) for number in range(1, 51)]
    frames += [tick(leg, number) for number in range(51, 60)]
    assert [frame.index for frame in frames] == list(range(1, 60))
    assert [frame.said for frame in frames if frame.said is not None] == speech
    packets = [packet for packet, _ in leg.rtp.sent]
    burst = packets[: 1 + sum(frame.said is not None for frame in frames[:50])]
    assert len(burst) <= 1 + 1 + 4  # the one before, one at once, and those that were at most 60 ms late
    assert (packets[-1].timestamp - packets[0].timestamp) % 2**32 == 59 * 160


def test_a_hold_address_gets_nothing(leg):
    leg.connect(("0.0.0.0", 4000), Codec.PCMU, 101)
    tick(leg, 0)
    assert leg.rtp.sent == []


def test_what_the_system_refuses_to_send_is_counted_and_the_call_goes_on(leg):
    leg.connect(PEER, Codec.PCMU, 101)
    leg.rtp.fails = True
    tick(leg, 0)
    leg.rtp.fails = False
    tick(leg, 1)
    assert (leg.stats.unsent, leg.stats.sent) == (1, 1)


def test_closing_twice_ends_once(leg):
    leg.close()
    leg.close()
    assert leg._host.ended == 1


def test_a_closed_leg_cannot_begin(leg):
    leg.close()
    leg.connect(PEER, Codec.PCMU, 101)
    assert leg._host.begun == 0
