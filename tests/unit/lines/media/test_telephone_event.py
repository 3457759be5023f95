import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.errors import LineError
from offhook.lines.media.telephone_event import (
    DIGITS,
    EventError,
    EventPacket,
    EventReceiver,
    EventSender,
    Pause,
)


def packet(digit, duration, *, end=False):
    return struct.pack("!BBH", DIGITS.index(digit), 10 | (0x80 if end else 0), duration)


def press(digit, timestamp, ticks=5):
    """The packets of a key press, with the end sent three times."""
    during = [(packet(digit, 160 * n), timestamp) for n in range(1, ticks)]
    return during + [(packet(digit, 160 * ticks, end=True), timestamp)] * 3


def digits_of(packets):
    receiver = EventReceiver()
    return [digit for payload, timestamp in packets if (digit := receiver.receive(payload, timestamp))]


def test_a_press_of_many_packets_is_one_digit():
    assert digits_of(press("5", 1000)) == ["5"]


def test_the_same_key_twice_is_two_digits():
    assert digits_of(press("7", 1000) + press("7", 2600)) == ["7", "7"]


def test_lost_packets_lose_no_digit():
    first, second = press("1", 1000), press("2", 2600)
    assert digits_of([first[0], second[-1]]) == ["1", "2"]  # one packet each is enough: the end was lost, or all but it


def test_packets_out_of_order_make_no_further_digit():
    first, second = press("1", 1000), press("2", 2600)
    assert digits_of([*first, second[0], first[-1], *second[1:]]) == ["1", "2"]


def test_the_end_and_the_duration_are_known():
    receiver = EventReceiver()
    for payload, timestamp in press("9", 0):
        receiver.receive(payload, timestamp)
    assert receiver.current is not None
    assert (receiver.current.ended, receiver.current.duration) == (True, 800)


def test_a_key_held_beyond_eight_seconds_is_one_digit():
    receiver = EventReceiver()
    assert receiver.receive(packet("3", 0xFFFF), 100) == "3"
    assert receiver.receive(packet("3", 160), 100 + 0xFFFF) is None


def test_timestamps_may_wrap_between_presses():
    assert digits_of(press("1", 2**32 - 800) + press("2", 800)) == ["1", "2"]


def test_flash_and_fax_tones_are_no_keys():
    assert EventReceiver().receive(struct.pack("!BBH", 16, 10, 160), 0) is None


def test_a_short_payload_is_refused():
    with pytest.raises(EventError):
        EventReceiver().receive(b"\x05\x0a\x00", 0)


@given(st.lists(st.tuples(st.binary(min_size=4, max_size=8), st.integers(0, 2**32 - 1)), max_size=30))
def test_any_payloads_make_digits_or_nothing(packets):
    assert all(digit in DIGITS for digit in digits_of(packets))


@given(st.permutations(press("4", 5000)), st.integers(0, 6))
def test_any_order_and_loss_of_a_press_is_one_digit(packets, lost):
    assert digits_of(packets[lost:]) == ["4"]


# ---------------------------------------------------------------------- sending


def sent(digits):
    """What each tick sends, until sound has its turn."""
    sender = EventSender()
    sender.press(digits)
    ticks = []
    while (tick := sender.tick()) is not None:
        ticks.append(tick)
    return ticks


def test_a_sent_press_is_marked_once_grows_and_ends_three_times():
    packets = [tick for tick in sent("8") if isinstance(tick, EventPacket)]
    flags = [struct.unpack("!BBH", one.payload) for one in packets]
    assert [one.marker for one in packets] == [True] + [False] * 6
    assert [duration for _, _, duration in flags] == [160, 320, 480, 640, 800, 800, 800]
    assert [bool(flag & 0x80) for _, flag, _ in flags] == [False] * 4 + [True] * 3
    assert {code for code, _, _ in flags} == {8}
    assert {flag & 0x3F for _, flag, _ in flags} == {10}


def test_presses_are_at_least_50_ms_apart():
    ticks = sent("12")
    ends = [i for i, tick in enumerate(ticks) if isinstance(tick, EventPacket) and tick.payload[1] & 0x80]
    starts = [i for i, tick in enumerate(ticks) if isinstance(tick, EventPacket) and tick.marker]
    assert (starts[1] - ends[0] - 1) * 20 >= 50


def test_w_waits_half_a_second():
    ticks = sent("1w2")
    starts = [i for i, tick in enumerate(ticks) if isinstance(tick, EventPacket) and tick.marker]
    assert (starts[1] - starts[0]) * 20 == 160 + 500


def test_the_receiver_understands_the_sender():
    receiver, heard = EventReceiver(), []
    timestamp = 0
    for index, tick in enumerate(sent("0123456789*#abcd")):
        if isinstance(tick, EventPacket):
            timestamp = index * 160 if tick.marker else timestamp
            heard.append(receiver.receive(tick.payload, timestamp))
    assert "".join(digit for digit in heard if digit) == "0123456789*#ABCD"


def test_what_is_no_key_is_refused_and_nothing_is_sent():
    sender = EventSender()
    with pytest.raises(LineError, match="'x'"):
        sender.press("12x")
    assert sender.idle


def test_a_tone_is_known_for_peers_without_events():
    sender = EventSender()
    sender.press("5")
    tones = []
    while (tick := sender.tick()) is not None:
        tones.append(sender.tone)
        assert isinstance(tick, EventPacket | Pause)
    assert tones[:6] == [("5", 0), ("5", 160), ("5", 320), ("5", 480), ("5", 640), None]
