"""Events reach their receivers: signed, at least once, in order within a call, calls independent of each other."""

import asyncio
import json
from collections import defaultdict

import pytest
from sqlalchemy import delete
from standardwebhooks import Webhook

from offhook.egress.guard import Guard, GuardedTransport
from offhook.store.deliveries import DeliveryStatus
from offhook.store.leases import Queue
from offhook.store.sealing import Sealer
from offhook.store.tables import outbox, webhook_lanes
from offhook.testing.webhook_receiver import WebhookReceiver
from offhook.webhooks.schedule import Schedule


def texts(received):
    return [each.event.get("text", each.event.get("status")) for each in received]


def answering(*answers, then=204):
    """Answers in order, then always the last one; awaitables are awaited before."""
    left = list(answers)

    async def decide(_):
        answer = left.pop(0) if left else then
        return await answer() if callable(answer) else answer

    return decide


async def hang():
    await asyncio.sleep(60)


async def test_events_arrive_in_order_signed_as_the_published_library_verifies(house):
    async with WebhookReceiver() as receiver:
        house.dispatch()
        call = await house.call(house.agent(receiver.url), "one", "two", "three")
        await house.settled(call)
        assert texts(receiver.received) == ["ringing", "one", "two", "three"]
        (endpoint,) = house.endpoints.all(house.organization_id)
        (secret,) = house.endpoints.secrets(house.organization_id, endpoint.id)
        for sequence, each in enumerate(receiver.received, 1):
            verified = Webhook(secret.value).verify(each.body, dict(each.headers))
            assert verified["sequence"] == sequence
            assert verified["call_id"] == call.call_id
            assert each.headers["webhook-id"] == verified["event_id"]
            assert each.headers["content-type"] == "application/json"


async def test_what_was_written_before_the_start_is_sent_by_it(house):
    async with WebhookReceiver() as receiver:
        call = await house.call(house.agent(receiver.url), "one")
        house.dispatch()
        await house.settled(call)
        assert texts(receiver.received) == ["ringing", "one"]


async def test_only_what_is_subscribed_to_is_sent(house):
    async with WebhookReceiver() as receiver:
        house.dispatch()
        call = await house.call(house.agent(receiver.url, ["event_transcript"]), "one", ended=True)
        await house.settled(call)
        assert texts(receiver.received) == ["one"]
        assert [each.type for each in house.log()] == ["event_transcript"]


async def test_no_subscriptions_mean_no_events_and_no_url_no_lane(house):
    async with WebhookReceiver() as receiver:
        house.dispatch()
        quiet = await house.call(house.agent(receiver.url, []), "one")
        await house.settled(quiet)
        without = await house.call(house.agent(None), "one")
        assert house.lane(without) is None
        assert receiver.received == []


async def test_every_attempt_is_in_the_log_with_its_outcome(house):
    async with WebhookReceiver(
        answering((500, {}, b"out of\norder"), hang, (302, {"location": "/x"}, b""))
    ) as receiver:
        house.dispatch()
        call = await house.call(house.agent(receiver.url))
        await house.settled(call)
        (delivery,) = house.log()
        assert delivery.status is DeliveryStatus.DELIVERED
        assert [(each.response_code, each.error) for each in delivery.attempts] == [
            (500, "the receiver answered 500: out of order"),
            (None, "no answer within 0.5 s"),
            (302, "the receiver answered 302"),  # a redirect is not followed
            (204, None),
        ]
        assert delivery.attempts[1].latency_ms >= 490
        assert delivery.response_code == 204
        assert (delivery.error, delivery.next_attempt_us) == (None, None)
        assert delivery.delivered_us == delivery.attempts[-1].at_us
        # One event, one id, every time.
        assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
        assert len(receiver.received) == 4


async def test_what_comes_later_in_a_call_waits_behind_a_retry(house):
    async with WebhookReceiver(answering(503, 503, 503)) as receiver:
        house.dispatch()
        call = await house.call(house.agent(receiver.url), "one", "two")
        await house.settled(call)
        assert texts(receiver.received) == ["ringing"] * 4 + ["one", "two"]


