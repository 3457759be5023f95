"""When a failed delivery is tried again, and the other times of delivery."""

from __future__ import annotations

import random
from dataclasses import dataclass

MINUTE, HOUR = 60.0, 3600.0
# The contract's: 24 hours in all, dense at first, since most outages are deployments.
RETRIES_S = (5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR)
JITTER = 0.2  # a fifth either way, so that a receiver that comes back doesn't meet all its calls at once


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times of delivery, in seconds."""

    retries_s: tuple[float, ...] = RETRIES_S
    # From the start of the connection to the last byte that is read; the contract's.
    limit_s: float = 10.0
    # How long a call lies still after the process that delivered its events died: thrice the limit, and it is renewed
    # after each event.
    lease_s: float = 30.0
    # How soon a retry that has become due, or another process's lost call, is seen.
    poll_s: float = 1.0

    def delay_s(self, failures: int) -> float | None:
        """How long to wait after so many failures; None: it was the last attempt."""
        if failures > len(self.retries_s):
            return None
        return self.retries_s[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER)

    def scaled(self, factor: float) -> Schedule:
        """The same course of things in another time, for tests and measurements."""
        return Schedule(
            tuple(each * factor for each in self.retries_s),
            self.limit_s * factor,
            self.lease_s * factor,
            self.poll_s * factor,
        )
