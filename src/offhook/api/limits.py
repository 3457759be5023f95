"""How many requests a key, an organization and an address that guesses keys may make.

Each has a bucket that holds a minute's requests and fills evenly (GCRA: a bucket is one number, the time at which it
will be full again). Buckets live in the process: of several processes each grants the whole of a limit.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

PERIOD_S = 60.0
# Past so many buckets those that are full again are forgotten: they say nothing that a new one would not. Where most
# are still filling, the next look waits until there are twice as many, or each request would go through all of them.
_TIDY_AT = 10_000
# Of a request: the last of a bucket must not fail by what floats round away over a minute's sums.
_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a minute where an organization sets nothing else.

    Half of what a core serves of the cheapest request (10,000 a second) may go to one key, so that a client that runs
    wild leaves room for the others; a process serves about that much in all.
    """

    key: int = 300_000
    organization: int = 600_000
    # Keys have 192 random bits: this is not what keeps them safe, it keeps guessing from costing much. It leaves room
    # for a deployment whose many clients behind one address all have an old key.
    failures: int = 300

    def for_organization(self, limits: Mapping[str, Any]) -> tuple[int, int]:
        """Limits of a key and of the organization, with the organization's own ``limits``."""
        if not limits:
            return self.key, self.organization
        return (
            limits.get("requests_per_minute_per_key", self.key),
            limits.get("requests_per_minute", self.organization),
        )


class Quota(NamedTuple):
    """The bucket nearer to empty, as its headers tell it; ``wait_s`` above 0: it had none left."""

    limit: int
    remaining: int
    full_in_s: float
    wait_s: float = 0.0

    def headers(self) -> list[tuple[bytes, bytes]]:
        """``RateLimit-*`` of an answer."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % math.ceil(self.full_in_s)),
        ]


class Buckets:
    """Buckets by name; ``now_s`` is a monotonic time. Written out flat: every request comes by here."""

    def __init__(self) -> None:
        self._full_at_s: dict[str, float] = {}
        self._tidy_at = _TIDY_AT

    def __bool__(self) -> bool:
        return bool(self._full_at_s)

    def look(self, name: str, limit: int, now_s: float) -> Quota:
        """The bucket as it is."""
        full_in_s = max(0.0, self._full_at_s.get(name, now_s) - now_s)
        left = (PERIOD_S - full_in_s) * limit / PERIOD_S
        remaining = int(left + _SLACK)
        return Quota(limit, remaining, full_in_s, 0.0 if remaining >= 1 else (1 - left) * PERIOD_S / limit)

    def take(self, name: str, limit: int, now_s: float) -> Quota:
        """Take one out, whether it is there or not (``look`` first); the bucket afterwards."""
        full_in_s = max(self._full_at_s.get(name, now_s) - now_s, 0.0) + PERIOD_S / limit
        self._fill(name, now_s + full_in_s, now_s)
        return Quota(limit, max(0, int((PERIOD_S - full_in_s) * limit / PERIOD_S + _SLACK)), full_in_s)

    def take_both(self, first: tuple[str, int], second: tuple[str, int], now_s: float) -> Quota:
        """One out of each of two buckets, or out of none; the one nearer to empty."""
        (one, one_limit), (other, other_limit) = first, second
        full_at_s = self._full_at_s
        one_full_in_s = max(full_at_s.get(one, now_s) - now_s, 0.0) + PERIOD_S / one_limit
        other_full_in_s = max(full_at_s.get(other, now_s) - now_s, 0.0) + PERIOD_S / other_limit
        one_left = (PERIOD_S - one_full_in_s) * one_limit / PERIOD_S + _SLACK
        other_left = (PERIOD_S - other_full_in_s) * other_limit / PERIOD_S + _SLACK
        if one_left < 0:
            return self.look(one, one_limit, now_s)
        if other_left < 0:
            return self.look(other, other_limit, now_s)
        full_at_s[one] = now_s + one_full_in_s
        self._fill(other, now_s + other_full_in_s, now_s)
        if one_left <= other_left:
            return Quota(one_limit, int(one_left), one_full_in_s)
        return Quota(other_limit, int(other_left), other_full_in_s)

    def _fill(self, name: str, full_at_s: float, now_s: float) -> None:
        self._full_at_s[name] = full_at_s
        if len(self._full_at_s) > self._tidy_at:
            self._full_at_s = {each: at_s for each, at_s in self._full_at_s.items() if at_s > now_s}
            self._tidy_at = max(_TIDY_AT, 2 * len(self._full_at_s))


def network_of(address: str) -> str:
    """What of an address counts as one sender: of IPv6 the network of 64 bits, which one subscriber has whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
