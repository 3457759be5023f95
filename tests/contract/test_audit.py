"""Who changed what."""

import uuid

import pytest

from offhook.api.v1.audit import AuditEntryData
from offhook.store.tables import audit_log

SECRET = "hush-hush-hush"


async def log(site, **query):
    answer = await site.http.get("/v1/audit-log", params=query)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["data"]
    for row in rows:
        AuditEntryData.model_validate(row)
    return rows


async def test_every_change_is_written_down_with_who_did_it(site, agent):
    async def do(method, path, status=200, **body):
        answer = await site.http.request(method, path, json=body or None)
        assert answer.status_code == status, answer.text
        data = answer.json()["data"]
        return data.get("id") if isinstance(data, dict) else None

    agent_id = await do("POST", "/v1/agents", 201, **agent)
    await do("PATCH", f"/v1/agents/{agent_id}", language="fr", base_prompt="x")
    await do("PATCH", f"/v1/agents/{agent_id}", name="Front")
    await do("POST", f"/v1/agents/{agent_id}/deploy")
    asked = [{"name": "Why", "description": "Why did they call?", "type": "text"}]
    questions = f"/v1/agents/{agent_id}/post-call-questions"
    await do("POST", questions, 200, questions=asked)
    question_id = (await site.http.get(questions)).json()["data"][0]["id"]
    await do("DELETE", f"{questions}/{question_id}")
    number_id = await do("POST", "/v1/phone-numbers", 201, number="+33123456789")
    await do("PATCH", f"/v1/phone-numbers/{number_id}", name="Main")
    trunk_id = await do("POST", "/v1/trunks", 201, name="t", host="h", username="u", password=SECRET)
    key_id = await do("POST", "/v1/api-keys", 201, name="k", scopes=["calls:read"])
    await do("DELETE", f"/v1/api-keys/{key_id}")
    await do("DELETE", f"/v1/phone-numbers/{number_id}")
    await do("DELETE", f"/v1/agents/{agent_id}")
    call = await site.call()
    await do("PATCH", f"/v1/calls/{call.call_id}", metadata={"a": SECRET})

    rows = [row for row in await log(site) if row["actor"].startswith("key:")]
    assert [(row["action"], row["object_id"]) for row in reversed(rows)] == [
        ("agent.created", agent_id), ("agent.updated", agent_id), ("agent.updated", agent_id),
        ("agent.deployed", agent_id), ("agent.questions_saved", agent_id), ("agent.question_deleted", agent_id),
        ("phone_number.created", number_id), ("phone_number.updated", number_id),
        ("trunk.created", trunk_id), ("api_key.created", key_id), ("api_key.revoked", key_id),
        ("phone_number.deleted", number_id), ("agent.deleted", agent_id), ("call.metadata_changed", call.call_id),
    ]  # fmt: skip
    (first,) = [row for row in (await site.http.get("/v1/api-keys")).json()["data"] if row["name"] == "first key"]
    assert {(row["key_id"], row["key_prefix"]) for row in rows} == {(first["id"], first["prefix"])}
    assert {"version": 1, "fields": ["base_prompt", "language"]} in [row["detail"] for row in rows]
    assert SECRET not in str(rows)
    assert {row["object_type"] for row in rows} == {"agent", "phone_number", "trunk", "api_key", "call"}


async def test_a_change_that_is_refused_is_not_written_down(site, agent):
    before = await log(site)
    await site.http.post("/v1/agents", json={**agent, "language": "xx"})
    await site.http.delete(f"/v1/agents/{uuid.uuid4()}")
    body = {"number": "+33123456789", "inbound_agent_id": str(uuid.uuid4())}
    await site.http.post("/v1/phone-numbers", json=body)
    assert await log(site) == before


@pytest.fixture
def many(site):
    """25 acts, five of each microsecond."""
    with site.database.write() as connection:
        connection.execute(audit_log.delete())
        for number in range(25):
            row = {
                "organization_id": site.organization_id, "at_us": 1_700_000_000_000_000 + number // 5,
                "actor": "cli", "action": f"agent.{'deployed' if number % 2 else 'updated'}", "object_type": "agent",
                "object_id": str(number), "detail": {},
            }  # fmt: skip
            connection.execute(audit_log.insert(), row)


@pytest.mark.parametrize("limit", [1, 3, 5, 25])
async def test_both_paginations_give_every_entry_once_newest_first(site, many, limit):
    seen, cursor = [], None
    while True:
        query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        body = (await site.http.get("/v1/audit-log", params=query)).json()
        seen += [row["object_id"] for row in body["data"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert seen == [str(number) for number in reversed(range(25))]
    paged = []
    for page in range(1, 25 // limit + 2):
        query = {"limit": limit, "page": page, "use_cursor": "false"}
        body = (await site.http.get("/v1/audit-log", params=query)).json()
        assert body["total_items"] == 25
        paged += [row["object_id"] for row in body["data"]]
    assert paged == seen


async def test_filters_find_what_fits(site, many):
    assert len(await log(site, action="agent.deployed")) == 12
    assert [row["object_id"] for row in await log(site, object_id="7")] == ["7"]
    assert await log(site, object_type="call") == []
    assert await log(site, actor="system") == []
    window = {"time_gt": "2023-11-14T22:13:20.000001Z", "time_lt": "2023-11-14T22:13:20.000003Z"}
    assert [row["object_id"] for row in await log(site, **window)] == ["14", "13", "12", "11", "10"]


@pytest.mark.parametrize("cursor", ["yesterday", "2023-13-14T22:13:20.000001000000000007Z"])
async def test_a_cursor_that_is_none_is_refused(site, cursor):
    answer = await site.http.get("/v1/audit-log", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "cursor")
