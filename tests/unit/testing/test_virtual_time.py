"""Virtual time passes at once, and stands still while real work is done."""

from __future__ import annotations

import asyncio
import time

import pytest

from offhook.testing.virtual_time import NothingHappensError, VirtualLoop, run_virtually


def test_an_hour_of_sleep_takes_no_time() -> None:
    begun_s = time.monotonic()

    async def sleep() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtually(sleep()) == pytest.approx(3600)
    assert time.monotonic() - begun_s < 5


def test_things_happen_in_the_order_of_their_times() -> None:
    seen: list[str] = []

    async def note(name: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        seen.append(name)

    async def main() -> None:
        await asyncio.gather(note("third", 30), note("first", 0.01), note("second", 2))

    run_virtually(main())
    assert seen == ["first", "second", "third"]


def test_no_time_passes_while_a_thread_works() -> None:
    async def main() -> tuple[float, list[str]]:
        seen: list[str] = []
        asyncio.get_running_loop().call_later(0.001, seen.append, "later")
        await asyncio.to_thread(time.sleep, 0.05)
        return asyncio.get_running_loop().time(), seen

    now_s, seen = run_virtually(main())
    assert now_s == 0
    assert seen == []


def test_a_wait_for_what_never_comes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.testing.virtual_time.LAST_WAIT_S", 0.01)
    loop = VirtualLoop()
    never = loop.create_future()
    with pytest.raises(NothingHappensError):
        loop.run_until_complete(never)
    loop.close()