async def test_an_event_that_fails_for_good_is_kept_and_the_next_one_goes(house):
    async with WebhookReceiver(answering(*[500] * 5)) as receiver:
        house.dispatch()  # its schedule has four retries
        call = await house.call(house.agent(receiver.url), "one")
        await house.settled(call)
        assert texts(receiver.received) == ["ringing"] * 5 + ["one"]
        failed, delivered = house.log()
        assert (failed.status, len(failed.attempts), failed.next_attempt_us) == (DeliveryStatus.FAILED, 5, None)
        assert delivered.status is DeliveryStatus.DELIVERED


async def test_a_call_in_trouble_holds_up_no_other(house):
    async def decide(reception):
        if reception.event["call_id"] == bad:
            await hang()
        return 204

    async with WebhookReceiver(decide) as receiver:
        agent_id = house.agent(receiver.url)
        trouble = await house.call(agent_id, "one")
        bad = trouble.call_id
        house.dispatch(Schedule((60,), limit_s=30, lease_s=60, poll_s=0.02))
        calls = [await house.call(agent_id, "one", "two") for _ in range(20)]
        await house.settled(*calls, limit_s=10)
        good = [each for each in receiver.received if each.event["call_id"] != bad]
        assert len(good) == 60


async def test_a_receiver_that_hangs_keeps_its_share_and_no_more(house, monkeypatch):
    monkeypatch.setattr("offhook.webhooks.dispatcher.MAX_PER_AGENT", 3)

    async def slow(_):
        await hang()

    async with WebhookReceiver(slow) as stuck, WebhookReceiver() as well:
        slow_agent, quick_agent = house.agent(stuck.url), house.agent(well.url)
        for _ in range(8):
            await house.call(slow_agent)
        house.dispatch(Schedule((60,), limit_s=30, lease_s=60, poll_s=0.02))
        calls = [await house.call(quick_agent) for _ in range(8)]
        await house.settled(*calls, limit_s=10)
        assert (len(stuck.received), len(well.received)) == (3, 8)


async def test_gone_stops_the_endpoint_until_it_is_enabled(house):
    async with WebhookReceiver(answering(410)) as receiver:
        house.dispatch()
        agent_id = house.agent(receiver.url)
        call = await house.call(agent_id, "one")
        await house.settled(call)
        assert texts(receiver.received) == ["ringing"]
        gone, skipped = house.log()
        assert (gone.status, gone.response_code) == (DeliveryStatus.FAILED, 410)
        assert (skipped.status, skipped.attempts) == (DeliveryStatus.SKIPPED, ())
        (endpoint,) = house.endpoints.all(house.organization_id)
        assert endpoint.stopped_us is not None
        house.endpoints.enable(house.organization_id, endpoint.id)
        await house.say(call, "two")
        await house.settled(call)
        assert texts(receiver.received) == ["ringing", "two"]


async def test_a_corrected_url_gets_what_waited(house):
    async with WebhookReceiver() as receiver:
        house.dispatch()
        agent_id = house.agent("http://127.0.0.1:1/nobody")
        call = await house.call(agent_id, "one")
        async with asyncio.timeout(5):
            while not house.log():
                await asyncio.sleep(0.01)
        house.change_agent(agent_id, webhook_url=receiver.url)
        await house.settled(call)
        assert texts(receiver.received) == ["ringing", "one"]
        first = house.log()[0]
        assert first.attempts[0].error.startswith("ConnectError")
        assert (first.attempts[0].url, first.url) == ("http://127.0.0.1:1/nobody", receiver.url)


async def test_a_private_address_is_refused_and_the_log_says_why(house):
    async with WebhookReceiver() as receiver:
        house.dispatch(transport=GuardedTransport(Guard()))
        call = await house.call(house.agent(receiver.url))
        await house.settled(call)
        assert receiver.received == []
        (delivery,) = house.log()
        assert delivery.status is DeliveryStatus.FAILED
        assert "not on the public internet" in delivery.error
        assert "OFFHOOK_WEBHOOK_ALLOW" in delivery.error


async def test_an_answer_without_end_is_given_up(house):
    async def endless(_):
        return 200, {"content-length": "100000000"}, b"x" * 300_000

    async with WebhookReceiver(endless) as receiver:
        house.dispatch()
        call = await house.call(house.agent(receiver.url))
        await house.settled(call)
        assert house.log()[0].status is DeliveryStatus.DELIVERED


