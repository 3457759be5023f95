"""Events over the API: after a point for all calls, and live for one."""

import asyncio
import json
import time
import uuid

import httpx2
import pytest
from sqlalchemy import select

from offhook.record.events import CallCreated, Costed, PostCall, StatusChanged, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.server.http import HttpServer
from offhook.store.keys import Scope
from offhook.store.tables import outbox
from offhook.webhooks import live


async def page(site, **query):
    answer = await site.http.get("/v1/events", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_consumer_that_goes_on_from_where_it_was_misses_nothing(site):
    calls = [await site.call() for _ in range(3)]
    seen, cursor = [], None
    while True:
        found = await page(site, limit=4, **({"after": cursor} if cursor else {}))
        cursor = found["next_cursor"]
        if not found["data"]:
            break
        seen += found["data"]
    assert [(event["call_id"], event["sequence"]) for event in seen] == [
        (call.call_id, number) for call in calls for number in (1, 2, 3, 4)
    ]
    assert seen[0]["type"] == "event_call_status_updated"
    assert {"type", "timestamp", "call_id", "agent_id", "event_id", "sequence"} <= seen[0].keys()
    # The end is a place too: what comes later is found from there.
    later = await site.call()
    assert [event["call_id"] for event in (await page(site, after=cursor))["data"]] == [later.call_id] * 4


async def test_the_id_of_the_last_event_is_a_place_too(site):
    await site.call()
    events = (await page(site))["data"]
    assert (await page(site, after=events[1]["event_id"]))["data"] == events[2:]
    assert (await page(site, after=events[1]["event_id"].upper()))["data"] == events[2:]


async def test_a_place_that_is_none_is_told(site):
    assert (await site.http.get("/v1/events", params={"after": "yesterday"})).status_code == 422
    assert (await site.http.get("/v1/events", params={"after": str(uuid.uuid4())})).status_code == 404


async def test_another_organization_sees_none_of_it(site):
    await site.call()
    event_id = (await page(site))["data"][0]["event_id"]
    other = {"X-Api-Key": site.key(organization_id=site.other_organization())}
    assert (await site.http.get("/v1/events", headers=other)).json()["data"] == []
    found = await site.http.get("/v1/events", headers=other, params={"after": event_id})
    assert found.status_code == 404


async def test_the_url_of_a_recording_is_made_when_an_event_is_shown(site):
    call = await site.call(recorded=True)
    costed = Costed(at=1_700_000_021.0, lines=({"component": "telephony_minute", "quantity": "1", "unit": "minute",
                                               "unit_price": "0.0100", "amount": "0.0100"},))  # fmt: skip
    for event in (costed, PostCall(at=1_700_000_022.0)):
        await site.writer.amend(call.call_id, site.organization_id, lambda _, event=event: [event])
    with site.database.read() as connection:
        kept = connection.execute(select(outbox.c.body).where(outbox.c.type == "event_post_call")).scalar_one()
    assert json.loads(kept)["recording_url"] is None
    answer = await site.http.get("/v1/events")
    event = answer.json()["data"][-1]
    url = f"http://files/{call.call_id}.ogg?X-Offhook-Signature=1"
    assert (event["type"], event["recording_url"], event["data"]["recording_url"]) == ("event_post_call", url, url)
    assert answer.text.count('"cost":0.0100') == 2  # with every digit


# ---------------------------------------------------------------------- live


class Live:
    """A call under way."""

    def __init__(self, site):
        self.site, self.record = site, None

    async def begin(self):
        created = CallCreated(
            at=time.time(), call_id=str(uuid.uuid4()), organization_id=self.site.organization_id,
            agent_id=str(uuid.uuid4()), direction="inbound", from_number="+33123456789", to_number="+33987654321",
        )  # fmt: skip
        self.record = CallRecord.create(created)
        await self.site.writer.append(created.call_id, [created], self.record)
        await self.add(StatusChanged(at=time.time(), status=Status.RINGING))
        return self

    async def add(self, event):
        self.record.apply(event)
        await self.site.writer.append(self.record.call_id, [event], self.record)

    async def say(self, text):
        number = self.record.events_applied
        await self.add(TranscriptAdded(at=time.time(), item_id=number, role="user", content=text))

    async def end(self):
        reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
        await self.add(StatusChanged(at=time.time(), status=Status.FAILED, end_reason=reason))

    async def tell(self):
        """What the review does when everything about the call is known."""
        await self.add(PostCall(at=time.time()))


class Listener:
    """A client of the stream, as a browser's EventSource reads it."""

    def __init__(self, http, call_id, **headers):
        self._http, self._call_id, self._headers = http, call_id, headers
        self.blocks, self._got, self._task = [], asyncio.Event(), None

    async def __aenter__(self):
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self):
        headers = {name.replace("_", "-"): value for name, value in self._headers.items()}
        path = f"/v1/calls/{self._call_id}/events"
        async with self._http.stream("GET", path, headers=headers, timeout=30) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            block = []
            async for line in answer.aiter_lines():
                if line:
                    block.append(line)
                else:
                    self.blocks.append(dict(part.split(": ", 1) for part in block if not part.startswith(":")))
                    self.blocks[-1]["comment"] = any(part.startswith(":") for part in block)
                    self._got.set()
                    block = []

    @property
    def events(self):
        return [json.loads(block["data"]) for block in self.blocks if "data" in block]

    async def until(self, count):
        async with asyncio.timeout(10):
            while len(self.events) < count:
                self._got.clear()
                await self._got.wait()
        return self.events

    async def over(self):
        """Return when the server has ended the stream."""
        await asyncio.wait_for(asyncio.shield(self._task), 10)


