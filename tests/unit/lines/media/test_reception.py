from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.media.reception import Reception


def test_numbers_go_on_growing_over_a_wrap():
    reception = Reception(1)
    extended = [reception.accept(number % 65536) for number in range(65530, 65545)]
    assert [b - a for a, b in pairwise(extended)] == [1] * 14
    assert (reception.expected, reception.lost) == (15, 0)


def test_gaps_are_lost_until_their_packets_come():
    reception = Reception(1)
    for number in (10, 11, 14):
        reception.accept(number)
    assert reception.lost == 2
    reception.accept(12)
    assert reception.lost == 1


def test_a_duplicate_is_dropped_and_loses_nothing():
    reception = Reception(1)
    first = [reception.accept(number) for number in (10, 12, 11)]
    again = [reception.accept(number) for number in (10, 11, 12)]
    assert None not in first
    assert again == [None] * 3
    assert (reception.received, reception.duplicates, reception.lost) == (3, 3, 0)


def test_one_stray_number_is_no_restart_two_in_a_row_are():
    reception = Reception(1)
    for number in range(5):
        reception.accept(number)
    assert reception.accept(30000) is None
    assert reception.accept(5) is not None
    assert reception.accept(40000) is None
    assert reception.accept(40001) is not None
    assert reception.lost == 0


def test_jitter_is_none_for_a_steady_sender_and_grows_with_unsteady_arrivals():
    steady, unsteady = Reception(1), Reception(2)
    for number in range(200):
        steady.arrival(number * 160, number * 20.0)
        unsteady.arrival(number * 160, number * 20.0 + 10 * (number % 2))
    assert steady.jitter_samples == 0
    assert unsteady.jitter_samples == pytest.approx(80, abs=1)  # 10 ms


def test_the_fraction_lost_is_that_since_the_last_report():
    reception = Reception(1)
    for number in (0, 1, 3):
        reception.accept(number)
    assert reception.fraction_lost() == 64
    for number in range(4, 8):
        reception.accept(number)
    assert reception.fraction_lost() == 0


@given(st.lists(st.integers(0, 65535), max_size=200))
def test_any_numbers_never_repeat_an_extended_number(numbers):
    reception = Reception(1)
    accepted = [extended for number in numbers if (extended := reception.accept(number)) is not None]
    assert len(accepted) == len(set(accepted)) == reception.received
    assert reception.lost >= 0
