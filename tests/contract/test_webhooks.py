"""Webhooks over the API: the log, resending, endpoints and their secrets."""

import asyncio

import pytest
from standardwebhooks import Webhook

from offhook.store.agents import Agents
from offhook.store.keys import Scope
from offhook.testing.webhook_receiver import WebhookReceiver

DELIVERIES = "/v1/webhooks/deliveries"
ENDPOINTS = "/v1/webhooks/endpoints"


@pytest.fixture
async def receiver():
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
async def subscribed(site, agent, receiver):
    """An agent whose status and transcript events go to the receiver; deliveries are under way."""
    made = (await site.http.post("/v1/agents", json=agent)).json()["data"]
    settings = {"webhook_url": receiver.url, "webhook_subscriptions": ["event_call_status_updated", "event_transcript"]}
    # Past the API, which takes https only: the receiver of this test has no certificate.
    Agents(site.database).set_globals(site.organization_id, made["id"], settings)
    site.webhooks.start(site.writer)
    return made["id"]


async def until(check):
    async with asyncio.timeout(10):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found


async def rows(site, path=DELIVERIES, **query):
    answer = await site.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def delivered(site, count):
    async def check():
        found = await rows(site, status="delivered")
        return found if len(found) >= count else None

    return await until(check)


async def test_the_log_shows_every_attempt_newest_first(site, subscribed, receiver):
    call = await site.call(agent_id=subscribed)
    found = await delivered(site, 4)
    assert [row["sequence"] for row in found] == [4, 3, 2, 1]
    row = found[-1]
    assert row["call_id"] == call.call_id
    assert (row["agent_id"], row["url"]) == (subscribed, receiver.url)
    assert (row["type"], row["status"]) == ("event_call_status_updated", "delivered")
    assert (row["response_code"], row["error"], row["next_attempt_at"]) == (204, None, None)
    (attempt,) = row["attempts"]
    assert attempt["number"] == 1
    assert attempt["delivered"] is True
    assert attempt["resend"] is False
    assert attempt["latency_ms"] == row["latency_ms"] >= 0
    assert attempt["time"] == row["last_attempt_at"] == row["delivered_at"]
    one = await site.http.get(f"{DELIVERIES}/{row['id']}")
    assert one.json()["data"] == row


async def test_the_log_is_filtered_and_paged_both_ways(site, subscribed):
    first, second = await site.call(agent_id=subscribed), await site.call(agent_id=subscribed)
    every = [row["id"] for row in await delivered(site, 8)]
    assert {row["call_id"] for row in await rows(site, call_id=first.call_id)} == {first.call_id}
    assert len(await rows(site, call_id=second.call_id, type="event_transcript")) == 1
    assert len(await rows(site, agent_id=subscribed)) == 8
    assert await rows(site, agent_id=first.call_id) == []
    assert await rows(site, status="failed") == []
    by_cursor, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await site.http.get(DELIVERIES, params=query)).json()
        by_cursor += [row["id"] for row in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert by_cursor == every
    page = (await site.http.get(DELIVERIES, params={"use_cursor": "false", "page": 2, "limit": 3})).json()
    assert [row["id"] for row in page["data"]] == every[3:6]
    assert (page["total_items"], page["total_pages"], page["current_page"]) == (8, 3, 2)


@pytest.mark.parametrize("query", [{"status": "lost"}, {"type": "event_x"}, {"call_id": "x"}, {"cursor": "yesterday"}])
async def test_a_filter_that_means_nothing_is_refused_by_name(site, query):
    answer = await site.http.get(DELIVERIES, params=query)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == next(iter(query))


async def test_what_failed_is_resent_at_once_and_the_log_keeps_both(site, subscribed, receiver):
    async def refuse(_):
        return 410

    receiver.decide = refuse
    await site.call(agent_id=subscribed)

    async def three_skipped():
        found = await rows(site, status="skipped")
        return found if len(found) == 3 else None

    skipped = await until(three_skipped)
    (failed,) = await rows(site, status="failed")
    refused = await site.http.post(f"{DELIVERIES}/{failed['id']}/resend")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")  # its endpoint is stopped
    (endpoint,) = await rows(site, ENDPOINTS)
    assert (endpoint["status"], endpoint["current"]) == ("stopped", True)
    assert "410" in endpoint["stop_reason"]
    enabled = await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/enable")
    assert enabled.json()["data"]["status"] == "enabled"

    async def accept(_):
        return 200

    receiver.decide = accept
    answer = await site.http.post(f"{DELIVERIES}/{failed['id']}/resend")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["status"], data["response_code"]) == ("delivered", 200)
    assert [(each["number"], each["resend"], each["response_code"]) for each in data["attempts"]] == [
        (1, False, 410),
        (2, True, 200),
    ]
    assert receiver.received[-1].headers["webhook-id"] == failed["event_id"]
    # What was skipped while it was stopped can be sent like that too.
    assert [row["attempts"] for row in skipped] == [[], [], []]
    assert (await site.http.post(f"{DELIVERIES}/{skipped[0]['id']}/resend")).json()["data"]["status"] == "delivered"


