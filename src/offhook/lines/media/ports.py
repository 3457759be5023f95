"""Which UDP ports a media engine may use: even for RTP, the next one for RTCP (RFC 3550 §11)."""

from __future__ import annotations

import random
import threading
from collections import deque

from offhook.errors import CapacityError, ConfigurationError

QUARANTINE_S = 5.0  # the last peer's packets still come for a while: nobody else's call may hear them


class PortPool:
    """Pairs of ports in random order, so that an outsider can't guess the next call's. Safe for several threads."""

    def __init__(self, port_min: int, port_max: int, rng: random.Random | None = None) -> None:
        first = port_min + port_min % 2
        self._free = list(range(first, port_max, 2))
        if not self._free:
            raise ConfigurationError(f"no even port and the one after it lie between {port_min} and {port_max}")
        (rng or random.SystemRandom()).shuffle(self._free)
        self._resting: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def take(self, now_s: float) -> int:
        """An even port whose pair nobody has. Raises CapacityError."""
        with self._lock:
            while self._resting and self._resting[0][0] <= now_s:
                # To the far end of the stack: the longest unused is taken first.
                self._free.insert(0, self._resting.popleft()[1])
            if not self._free:
                raise CapacityError("all RTP ports are in use; widen OFFHOOK_RTP_PORT_MIN … OFFHOOK_RTP_PORT_MAX")
            return self._free.pop()

    def give_back(self, port: int, now_s: float) -> None:
        """A pair is no longer used; it rests before its next call."""
        with self._lock:
            self._resting.append((now_s + QUARANTINE_S, port))

    @property
    def free(self) -> int:
        """Pairs that could be taken now."""
        return len(self._free)
