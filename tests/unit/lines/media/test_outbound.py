from itertools import pairwise

import numpy as np
import pytest

from offhook.errors import LineError
from offhook.lines.media.codec import Codec
from offhook.lines.media.outbound import Outbound
from offhook.lines.media.route import make_route
from offhook.lines.media.rtp import parse_rtp

ROUTE = make_route(("192.0.2.1", 4000), Codec.PCMU, 101)


def packets(outbound, ticks, route=ROUTE):
    return [parse_rtp(outbound.tick(route)[0]) for _ in range(ticks)]


def test_numbers_rise_by_one_and_time_by_160():
    sent = packets(Outbound(), 50)
    assert all((b.sequence - a.sequence) % 2**16 == 1 for a, b in pairwise(sent))
    assert all((b.timestamp - a.timestamp) % 2**32 == 160 for a, b in pairwise(sent))
    assert len({one.ssrc for one in sent}) == 1


def test_start_values_differ_from_call_to_call():
    first, second = packets(Outbound(), 1)[0], packets(Outbound(), 1)[0]
    assert (first.ssrc, first.timestamp) != (second.ssrc, second.timestamp)


@pytest.mark.parametrize("codec", list(Codec))
def test_silence_is_sent_while_nothing_is_queued(codec):
    [one] = packets(Outbound(), 1, make_route(("192.0.2.1", 4000), codec, None))
    assert (one.payload_type, one.payload) == (int(codec), codec.silence * 160)


def test_the_marker_is_on_the_first_packet_and_on_the_first_after_a_gap_only(frame_of):
    outbound = Outbound()
    before = packets(outbound, 3)
    outbound.play(1, frame_of(9), Codec.PCMU)
    speech = packets(outbound, 2)
    outbound.skip()
    after = packets(outbound, 2)
    assert [one.marker for one in before + speech + after] == [True, False, False, False, False, True, False]
    # The tick without a packet took its time, not its number (RFC 3550 §5.1).
    assert (after[0].timestamp - speech[-1].timestamp) % 2**32 == 320
    assert (after[0].sequence - speech[-1].sequence) % 2**16 == 1


def test_what_waits_goes_on_waiting_through_a_gap(frame_of):
    outbound = Outbound()
    outbound.play(1, frame_of(9), Codec.PCMU)
    outbound.skip()
    assert outbound.tick(ROUTE)[1] == frame_of(9)


def test_clear_silences_the_very_next_tick(frame_of):
    outbound = Outbound()
    outbound.play(1, frame_of(9) * 50, Codec.PCMU)
    outbound.tick(ROUTE)
    outbound.clear()
    _, said, sent = outbound.tick(ROUTE)
    assert (said, sent) == (None, None)


def test_a_key_press_interrupts_speech_and_loses_none_of_it(frame_of):
    outbound = Outbound()
    speech = [frame_of(n) for n in range(1, 30)]
    outbound.play(1, b"".join(speech), Codec.PCMU)
    outbound.press("1")
    sent = [outbound.tick(ROUTE) for _ in range(37)]
    kinds = [parse_rtp(datagram).payload_type for datagram, _, _ in sent]
    assert kinds[:7] == [101] * 7
    assert 101 not in kinds[7:]
    assert [said for _, said, _ in sent if said is not None] == speech


def test_all_packets_of_a_press_carry_the_timestamp_of_its_beginning():
    outbound = Outbound()
    outbound.press("12")
    events = [one for one in packets(outbound, 16) if one.payload_type == 101]
    first, second = events[:7], events[7:]
    assert len({one.timestamp for one in first}) == len({one.timestamp for one in second}) == 1
    assert (second[0].timestamp - first[0].timestamp) % 2**32 == 8 * 160


def test_a_peer_without_telephone_events_hears_the_tones():
    outbound = Outbound()
    outbound.press("5")
    sent = [outbound.tick(make_route(("192.0.2.1", 4000), Codec.PCMU, None)) for _ in range(10)]
    tone = np.frombuffer(b"".join(said for _, said, _ in sent if said is not None), "<i2").astype(float)
    assert len(tone) == 800
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(800), 8000))
    assert int(np.argmax(spectrum[:1000])) == pytest.approx(770, abs=4)
    assert 1000 + int(np.argmax(spectrum[1000:2000])) == pytest.approx(1336, abs=4)
    assert {parse_rtp(datagram).payload_type for datagram, _, _ in sent} == {0}


def test_what_is_no_key_is_refused():
    with pytest.raises(LineError, match="not a key"):
        Outbound().press("1?")
