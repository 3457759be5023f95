"""Buckets hold a minute's requests and fill evenly."""

import pytest

from offhook.api.limits import Buckets, RateLimits, network_of


@pytest.mark.parametrize("limit", [1, 3, 7, 60, 599, 300_000])
def test_a_bucket_gives_exactly_its_limit_at_once_and_then_one_each_part_of_a_minute(limit):
    buckets, now_s = Buckets(), 1e6
    count = min(limit, 2000)
    for number in range(1, count + 1):
        assert buckets.look("a", limit, now_s).wait_s == 0
        assert buckets.take("a", limit, now_s).remaining == limit - number
    if count < limit:
        return
    empty = buckets.look("a", limit, now_s)
    assert empty.remaining == 0
    assert empty.wait_s == pytest.approx(60 / limit, rel=1e-3)
    assert empty.full_in_s == pytest.approx(60)
    later_s = now_s + empty.wait_s + 1e-6
    assert buckets.look("a", limit, later_s).remaining == 1
    buckets.take("a", limit, later_s)
    assert buckets.look("a", limit, later_s).wait_s > 0


def test_a_bucket_is_full_again_after_a_minute_and_never_more_than_full():
    buckets = Buckets()
    for _ in range(10):
        buckets.take("a", 10, 0.0)
    assert buckets.look("a", 10, 60.0).remaining == 10
    assert buckets.look("a", 10, 6000.0).remaining == 10


def test_of_two_buckets_none_is_taken_from_when_one_is_empty():
    buckets = Buckets()
    for _ in range(2):
        assert buckets.take_both(("key", 2), ("organization", 100), 0.0).wait_s == 0
    assert buckets.take_both(("key", 2), ("organization", 100), 0.0).wait_s > 0
    assert buckets.look("organization", 100, 0.0).remaining == 98
    quota = buckets.take_both(("other key", 1000), ("organization", 100), 0.0)
    assert (quota.limit, quota.remaining) == (100, 97)


def test_full_buckets_are_forgotten(monkeypatch):
    monkeypatch.setattr("offhook.api.limits._TIDY_AT", 10)
    buckets = Buckets()
    for number in range(1000):
        buckets.take(str(number), 1, number * 30.0)
    assert len(buckets._full_at_s) <= 11


def test_an_organization_sets_its_own_limits():
    defaults = RateLimits(key=5, organization=9)
    assert defaults.for_organization({}) == (5, 9)
    assert defaults.for_organization({"requests_per_minute": 3, "requests_per_minute_per_key": 2}) == (2, 3)


def test_a_subscribers_ipv6_network_counts_as_one_address():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("a socket") == "a socket"


def test_buckets_that_still_fill_are_not_gone_through_for_every_request(monkeypatch):
    monkeypatch.setattr("offhook.api.limits._TIDY_AT", 10)
    buckets, tidied = Buckets(), 0
    for number in range(100):
        before = buckets._full_at_s
        buckets.take(str(number), 1, 0.0)
        tidied += buckets._full_at_s is not before
    assert tidied == 4  # at 11, 23, 47 and 95 buckets
    assert len(buckets._full_at_s) == 100
    buckets.take("after they are full", 1, 1000.0)
    for number in range(200):
        buckets.take(str(number), 1, 1000.0 + 61 * number)
    assert len(buckets._full_at_s) < 250