@pytest.fixture
async def served(site):
    """The same application behind a real server: a stream is nothing that is answered at once."""
    site.writer.on_commit.append(site.webhooks.live.committed)
    server = HttpServer(site.app, "127.0.0.1", 0)
    await server.start()
    key = site.http.headers["X-Api-Key"]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers={"X-Api-Key": key}) as http:
        yield http
    await site.webhooks.live.close()
    await server.close()


async def test_events_come_as_they_happen_and_the_stream_ends_when_all_is_told(site, served):
    call = await Live(site).begin()
    async with Listener(served, call.record.call_id) as listener:
        assert [event["status"] for event in await listener.until(1)] == ["ringing"]
        begun = time.monotonic()
        await call.say("Hello")
        assert (await listener.until(2))[1]["text"] == "Hello"
        assert time.monotonic() - begun < live.LOOK_EVERY_S  # told by the writer, not found by looking
        await call.end()
        assert (await listener.until(3))[2]["status"] == "failed"
        await call.tell()
        await listener.over()
    told = [block for block in listener.blocks if "data" in block]
    assert [block["event"] for block in told] == [event["type"] for event in listener.events]
    assert [block["id"] for block in told] == [event["event_id"] for event in listener.events]
    assert listener.events[-1]["type"] == "event_post_call"


async def test_a_call_that_is_never_told_as_a_whole_holds_no_stream_for_ever(site, served, monkeypatch):
    monkeypatch.setattr(live, "IDLE_S", 0.02)
    monkeypatch.setattr(live, "POST_CALL_LIMIT_S", 0.2)
    call = await Live(site).begin()
    async with Listener(served, call.record.call_id) as listener:
        await listener.until(1)
        await call.end()
        await listener.over()
    async with Listener(served, call.record.call_id) as late:
        await late.over()
    assert [event["sequence"] for event in late.events] == [1, 2]


async def test_a_listener_who_comes_after_the_end_still_hears_the_post_call_event(site, served):
    call = await Live(site).begin()
    await call.end()
    async with Listener(served, call.record.call_id) as listener:
        await listener.until(2)
        await call.tell()
        await listener.over()
    assert [event["type"] for event in listener.events][2:] == ["event_post_call"]


