import random

import pytest

from offhook.errors import CapacityError, ConfigurationError
from offhook.lines.media.ports import QUARANTINE_S, PortPool


def test_ports_are_even_with_the_next_one_in_range():
    pool = PortPool(10001, 10009)
    assert sorted(pool.take(0.0) for _ in range(4)) == [10002, 10004, 10006, 10008]


def test_no_port_is_left_is_a_capacity_error():
    pool = PortPool(10000, 10001)
    pool.take(0.0)
    with pytest.raises(CapacityError, match="OFFHOOK_RTP_PORT_MIN"):
        pool.take(0.0)


def test_the_order_cannot_be_guessed():
    first, second = PortPool(10000, 10999, random.Random(1)), PortPool(10000, 10999, random.Random(2))
    assert [first.take(0.0) for _ in range(20)] != [second.take(0.0) for _ in range(20)]


def test_a_freed_port_rests_before_another_call_gets_it():
    pool = PortPool(10000, 10001)
    port = pool.take(0.0)
    pool.give_back(port, 1.0)
    with pytest.raises(CapacityError):
        pool.take(1.0 + QUARANTINE_S - 0.1)
    assert pool.take(1.0 + QUARANTINE_S) == port


def test_a_port_that_rested_comes_after_those_never_used():
    pool = PortPool(10000, 10005)
    port = pool.take(0.0)
    pool.give_back(port, 0.0)
    assert [pool.take(100.0) for _ in range(3)][-1] == port


def test_a_range_without_a_pair_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="10001"):
        PortPool(10001, 10002)
