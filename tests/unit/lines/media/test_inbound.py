import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.media.codec import Codec
from offhook.lines.media.inbound import Inbound
from offhook.lines.media.route import make_route

PEER = ("192.0.2.1", 4000)
ROUTE = make_route(PEER, Codec.PCMU, 101)


@pytest.fixture
def inbound():
    one = Inbound()
    one.follow(ROUTE)
    return one


def hear(inbound, datagrams, source=PEER):
    """Feed one datagram a tick; what was heard, frame by frame."""
    heard = []
    for tick, data in enumerate([*datagrams, None, None]):
        if data is not None:
            inbound.datagram(data, source, 20.0 * tick)
        heard.append(inbound.frame(20.0 * tick + 5)[0])
    return [pcm for pcm in heard if pcm is not None]


def test_the_negotiated_peer_is_heard(inbound, rtp):
    loud = Codec.PCMU.encode(np.full(160, 5000, dtype="<i2").tobytes())
    heard = hear(inbound, [rtp(n, payload=loud) for n in range(5)])
    assert heard[0] == Codec.PCMU.decode(loud)


def test_both_laws_are_understood_whichever_was_agreed(inbound, rtp):
    loud = Codec.PCMA.encode(np.full(160, 5000, dtype="<i2").tobytes())
    heard = hear(inbound, [rtp(n, payload=loud, kind=8) for n in range(5)])
    assert heard[0] == Codec.PCMA.decode(loud)


def test_another_address_is_ignored_and_counted(inbound, rtp):
    assert not inbound.datagram(rtp(0), ("198.51.100.9", 4000), 0.0)
    assert hear(inbound, [rtp(n) for n in range(5)], source=("198.51.100.9", 4000)) == []
    assert (inbound.ignored, inbound.received, inbound.source) == (6, 0, None)


def test_the_first_packet_tells_the_port_behind_a_nat_and_locks_it(inbound, rtp):
    assert inbound.datagram(rtp(0), (PEER[0], 5555), 0.0)
    assert inbound.source == (PEER[0], 5555)
    assert not inbound.datagram(rtp(1), PEER, 20.0)
    assert not inbound.datagram(rtp(1), (PEER[0], 5557), 20.0)
    assert inbound.ignored == 2


def test_garbage_from_the_peer_locks_no_port(inbound, rtp):
    inbound.datagram(b"\x00" * 40, (PEER[0], 6666), 0.0)
    inbound.datagram(rtp(0, kind=77), (PEER[0], 6666), 0.0)
    assert (inbound.malformed, inbound.source) == (2, None)
    assert inbound.datagram(rtp(0), PEER, 0.0)


def test_a_new_address_lifts_the_lock_the_same_one_keeps_it(inbound, rtp):
    inbound.datagram(rtp(0), (PEER[0], 5555), 0.0)
    inbound.follow(make_route(PEER, Codec.PCMA, 101))
    assert inbound.source == (PEER[0], 5555)
    inbound.follow(make_route(("192.0.2.2", 4000), Codec.PCMA, 101))
    assert inbound.source is None
    assert inbound.datagram(rtp(1), ("192.0.2.2", 4000), 20.0)


def test_nobody_is_heard_before_an_address_was_negotiated(rtp):
    assert not Inbound().datagram(rtp(0), PEER, 0.0)


def test_a_key_press_is_told_once_and_is_no_loss(inbound, rtp):
    event = struct.pack("!BBH", 5, 10, 160)
    datagrams = [rtp(n) for n in range(4)]
    datagrams += [rtp(n, payload=event, kind=101, timestamp=5000) for n in range(4, 8)] + [rtp(n) for n in range(8, 12)]
    hear(inbound, datagrams)
    assert [inbound.digit(), inbound.digit()] == ["5", None]
    assert inbound.lost == 0


def test_losses_are_counted_over_all_sources(inbound, rtp):
    for number in (0, 1, 3):
        inbound.datagram(rtp(number, ssrc=1), PEER, 20.0 * number)
    for number in (50, 53):
        inbound.datagram(rtp(number, ssrc=2), PEER, 1000.0 + 20 * number)
    assert (inbound.lost, inbound.received) == (3, 5)


def test_another_source_is_heard_at_once_and_stragglers_of_the_old_one_are_not(inbound, rtp):
    for number in range(5):
        inbound.datagram(rtp(number, ssrc=1), PEER, 20.0 * number)
    inbound.datagram(rtp(900, ssrc=2), PEER, 100.0)
    inbound.datagram(rtp(5, ssrc=1), PEER, 110.0)
    assert inbound.reception is not None
    assert (inbound.reception.ssrc, inbound.received) == (2, 6)
    inbound.datagram(rtp(40, ssrc=1), PEER, 900.0)
    assert inbound.reception.ssrc == 1


@given(
    st.lists(
        st.tuples(st.sampled_from([b"", b"\x80\x00", b"\x80\x65", b"\x90\x08", b"\xa0\x00"]), st.binary()), max_size=40
    )
)
def test_any_datagrams_from_the_peer_are_survived(datagrams):
    inbound = Inbound()
    inbound.follow(ROUTE)
    for tick, (start, rest) in enumerate(datagrams):
        inbound.datagram(start + rest, PEER, 20.0 * tick)
        pcm, _ = inbound.frame(20.0 * tick + 5)
        assert pcm is None or len(pcm) == 320
        digit = inbound.digit()
        assert digit is None or digit in "0123456789*#ABCD"
    assert inbound.ignored == 0
