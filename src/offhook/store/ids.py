"""Ids and the present time, as the tables keep them."""

from __future__ import annotations

import time
import uuid


def new_id() -> str:
    """A new UUID in its canonical text form."""
    return str(uuid.uuid4())


def now_us() -> int:
    """Unix microseconds."""
    return time.time_ns() // 1000
