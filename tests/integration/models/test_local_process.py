"""A model's process: jobs are answered, or fail with a reason, whatever happens to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from offhook.errors import ModelFilesError, ProviderError, ProviderTimeoutError
from offhook.models.local import process as processes
from offhook.models.local.process import LocalProcess, Reply

WORKER = """
import os, sys, time
import msgspec
from offhook.errors import ModelFilesError
from offhook.models.local.worker import connection_from, serve

class Echo:
    def work(self, job, cancelled):
        order = msgspec.msgpack.decode(job)
        if order == "die":
            os._exit(7)
        if order == "fail":
            raise ValueError("no idea")
        if order == "sleep":
            time.sleep(30)
        if order == "count":
            for number in range(1000):
                if cancelled():
                    return
                yield number
                time.sleep(0.01)
        yield order

def load():
    if sys.argv[2] == "unfit":
        raise ModelFilesError("no files here")
    if sys.argv[2] == "hang":
        time.sleep(30)
    if sys.argv[2] == "crash":
        os._exit(9)
    return Echo()

serve(load, connection_from(sys.argv[1]), 1)
"""


class Answer:
    """Collects the replies to one job."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._end: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def __call__(self, reply: Reply) -> None:
        if reply.value is not None:
            self.values.append(msgspec.msgpack.decode(reply.value))
        elif not self._end.done():
            self._end.set_result(reply.error)

    async def error(self) -> str | None:
        return await asyncio.wait_for(self._end, 20)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "echo_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda mood="well", **limits: LocalProcess("echo", "echo_worker", [mood], **limits)


@pytest.fixture
async def echo(make):
    process = make()
    await process.start()
    yield process
    await process.close()


async def ask(process: LocalProcess, order: str) -> tuple[list[object], str | None]:
    answer = Answer()
    process.submit(order, answer)
    return answer.values, await answer.error()


async def test_a_job_is_answered(echo):
    assert await ask(echo, "hello") == (["hello"], None)


async def test_a_failing_job_tells_why_and_harms_no_other(echo):
    values, error = await ask(echo, "fail")
    assert values == []
    assert "no idea" in error
    assert await ask(echo, "hello") == (["hello"], None)


async def test_a_crash_fails_what_waits_and_the_process_comes_back(echo):
    first, second, before = Answer(), Answer(), echo.pid
    echo.submit("die", first)
    echo.submit("hello", second)
    errors = [await first.error(), await second.error()]
    assert all("ended with code 7" in error for error in errors)
    assert await ask(echo, "hello") == (["hello"], None)
    assert echo.pid != before


async def test_a_cancelled_job_stops_early_and_says_nothing_more(echo):
    counting = Answer()
    job = echo.submit("count", counting)
    while not counting.values:
        await asyncio.sleep(0.01)
    echo.cancel(job)
    # The worker has one thread: it answers the next job only after it left the first.
    assert await asyncio.wait_for(ask(echo, "hello"), 5) == (["hello"], None)
    assert len(counting.values) < 100


async def test_more_jobs_than_it_can_ever_do_in_time_are_refused(make):
    process = make(max_pending=2)
    await process.start()
    waiting = [Answer(), Answer()]
    for answer in waiting:
        process.submit("sleep", answer)
    with pytest.raises(ProviderError, match="behind by 2 jobs"):
        process.submit("hello", Answer())
    await process.close()
    assert [await answer.error() for answer in waiting] == ["the local echo was closed"] * 2


async def test_a_fault_in_a_callers_code_does_not_stop_the_answers_of_others(echo):
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def faulty(reply: Reply) -> None:
        raise RuntimeError("a bug elsewhere")

    echo.submit("hello", faulty)
    assert await ask(echo, "hello") == (["hello"], None)
    assert faults


@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [("unfit", ModelFilesError, "no files here"), ("crash", ProviderError, "while it was loading")],
)
async def test_a_model_that_cannot_be_loaded_says_so_at_the_start(make, mood, error, words):
    with pytest.raises(error, match=words):
        await make(mood).start()


async def test_a_model_that_never_gets_ready_is_given_up(make, monkeypatch):
    monkeypatch.setattr(processes, "START_LIMIT_S", 0.5)
    monkeypatch.setattr(processes, "CLOSE_LIMIT_S", 0.5)
    with pytest.raises(ProviderTimeoutError, match="did not load"):
        await make("hang").start()


async def test_what_was_never_started_takes_no_job(make):
    with pytest.raises(ProviderError, match="not started"):
        make().submit("hello", Answer())
