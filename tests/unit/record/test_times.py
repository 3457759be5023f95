"""Times survive the way into the store and out of the API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.record.times import iso_us, parse_iso_us


@given(st.integers(-(10**15), 4 * 10**15))
def test_a_time_is_read_back_to_the_microsecond(at_us):
    assert parse_iso_us(iso_us(at_us)) == at_us
    assert iso_us(at_us).endswith("Z")


@pytest.mark.parametrize("text", ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20"])
def test_other_ways_to_write_it_mean_the_same(text):
    assert parse_iso_us(text) == 1_700_000_000_000_000


@pytest.mark.parametrize("text", ["", "yesterday", "2023-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_iso_us(text)
