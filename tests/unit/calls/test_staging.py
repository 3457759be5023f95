"""Staged calls are prepared, taken once, and over when nobody comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.events import VariableChanged
from offhook.agents.load import parse_agent
from offhook.calls.journal import Journal
from offhook.calls.live import CallPlan
from offhook.calls.staging import StagedCall, StagedCalls
from offhook.errors import ProviderError
from offhook.record.cost import PriceList
from offhook.record.events import CallCreated
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status

AGENT = parse_agent(
    {
        "name": "Desk", "language": "en", "initial_message": "Hello {{name}}, how are you?",
        "states": [{"name": "start", "prompt": "Be kind."}], "initial_state_name": "start",
        "variables": [{"name": "name", "type": "string", "source": "initial"}],
    }
)  # fmt: skip


class Writer:
    def append(self, call_id, events, record):
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Voice:
    def __init__(self, *, fails: bool = False, hangs: bool = False) -> None:
        self.prepared, self.fails, self.hangs = [], fails, hangs

    async def prepare(self, texts, voice, rate_hz):
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise ProviderError("no voice today")
        self.prepared += texts


def staged(call_id="c1"):
    created = CallCreated(at=1.0, call_id=call_id, organization_id="o", agent_id="a", direction="inbound")
    dialogue = Dialogue.start(
        AGENT, {"name": "Ann"}, call_id=call_id, from_number="+331", to_number="+332", call_start_time=1.0
    )
    plan = CallPlan(call_id, "o", "inbound", AGENT, dialogue, PriceList(), {"name": "Ann"})
    return StagedCall(plan, Journal(CallRecord.create(created), Writer()), "+332")


async def test_what_the_agent_asks_before_its_first_word_is_asked_before_the_call_is_staged():
    voice, call = Voice(), staged()

    async def prepare(plan):
        dialogue = plan.dialogue.with_variable("name", "Bob")
        return replace(plan, dialogue=dialogue, prepared=(VariableChanged("name", "string", "Bob"),))

    calls = StagedCalls(voice, lambda: 2.0, prepare=prepare)
    calls.add(call)
    await call.ready
    assert voice.prepared == ["Hello Bob, how are you?"]
    assert call.plan.prepared == (VariableChanged("name", "string", "Bob"),)
    assert calls.take(call)


async def test_the_greeting_is_spoken_with_the_callers_values_before_the_call_is_staged():
    voice, call = Voice(), staged()
    calls = StagedCalls(voice, lambda: 2.0)
    calls.add(call)
    assert call.journal.record.status is Status.CREATED
    await call.ready
    assert call.journal.record.status is Status.STAGED
    assert "Ann" in " ".join(voice.prepared)
    await calls.close(EndReason(EndCode.PLATFORM_FAILURE, "platform"))


async def test_a_voice_that_fails_is_noted_and_does_not_keep_a_call_from_being_staged():
    call = staged()
    calls = StagedCalls(Voice(fails=True), lambda: 2.0)
    calls.add(call)
    await call.ready
    record = call.journal.record
    assert (record.status, [flag.code for flag in record.flags]) == (Status.STAGED, ["greeting_not_prepared"])
    await calls.close(EndReason(EndCode.PLATFORM_FAILURE, "platform"))
    assert (record.status, len(calls)) == (Status.FAILED, 0)


@pytest.mark.parametrize("hangs", [False, True])
async def test_without_an_invite_in_time_it_is_no_answer_and_its_place_free(hangs):
    call = staged()
    calls = StagedCalls(Voice(hangs=hangs), lambda: 2.0, wait_s=0.02)
    calls.add(call)
    assert len(calls) == 1
    while len(calls):
        await asyncio.sleep(0.005)
    record = call.journal.record
    assert (record.status, record.end_reason.code) == (Status.NO_ANSWER, EndCode.NO_ANSWER)
    assert not calls.take(call)


async def test_a_header_names_it_whatever_its_case_and_it_is_taken_once():
    call = staged()
    calls = StagedCalls(Voice(hangs=True), lambda: 2.0)
    calls.add(call)
    assert calls.named_by({"X-Other": "c1"}) == (None, None)
    assert calls.named_by({"X-ROUNDED-CALL-ID": " C1 "}) == ("c1", call)
    assert calls.named_by({"x-offhook-call-id": "c2"}) == ("c2", None)
    assert [calls.take(call), calls.take(call)] == [True, False]
    assert calls.get("c1") is None
