"""Every finished call is reviewed and told of exactly once, whatever fails in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from offhook.agents.model import Usage
from offhook.errors import ProviderError
from offhook.record.events import Recorded
from offhook.store.agents import Agents
from offhook.store.calls import Calls

GOOD = [json.dumps({"q1": "Tuesday", "q2": "Happy", "summary": "They chose Tuesday."}), Usage(1000, 50)]


def answers(data):
    return {
        each["question"]["name"]: (each["has_answer"], each["answer_text"] or each["selected_options"])
        for each in data["post_call_answers"]
    }


async def test_a_finished_call_gets_answers_a_summary_its_cost_and_one_event(desk):
    call_id = await desk.call("Tuesday please")
    worker, _ = desk.worker(GOOD)
    assert await worker.run_once() == 1
    data = desk.data(call_id)
    day, mood = data["post_call_answers"]
    assert (day["answer_text"], mood["selected_options"][0]["option"]["value"]) == ("Tuesday", "Happy")
    assert data["summary"] == "They chose Tuesday."
    assert [line["component"] for line in data["cost_lines"]] == ["stt", "post_call_llm_input", "post_call_llm_output"]
    record = Calls(desk.database).load_record(call_id)
    assert record.cost == Decimal("0.012") + Decimal("0.00018") == sum(Decimal(i["amount"]) for i in record.cost_lines)
    (event,) = desk.told(call_id)
    assert event["data"]["post_call_answers"] == event["post_call_answers"] == data["post_call_answers"]
    assert (event["cost"], event["duration_seconds"]) == (data["cost"], data["duration_seconds"])
    assert desk.queued() == []
    assert await worker.run_once() == 0


@pytest.mark.parametrize("answered", [True, False])
async def test_a_call_without_a_word_of_the_caller_is_told_of_and_no_model_is_asked(desk, answered):
    call_id = await desk.call(answered=answered)
    worker, model = desk.worker([])
    await worker.run_once()
    assert model.requests == []
    (event,) = desk.told(call_id)
    assert [each["has_answer"] for each in event["post_call_answers"]] == [False, False]
    assert event["status"] == ("completed" if answered else "busy")
    assert event["duration_seconds"] == (40 if answered else None)
    assert event["summary"]


async def test_a_model_that_fails_is_tried_again_and_the_tokens_of_all_attempts_are_paid(desk):
    call_id = await desk.call("Tuesday")
    worker, model = desk.worker(["no JSON", Usage(10, 1)], [ProviderError("down")], GOOD)
    for _ in range(3):
        assert desk.told(call_id) == []
        assert await worker.run_once() == 1
    assert len(model.requests) == 3
    data = desk.data(call_id)
    assert answers(data)["Day"] == (True, "Tuesday")
    assert {line["component"]: line["quantity"] for line in data["cost_lines"]} == {
        "stt": 2, "post_call_llm_input": 1010, "post_call_llm_output": 51,
    }  # fmt: skip
    assert data["flags"] == []


async def test_a_model_that_always_fails_leaves_empty_answers_and_a_flag(desk):
    call_id = await desk.call("Tuesday")
    worker, model = desk.worker([ProviderError("down")])
    while await worker.run_once():
        pass
    assert len(model.requests) == 3
    data = desk.data(call_id)
    assert answers(data) == {"Day": (False, []), "Mood": (False, [])}
    assert (data["summary"], [flag["code"] for flag in data["flags"]]) == (None, ["post_call_failed"])
    assert len(desk.told(call_id)) == 1


async def test_the_event_waits_for_the_recording_and_not_for_ever(desk):
    call_id = await desk.call("Tuesday", recorded=False, at=time.time() - 42)
    worker, _ = desk.worker(GOOD, recording_limit_s=60)
    await worker.run_once()
    assert answers(desk.data(call_id))["Day"] == (True, "Tuesday")
    assert desk.told(call_id) == []
    await desk.writer.amend(
        call_id, desk.organization_id, lambda _: [Recorded(at=time.time(), mixed="m", channels="c", duration_ms=1)]
    )
    await until(worker, lambda: desk.told(call_id))
    late = await desk.call("Tuesday", recorded=False, at=time.time() - 3000)
    await until(worker, lambda: desk.told(late))
    assert desk.told(late)[0]["recording_url"] is None


async def until(worker, holds, limit_s=10.0):
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        await worker.run_once()
        await asyncio.sleep(0.01)


async def test_questions_hold_as_they_are_when_the_call_is_reviewed_and_of_a_deleted_agent_too(desk):
    call_id = await desk.call("Tuesday")
    Agents(desk.database).delete(desk.organization_id, desk.agent_id)
    worker, _ = desk.worker(GOOD)
    await worker.run_once()
    assert answers(desk.data(call_id))["Day"] == (True, "Tuesday")


async def test_a_call_that_was_deleted_meanwhile_leaves_the_queue(desk):
    call_id = await desk.call("Tuesday")
    with desk.database.write() as connection:
        for table in ("call_events", "calls"):
            key = "id" if table == "calls" else "call_id"
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {key} = '{call_id}'")
    worker, _ = desk.worker(GOOD)
    await worker.run_once()
    assert desk.queued() == []


async def test_a_running_worker_takes_calls_as_they_end_and_gives_back_what_it_has_when_it_stops(desk):
    started = asyncio.Event()

    async def stall():
        started.set()
        await asyncio.sleep(3600)

    worker, model = desk.worker(GOOD, [stall])
    worker.start()
    first = await desk.call("Tuesday")
    while not desk.told(first):
        await asyncio.sleep(0.01)
    second = await desk.call("Wednesday")
    await asyncio.wait_for(started.wait(), 10)
    await worker.close()
    assert len(model.requests) == 2
    # Another process need not wait for the lease to run out.
    other, _ = desk.worker(GOOD)
    assert await other.run_once() == 1
    assert len(desk.told(second)) == 1


async def test_many_workers_tell_of_each_call_once(desk):
    calls = [await desk.call("Tuesday") for _ in range(12)]
    workers = [desk.worker(GOOD)[0] for _ in range(3)]
    while desk.queued():
        await asyncio.gather(*(worker.run_once() for worker in workers))
    assert [len(desk.told(call_id)) for call_id in calls] == [1] * 12


DIE = """
import asyncio, os, signal, sys
sys.path.insert(0, {here!r})
from conftest import CallWriter, Database, Desk

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database({url!r})
    desk = Desk(database, CallWriter(database, gather_s=0.001), {owner!r}, {agent!r}, {url!r})
    worker, _ = desk.worker({script!r})
    owner = worker if hasattr(worker, {step!r}) else worker._jobs
    inner = getattr(owner, {step!r})
    async def dying(*given):
        if {after}:
            await inner(*given)
        die()
    def dying_in_a_thread(*given):
        if {after}:
            inner(*given)
        die()
    setattr(owner, {step!r}, dying if asyncio.iscoroutinefunction(inner) else dying_in_a_thread)
    await worker.run_once()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("step", "after"),
    [("_advance", False), ("_review", False), ("_review", True), ("_tell", False), ("_tell", True), ("done", False),
     ("done", True)],
)  # fmt: skip
async def test_a_process_killed_between_any_two_steps_loses_nothing_and_tells_nothing_twice(desk, step, after):
    call_id = await desk.call("Tuesday please")
    await desk.writer.flush()
    code = DIE.format(
        here=str(Path(__file__).parent), url=desk.url, owner=desk.organization_id,
        agent=desk.agent_id, script=GOOD[:1], step=step, after=after,
    )  # fmt: skip
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    with desk.database.write() as connection:
        connection.exec_driver_sql("UPDATE post_call_jobs SET leased_until_us = 0")  # the lease ran out
    worker, model = desk.worker(GOOD)
    await worker.run_once()
    assert len(desk.told(call_id)) == 1
    assert answers(desk.data(call_id))["Day"] == (True, "Tuesday")
    assert desk.queued() == []
    # What was stored before is not asked for again.
    assert len(model.requests) == (0 if (step, after) not in {("_advance", False), ("_review", False)} else 1)
