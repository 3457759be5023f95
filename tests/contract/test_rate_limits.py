"""Limits per key, organization and address, told on every answer."""

import dataclasses

import httpx2
import pytest

from offhook.api.app import create_app
from offhook.api.limits import RateLimits
from offhook.api.v1.envelopes import ApiResponseError
from offhook.store.organizations import Organizations

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def rate(answer):
    return tuple(int(answer.headers[name]) for name in HEADERS)


def check_limited(answer):
    assert answer.status_code == 429, answer.text
    assert ApiResponseError.model_validate(answer.json()).error.type == "rate_limited"
    assert int(answer.headers["Retry-After"]) >= 1
    limit, remaining, reset = rate(answer)
    assert remaining == 0
    assert 1 <= reset <= 60
    assert answer.headers["X-Request-Id"]
    return limit


@pytest.fixture
def limited(site):
    """Clients of the application with these limits, by key and address."""
    apps = []

    def make(**limits):
        deps = site.app.state.resources.deps
        app = create_app(dataclasses.replace(deps, limits=RateLimits(**limits)))
        apps.append(app)

        def client(key, address="127.0.0.1"):
            transport = httpx2.ASGITransport(app=app, client=(address, 1))
            headers = {"X-Api-Key": key, "Authorization": f"Bearer {key}"}
            return httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers)

        return client

    yield make
    for app in apps:
        app.state.resources.reads.close()


async def test_every_answer_of_every_route_tells_the_limit(site, keyed, ids):
    for route in keyed:
        answer = await site.http.request(route.method, route.filled(ids), content=b"{")
        assert rate(answer)[0] == RateLimits().key, route
    unknown = await site.http.get("/v1/nothing")
    assert unknown.status_code == 404
    assert rate(unknown)[1] < RateLimits().key
    nobody = await site.http.get("/v1/calls", headers={"X-Api-Key": "wrong"})
    assert (nobody.status_code, rate(nobody)[0]) == (401, 100_000)
    # The walk has deleted the one of `ids`.
    call = await site.http.get(f"/v1/calls/{(await site.call()).call_id}")
    assert (call.status_code, rate(call)[0]) == (200, RateLimits().key)
    assert "RateLimit-Limit" not in (await site.http.get("/healthz")).headers


async def test_a_key_past_its_limit_is_429_and_another_goes_on(site, limited):
    client = limited(key=3, organization=100)
    async with client(site.key()) as one, client(site.key()) as other:
        left = [rate(await one.get("/v1/calls"))[1] for _ in range(3)]
        assert left == [2, 1, 0]
        assert check_limited(await one.get("/v1/calls")) == 3
        check_limited(await one.post("/v1/agents", json={}))
        call = await site.call()
        check_limited(await one.get(f"/v1/calls/{call.call_id}"))
        check_limited(await one.post("/api/v0/calls/phone", json={}))
        assert (await other.get("/v1/calls")).status_code == 200


async def test_all_keys_of_an_organization_share_its_limit(site, limited):
    client = limited(key=100, organization=3)
    async with client(site.key()) as one, client(site.key()) as other:
        for each in (one, other, one):
            assert (await each.get("/v1/calls")).status_code == 200
        assert check_limited(await other.get("/v1/calls")) == 3
    async with client(site.key(organization_id=site.other_organization())) as stranger:
        assert (await stranger.get("/v1/calls")).status_code == 200


async def test_an_organizations_own_limit_counts_at_once(site, limited):
    async with limited()(site.key()) as client:
        assert rate(await client.get("/v1/calls"))[0] == RateLimits().key
        Organizations(site.database).update(site.organization_id, {"limits": {"requests_per_minute_per_key": 2}})
        assert rate(await client.get("/v1/calls"))[0] == 2


async def test_who_guesses_keys_is_429_until_a_key_was_good_before(site, limited):
    client = limited(failures=5)
    async with client(site.key()) as known, client("wrong") as guesser, client(site.key()) as late:
        assert (await known.get("/v1/calls")).status_code == 200
        answers = [await guesser.get("/v1/calls") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401] * 5
        assert [rate(answer)[:2] for answer in answers] == [(5, left) for left in (4, 3, 2, 1, 0)]
        assert check_limited(await guesser.get("/v1/calls")) == 5
        # A key that nobody used yet would be what a guess looks like.
        check_limited(await late.get("/v1/calls"))
        assert (await known.get("/v1/calls")).status_code == 200
    async with client("wrong", address="192.0.2.7") as elsewhere:
        assert (await elsewhere.get("/v1/calls")).status_code == 401