async def test_during_a_rotation_both_secrets_sign_and_afterwards_the_new_one(house):
    async with WebhookReceiver() as receiver:
        house.dispatch()
        agent_id = house.agent(receiver.url)
        (endpoint,) = house.endpoints.all(house.organization_id)
        (old,) = house.endpoints.secrets(house.organization_id, endpoint.id)
        new = house.endpoints.rotate(house.organization_id, endpoint.id, grace_s=1)[-1]
        await house.settled(await house.call(agent_id))
        for secret in (old, new):
            Webhook(secret.value).verify(receiver.received[0].body, dict(receiver.received[0].headers))
        await asyncio.sleep(1.05)
        assert house.endpoints.secrets(house.organization_id, endpoint.id) == [new]
        await house.settled(await house.call(agent_id))
        assert " " not in receiver.received[1].headers["webhook-signature"]


async def test_a_secret_sealed_under_another_key_is_a_failure_that_says_so(house):
    async with WebhookReceiver() as receiver:
        agent_id = house.agent(receiver.url)
        house.endpoints.all(house.organization_id)
        house.endpoints._sealer = Sealer("another")
        house.dispatch()
        await house.settled(await house.call(agent_id))
        assert "OFFHOOK_SECRET_KEY" in house.log()[0].error
        assert receiver.received == []


async def test_several_dispatchers_on_one_database_send_each_event_once_and_in_order(house):
    async with WebhookReceiver() as receiver:
        agent_id = house.agent(receiver.url)
        for _ in range(3):
            house.dispatch()
        calls = await asyncio.gather(*(house.call(agent_id, *"abcdef") for _ in range(10)))
        await house.settled(*calls)
        by_call = defaultdict(list)
        for each in receiver.received:
            by_call[each.event["call_id"]].append(each.event["sequence"])
        assert dict(by_call) == {call.call_id: list(range(1, 8)) for call in calls}


async def test_the_call_of_a_process_that_died_goes_on_when_its_lease_has_run_out(house):
    async with WebhookReceiver() as receiver:
        call = await house.call(house.agent(receiver.url), "one")
        with house.database.write() as connection:  # a process that claims, and is killed
            assert Queue(webhook_lanes, lease_s=0.3).claim(connection, limit=9)
        house.dispatch()
        await asyncio.sleep(0.1)
        assert receiver.received == []
        await house.settled(call)
        assert texts(receiver.received) == ["ringing", "one"]


async def test_closing_gives_back_what_was_under_way(house, monkeypatch):
    monkeypatch.setattr("offhook.webhooks.dispatcher.CLOSE_LIMIT_S", 0.1)
    async with WebhookReceiver(answering(hang)) as receiver:
        call = await house.call(house.agent(receiver.url), "one")
        dispatcher = house.dispatch(Schedule((60,), limit_s=30, lease_s=60, poll_s=0.02))
        while not receiver.received:
            await asyncio.sleep(0.01)
        await dispatcher.close()
        assert house.lane(call).leased_until_us == 0
        house.dispatch()
        await house.settled(call, limit_s=5)
        assert texts(receiver.received) == ["ringing", "ringing", "one"]


async def test_a_deleted_call_is_left_alone(house):
    async with WebhookReceiver() as receiver:
        call = await house.call(house.agent(receiver.url), "one")
        with house.database.write() as connection:
            connection.execute(delete(outbox).where(outbox.c.call_id == call.call_id))
        house.dispatch()
        await house.settled(call)
        assert receiver.received == []


@pytest.mark.parametrize("answer", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(house, answer):
    async with WebhookReceiver(answering(answer)) as receiver:
        house.dispatch()
        await house.settled(await house.call(house.agent(receiver.url)))
        assert house.log()[0].status is DeliveryStatus.DELIVERED


async def test_bodies_have_what_the_outbox_has(house):
    async with WebhookReceiver() as receiver:
        house.dispatch()
        call = await house.call(house.agent(receiver.url), "Grüße \u2028 \U0001f44b")
        await house.settled(call)
        body = json.loads(receiver.received[1].body)
        assert body["text"] == "Grüße \u2028 \U0001f44b"
        assert body["agent_id"] == call.created.agent_id
