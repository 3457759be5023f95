"""A loop whose time is virtual: where a real one would sleep, this one moves its clock.

Work that takes real time (a model's process, a thread) stops the clock while it runs, so that what happens in a call
does not depend on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")
# Rounds between two looks at the sockets while nothing real is waited for: a look costs as much as a round.
LOOK_EACH = 64
LAST_WAIT_S = 5.0  # processes end within it
REAL_WAIT_S = 0.1  # how long to wait for real work at a time, so that Ctrl-C is taken


class NothingHappensError(RuntimeError):
    """Everything waits for something that never comes."""


class _SkippingSelector(selectors.DefaultSelector):
    """Moves the loop's clock instead of waiting, unless real work is under way."""

    now_s = 0.0
    real_work = 0
    _rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._rounds += 1
        if timeout is None and not self.real_work:
            # No timer is set: a process that ends may still be heard of.
            if ready := super().select(LAST_WAIT_S):
                return ready
            raise NothingHappensError("everything waits for something that never comes")
        if self.real_work or self._rounds % LOOK_EACH == 0:
            ready = super().select(REAL_WAIT_S if self.real_work and timeout != 0 else 0)
            if ready or self.real_work:
                return ready
        self.now_s += timeout or 0.0
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time`` begins at 0. ``real_work`` marks what takes real time."""

    def __init__(self) -> None:
        self._clock = _SkippingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.now_s

    @contextlib.contextmanager
    def real_work(self) -> Iterator[None]:
        """Virtual time stands still inside."""
        self._clock.real_work += 1
        try:
            yield
        finally:
            self._clock.real_work -= 1

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # noqa: ANN401 - the stubs type it by TypeVarTuple
        """As always, but no virtual time passes until it is done."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._clock.real_work += 1
        future.add_done_callback(self._worked)
        return future

    async def shutdown_default_executor(self) -> None:
        """Its threads end in real time."""
        with self.real_work():
            await super().shutdown_default_executor()

    def _worked(self, _: asyncio.Future[Any]) -> None:
        self._clock.real_work -= 1


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