async def test_a_resend_that_fails_says_so_and_takes_nothing_back(site, subscribed, receiver):
    await site.call(agent_id=subscribed)
    row = (await delivered(site, 4))[0]

    async def fail(_):
        return 500

    receiver.decide = fail
    data = (await site.http.post(f"{DELIVERIES}/{row['id']}/resend")).json()["data"]
    assert (data["status"], data["response_code"]) == ("delivered", 500)
    assert data["attempts"][-1]["error"] == "the receiver answered 500"


async def test_a_resend_of_what_is_being_retried_lets_its_call_go_on(site, subscribed, receiver):
    async def fail(_):
        return 500

    receiver.decide = fail
    await site.call(agent_id=subscribed)
    (row,) = await until(lambda: rows(site, status="retrying"))
    assert row["next_attempt_at"] is not None

    async def accept(_):
        return 204

    receiver.decide = accept
    assert (await site.http.post(f"{DELIVERIES}/{row['id']}/resend")).json()["data"]["status"] == "delivered"
    await delivered(site, 4)  # long before the retry would have come
    assert [each.event["sequence"] for each in receiver.received] == [1, 1, 2, 3, 4]


async def test_an_endpoint_and_its_secret_are_there_before_the_first_event(site, agent):
    agent |= {"webhook_url": "https://hooks.example.com/offhook"}
    made = (await site.http.post("/v1/agents", json=agent)).json()["data"]
    (endpoint,) = await rows(site, ENDPOINTS)
    assert (endpoint["agent_id"], endpoint["url"]) == (made["id"], "https://hooks.example.com/offhook")
    assert (endpoint["status"], endpoint["stopped_at"], endpoint["stop_reason"]) == ("enabled", None, None)
    (secret,) = await rows(site, f"{ENDPOINTS}/{endpoint['id']}/secrets")
    assert secret["secret"].startswith("whsec_")
    assert secret["expires_at"] is None
    # A new URL is another endpoint; the old one's stays readable.
    changed = {"webhook_url": "https://hooks.example.com/v2"}
    await site.http.patch(f"/v1/agents/{made['id']}", json=changed)
    assert [(row["url"][-2:], row["current"]) for row in await rows(site, ENDPOINTS)] == [("v2", True), ("ok", False)]


async def test_rotation_adds_a_secret_and_lets_the_old_one_expire(site, subscribed, receiver):
    (endpoint,) = await rows(site, ENDPOINTS)
    (old,) = await rows(site, f"{ENDPOINTS}/{endpoint['id']}/secrets")
    answer = await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", json={"grace_seconds": 3600})
    first, second = answer.json()["data"]
    assert (first["id"], first["secret"]) == (old["id"], old["secret"])
    assert first["expires_at"] is not None
    assert second["expires_at"] is None
    outcome = (await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/test")).json()["data"]
    assert outcome["delivered"] is True
    for secret in (first, second):
        event = Webhook(secret["secret"]).verify(receiver.received[0].body, dict(receiver.received[0].headers))
        assert event["type"] == "event_test"
    at_once = await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", json={"grace_seconds": 0})
    assert len(at_once.json()["data"]) == 1
    for _ in range(4):
        await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", json={})  # a day's grace
    assert (await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", json={})).status_code == 409


async def test_secrets_are_sealed_in_the_database_and_never_in_the_audit_log(site, subscribed):
    (endpoint,) = await rows(site, ENDPOINTS)
    await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", json={})
    secrets = await rows(site, f"{ENDPOINTS}/{endpoint['id']}/secrets")
    with site.database.read() as connection:
        stored = connection.exec_driver_sql("SELECT sealed FROM webhook_secrets").scalars().all()
        noted = connection.exec_driver_sql("SELECT action, detail FROM audit_log").all()
    assert len(stored) == len(secrets) == 2
    assert not any(secret["secret"] in str(stored) + str(noted) for secret in secrets)
    assert "webhook_endpoint.secret_rotated" in {action for action, _ in noted}


async def test_a_test_event_that_fails_tells_why(site, subscribed, receiver):
    async def fail(_):
        return 503, {}, b"maintenance"

    receiver.decide = fail
    (endpoint,) = await rows(site, ENDPOINTS)
    outcome = (await site.http.post(f"{ENDPOINTS}/{endpoint['id']}/test")).json()["data"]
    assert (outcome["delivered"], outcome["response_code"]) == (False, 503)
    assert outcome["error"] == "the receiver answered 503: maintenance"


async def test_secrets_need_an_admin_and_the_log_a_reader(site, subscribed):
    (endpoint,) = await rows(site, ENDPOINTS)
    agents_key = {"X-Api-Key": site.key(Scope.AGENTS_READ, Scope.AGENTS_WRITE)}
    calls_key = {"X-Api-Key": site.key(Scope.CALLS_READ)}
    for method, path, key, status in (
        ("GET", f"{ENDPOINTS}/{endpoint['id']}/secrets", agents_key, 403),
        ("POST", f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", agents_key, 403),
        ("GET", ENDPOINTS, agents_key, 200),
        ("GET", DELIVERIES, agents_key, 403),
        ("GET", DELIVERIES, calls_key, 200),
        ("GET", ENDPOINTS, calls_key, 403),
    ):
        assert (await site.http.request(method, path, headers=key)).status_code == status, path
