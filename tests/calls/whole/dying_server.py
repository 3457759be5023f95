"""The whole server, killed by itself at one step of placing a call: ``DIE_AT=reserved|stored|dialled|kept``."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import uvloop

from offhook.calls.manager import CallManager
from offhook.lines.sip.endpoint import SipEndpoint
from offhook.store.idempotency import IdempotencyKeys
from offhook.testing import fixed_server


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(owner: type, name: str) -> None:
    step: Callable[..., Any] = getattr(owner, name)

    def last(*args: Any, **options: Any) -> Any:
        step(*args, **options)
        die()

    setattr(owner, name, last)


def die_before(owner: type, name: str) -> None:
    setattr(owner, name, lambda *_args, **_options: die())


def die_once_sent(owner: type, name: str) -> None:
    step: Callable[..., Any] = getattr(owner, name)

    def last(*args: Any, **options: Any) -> Any:
        made = step(*args, **options)
        # The endpoint sends the INVITE on the loop's next turn.
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, die)
        return made

    setattr(owner, name, last)


STEPS = {
    "reserved": lambda: die_after(IdempotencyKeys, "begin"),
    "stored": lambda: die_before(CallManager, "_dial"),
    "dialled": lambda: die_once_sent(SipEndpoint, "dial"),
    "kept": lambda: die_after(IdempotencyKeys, "finish"),
}

if __name__ == "__main__":
    STEPS[os.environ["DIE_AT"]]()
    uvloop.run(fixed_server.run(fixed_server._arguments()))