async def test_it_resumes_after_the_event_the_client_saw_last(site, served):
    call = await Live(site).begin()
    await call.say("one")
    await call.say("two")
    async with Listener(served, call.record.call_id) as first:
        events = await first.until(3)
    async with Listener(served, call.record.call_id, Last_Event_ID=events[1]["event_id"]) as again:
        assert await again.until(1) == events[2:]
        await call.end()
        await call.tell()
        await again.over()
    assert [event["sequence"] for event in again.events] == [3, 4, 5]


async def test_a_call_that_is_over_is_told_to_its_end_and_no_further(site, served):
    call = await site.call()
    await site.writer.amend(call.call_id, site.organization_id, lambda _: [PostCall(at=1_700_000_020.0)])
    async with Listener(served, call.call_id) as listener:
        await listener.over()
    assert [event["sequence"] for event in listener.events] == [1, 2, 3, 4, 5]
    last = listener.events[-1]["event_id"]
    path, resumed = f"/v1/calls/{call.call_id}/events", {"Last-Event-ID": last}
    assert (await served.get(path, headers=resumed)).status_code == 204  # an EventSource doesn't come back then
    before_last = {"Last-Event-ID": listener.events[-2]["event_id"]}
    assert (await served.get(path, headers=before_last)).text.count("event: event_post_call") == 1


async def test_many_listeners_cost_as_many_queries_as_one(site, served, monkeypatch):
    monkeypatch.setattr(live, "LOOK_EVERY_S", 60)
    call, asked = await Live(site).begin(), []
    look = site.webhooks.live._outbox.of_calls
    monkeypatch.setattr(site.webhooks.live._outbox, "of_calls", lambda seen: (asked.append(1), look(seen))[1])
    listeners = [Listener(served, call.record.call_id) for _ in range(20)]
    for listener in listeners:
        await listener.__aenter__()
    await asyncio.gather(*(listener.until(1) for listener in listeners))
    for text in ("one", "two", "three"):
        await call.say(text)
    await asyncio.gather(*(listener.until(4) for listener in listeners))
    assert 1 <= len(asked) <= 3
    await call.end()
    await call.tell()
    await asyncio.gather(*(listener.over() for listener in listeners))
    assert all([event["sequence"] for event in each.events] == [1, 2, 3, 4, 5, 6] for each in listeners)


async def test_what_another_process_wrote_is_heard_too(site, served):
    site.writer.on_commit.clear()  # as if the call lived elsewhere
    call = await Live(site).begin()
    async with Listener(served, call.record.call_id) as listener:
        await listener.until(1)
        await call.say("far away")
        assert (await listener.until(2))[1]["text"] == "far away"


async def test_silence_is_broken_by_comments(site, served, monkeypatch):
    monkeypatch.setattr(live, "IDLE_S", 0.05)
    call = await Live(site).begin()
    async with Listener(served, call.record.call_id) as listener:
        async with asyncio.timeout(5):
            while sum(block["comment"] for block in listener.blocks) < 3:
                await asyncio.sleep(0.01)
        assert len(listener.events) == 1


async def test_who_leaves_is_forgotten(site, served):
    call = await Live(site).begin()
    async with Listener(served, call.record.call_id) as listener:
        await listener.until(1)
        assert call.record.call_id in site.webhooks.live._calls
    async with asyncio.timeout(5):
        while site.webhooks.live._calls:
            await asyncio.sleep(0.01)


async def test_a_server_that_stops_ends_its_streams(site, served):
    call = await Live(site).begin()
    async with Listener(served, call.record.call_id) as listener:
        await listener.until(1)
        await site.webhooks.live.close()
        await listener.over()


async def test_nobody_listens_to_another_organization_s_call(site, served):
    call = await Live(site).begin()
    path = f"/v1/calls/{call.record.call_id}/events"
    other = {"X-Api-Key": site.key(organization_id=site.other_organization())}
    assert (await served.get(path, headers=other)).status_code == 404
    agents_only = {"X-Api-Key": site.key(Scope.AGENTS_READ)}
    assert (await served.get(path, headers=agents_only)).status_code == 403
    assert (await served.get(f"/v1/calls/{uuid.uuid4()}/events")).status_code == 404
