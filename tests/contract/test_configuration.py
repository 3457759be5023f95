"""Agents, numbers, trunks and keys over HTTP."""

import asyncio
import dataclasses
import uuid

import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Route

from offhook.api.app import create_app


async def made(site, path, body):
    answer = await site.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == 201
    return answer.json()["data"]


async def data(site, path, **query):
    answer = await site.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_an_agent_is_a_draft_until_it_is_deployed_and_rolls_back(site, agent):
    draft = await made(site, "/v1/agents", agent)
    path = f"/v1/agents/{draft['id']}"
    assert (draft["version"], draft["active"]) == (1, False)
    assert {row["name"] for row in draft["variables"]} == {"from_number", "to_number", "call_start_time", "call_id"}
    deployed = await site.http.post(f"{path}/deploy", params={"version": 1})
    assert deployed.json()["message"] == "Agent deployed successfully"
    assert set(deployed.json()["data"]) == {"version", "configuration_id", "created_at"}
    changed = await site.http.patch(path, json={"language": "fr"})
    assert changed.json()["message"] == ("Agent draft configuration updated to version 2. Deploy it to make it active.")
    assert (await data(site, path))["language"] == "en"
    assert (await data(site, path, version=2))["language"] == "fr"
    await site.http.post(f"{path}/deploy", params={"version": 2})
    assert (await data(site, path))["language"] == "fr"
    await site.http.post(f"{path}/deploy", params={"version": 1})
    assert (await data(site, path))["language"] == "en"
    versions = await data(site, f"{path}/versions")
    assert [(row["version"], row["active"]) for row in versions] == [(2, False), (1, True)]
    first = (await site.http.get(f"{path}/versions", params={"limit": 1})).json()
    rest = (await site.http.get(f"{path}/versions", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert (first["data"] + rest["data"], rest["next_cursor"]) == (versions, None)
    numbered = (await site.http.get(f"{path}/versions", params={"use_cursor": False, "limit": 1, "page": 2})).json()
    assert (numbered["data"], numbered["total_items"]) == (versions[1:], 2)
    assert (await site.http.get(path, params={"version": 9})).status_code == 404
    assert (await site.http.post(f"{path}/deploy", params={"version": 9})).status_code == 404


async def test_global_settings_apply_at_once_without_a_version(site, agent):
    draft = await made(site, "/v1/agents", agent)
    path = f"/v1/agents/{draft['id']}"
    await site.http.post(f"{path}/deploy")
    answer = await site.http.patch(path, json={"name": "Front", "webhook_url": "https://example.com/hook"})
    assert answer.json()["message"] == "Agent global settings updated successfully"
    shown = await data(site, path)
    assert (shown["name"], shown["webhook_url"], shown["version"]) == ("Front", "https://example.com/hook", 1)
    refused = await site.http.patch(path, json={"webhook_url": "ftp://x"})
    assert refused.json()["error"]["details"][0]["field"] == "webhook_url"


async def test_what_was_answered_can_be_sent_back(site, agent):
    agent["variables"] = [{"name": "day", "type": "string"}]
    shown = await made(site, "/v1/agents", agent)
    answer = await site.http.patch(f"/v1/agents/{shown['id']}", json=shown)
    assert answer.status_code == 200, answer.text
    again = answer.json()["data"]
    assert {name for name in shown if shown[name] != again[name]} == {"configuration_id"}


async def test_each_fault_of_an_agent_is_named_by_its_path(site, agent):
    agent["states"][0]["transitions"] = [{"condition": "always", "destination_state_name": "nowhere"}]
    agent["language"] = "xx"
    answer = await site.http.post("/v1/agents", json=agent)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "validation_error")
    assert "language" in [row["field"] for row in answer.json()["error"]["details"]]
    agent["language"] = "en"
    answer = await site.http.post("/v1/agents", json=agent)
    assert "states[0].transitions[0].destination_state_name" in [
        row["field"] for row in answer.json()["error"]["details"]
    ]
    assert await data(site, "/v1/agents") == []


async def test_concurrent_changes_of_a_draft_are_all_kept(site, agent):
    draft = await made(site, "/v1/agents", agent)
    changes = [{"max_call_duration": 60}, {"presence_check_max_times": 7}, {"base_prompt": "x"}, {"language": "de"}]
    await asyncio.gather(*[site.http.patch(f"/v1/agents/{draft['id']}", json=change) for change in changes])
    shown = await data(site, f"/v1/agents/{draft['id']}")
    for change in changes:
        assert change.items() <= shown.items()


async def test_a_deleted_agent_is_gone(site, agent):
    draft = await made(site, "/v1/agents", agent)
    answer = await site.http.delete(f"/v1/agents/{draft['id']}")
    assert answer.json()["message"] == "Agent deleted successfully"
    assert (await site.http.get(f"/v1/agents/{draft['id']}")).status_code == 404
    assert await data(site, "/v1/agents") == []


async def test_a_number_is_added_linked_and_given_up(site, agent):
    answering = await made(site, "/v1/agents", agent)
    number = await made(site, "/v1/phone-numbers", {"number": "+33123456789"})
    assert set(number) >= {
        "id", "number", "name", "created_at", "type", "inbound_agent_id", "redirect", "redirect_phone_number",
    }  # fmt: skip
    path = f"/v1/phone-numbers/{number['id']}"
    change = {
        "name": "Main",
        "inbound_agent_id": answering["id"],
        "redirect": True,
        "redirect_phone_number": "+331234567",
    }
    changed = (await site.http.patch(path, json=change)).json()["data"]
    assert change.items() <= changed.items()
    assert (await site.http.patch(path, json={"inbound_agent_id": None})).json()["data"]["inbound_agent_id"] is None
    twice = await site.http.post("/v1/phone-numbers", json={"number": "+33123456789"})
    assert (twice.status_code, twice.json()["error"]["details"][0]["field"]) == (409, "number")
    unknown = await site.http.patch(path, json={"inbound_agent_id": str(uuid.uuid4())})
    assert (unknown.status_code, unknown.json()["error"]["details"][0]["field"]) == (404, "inbound_agent_id")
    assert (await site.http.delete(path)).status_code == 200
    assert await data(site, "/v1/phone-numbers") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"number": "0123"}, "number"), ({"number": "+33 1 23"}, "number"), ({"number": ""}, "number"),
        ({"number": "a b", "type": "sip"}, "number"), ({"number": "+33123456789", "type": "fax"}, "type"),
        ({"number": "+33123456789", "name": ""}, "name"), ({}, "number"),
    ],
)  # fmt: skip
async def test_a_number_that_is_none_is_refused_by_its_field(site, body, field):
    answer = await site.http.post("/v1/phone-numbers", json=body)
    assert answer.status_code == 422
    assert [row["field"] for row in answer.json()["error"]["details"]] == [field]


async def test_a_sip_number_may_be_any_name(site):
    assert (await made(site, "/v1/phone-numbers", {"number": "desk", "type": "sip"}))["type"] == "sip"


async def test_numbers_go_by_page_unless_asked_otherwise_and_keep_their_message(site):
    for number in range(5):
        await made(site, "/v1/phone-numbers", {"number": f"+3312345678{number}"})
    body = (await site.http.get("/v1/phone-numbers", params={"limit": 2, "page": 2})).json()
    assert body["message"] == "Calls retrieved successfully"
    assert (body["current_page"], body["total_pages"], body["total_items"]) == (2, 3, 5)
    seen, cursor = [], None
    while True:
        query = {"use_cursor": "true", "limit": 2, **({"cursor": cursor} if cursor else {})}
        body = (await site.http.get("/v1/phone-numbers", params=query)).json()
        seen += [row["number"][-1] for row in body["data"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert seen == list("43210")


async def test_a_trunks_password_is_never_shown(site):
    body = {
        "name": "t", "host": "sip.example.com", "port": 5061, "transport": "tls", "username": "u",
        "password": "hush-hush", "register": True, "allowed_sources": ["10.1.2.3/8", "::1"], "codecs": ["PCMA"],
    }  # fmt: skip
    answer = await site.http.post("/v1/trunks", json=body)
    trunk = answer.json()["data"]
    assert (trunk["has_password"], trunk["register"], trunk["port"]) == (True, True, 5061)
    assert trunk["allowed_sources"] == ["10.0.0.0/8", "::1/128"]
    listed = await site.http.get("/v1/trunks")
    single = await site.http.get(f"/v1/trunks/{trunk['id']}")
    assert listed.json()["data"] == [single.json()["data"]] == [trunk]
    assert "hush-hush" not in answer.text + listed.text + single.text
    refused = await site.http.post("/v1/trunks", json={**body, "allowed_sources": ["everywhere"]})
    assert refused.json()["error"]["details"][0]["field"] == "allowed_sources[0]"


TWILIO = {"name": "t", "type": "twilio", "account_sid": "AC" + "0" * 32, "auth_token": "hush-hush"}


async def test_a_twilio_trunk_has_an_account_and_a_token_that_is_never_shown(site):
    trunk = await made(site, "/v1/trunks", TWILIO)
    assert (trunk["type"], trunk["account_sid"], trunk["has_auth_token"]) == ("twilio", TWILIO["account_sid"], True)
    path = f"/v1/trunks/{trunk['id']}"
    answer = await site.http.patch(path, json={"auth_token": "hush-hush-2", "name": "u"})
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "u")
    assert "hush-hush" not in answer.text + (await site.http.get(path)).text
    assert site.app.state.resources.trunks.get(site.organization_id, trunk["id"]).auth_token.open() == "hush-hush-2"


async def test_a_trunk_is_changed_and_taken_away_with_its_numbers_left(site):
    trunk = await made(site, "/v1/trunks", {"name": "t", "host": "a", "username": "u", "password": "p"})
    number = await made(site, "/v1/phone-numbers", {"number": "+33123456789", "trunk_id": trunk["id"]})
    path = f"/v1/trunks/{trunk['id']}"
    change = {"host": "b", "port": 5070, "register": True, "codecs": ["PCMA"], "allowed_sources": ["10.1.2.3/8"]}
    changed = (await site.http.patch(path, json=change)).json()["data"]
    assert {**changed, "allowed_sources": change["allowed_sources"]}.items() >= change.items()
    assert changed["allowed_sources"] == ["10.0.0.0/8"]
    refused = await site.http.patch(path, json={"password": None})
    assert refused.json()["error"]["details"][0]["field"] == "register"
    await site.http.patch(path, json={"password": None, "register": False, "port": None})
    shown = await data(site, path)
    assert (shown["has_password"], shown["port"], shown["username"]) == (False, None, "u")
    assert (await site.http.delete(path)).json()["message"] == "Trunk deleted successfully"
    assert (await site.http.get(path)).status_code == 404
    assert (await data(site, f"/v1/phone-numbers/{number['id']}"))["trunk_id"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "t"}, "host"), ({"name": "t", "host": "a b"}, "host"), ({"name": "t", "host": ""}, "host"),
        ({"name": "t", "host": "a", "account_sid": TWILIO["account_sid"]}, "account_sid"),
        ({"name": "t", "host": "a", "register": True}, "register"), ({"name": "t", "host": "a", "port": 0}, "port"),
        ({"name": "t", "host": "a", "codecs": ["MP3"]}, "codecs[0]"), ({**TWILIO, "host": "a"}, "host"),
        ({**TWILIO, "auth_token": None}, "auth_token"), ({**TWILIO, "account_sid": "AC1"}, "account_sid"),
        ({"name": "t", "host": "a", "allowed_sources": ["x"] * 101}, "allowed_sources"),
    ],
)  # fmt: skip
async def test_a_trunk_that_does_not_fit_is_refused_by_its_field(site, body, field):
    answer = await site.http.post("/v1/trunks", json=body)
    assert answer.status_code == 422, answer.text
    assert {row["field"] for row in answer.json()["error"]["details"]} == {field}


async def test_a_number_that_redirects_needs_a_place_to_redirect_to(site):
    refused = await site.http.post("/v1/phone-numbers", json={"number": "+33123456789", "redirect": True})
    assert refused.json()["error"]["details"][0]["field"] == "redirect_phone_number"
    body = {"number": "+33123456789", "redirect": True, "redirect_phone_number": "sip:a@b"}
    number = await made(site, "/v1/phone-numbers", body)
    assert body.items() <= number.items()
    path = f"/v1/phone-numbers/{number['id']}"
    refused = await site.http.patch(path, json={"redirect_phone_number": None})
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (422, "redirect_phone_number")
    both = await site.http.patch(path, json={"redirect_phone_number": None, "redirect": False})
    assert both.json()["data"]["redirect"] is False
    assert await data(site, path) == both.json()["data"]


async def test_the_difference_of_two_versions_is_listed_with_both_values(site, agent):
    draft = await made(site, "/v1/agents", agent)
    path = f"/v1/agents/{draft['id']}"
    await site.http.post(f"{path}/deploy")
    state = {**draft["states"][0], "prompt": "Be quick."}
    await site.http.patch(path, json={"language": "fr", "states": [state]})
    found = await data(site, f"{path}/diff")
    assert (found["from"], found["to"]) == (1, 2)
    assert sorted(found["changes"], key=lambda change: change["path"]) == [
        {"path": "/language", "kind": "changed", "before": "en", "after": "fr"},
        {"path": "/states/start/prompt", "kind": "changed", "before": "Be kind.", "after": "Be quick."},
    ]
    back = await site.http.get(f"{path}/diff", params={"from": 2, "to": 1})
    assert back.json()["data"]["changes"][0]["after"] in {"en", "Be kind."}
    assert (await data(site, f"{path}/diff", to=1))["changes"] == []
    assert (await site.http.get(f"{path}/diff", params={"to": 9})).status_code == 404
    assert (await site.http.get(f"{path}/diff", params={"from": 0})).status_code == 422


async def test_a_key_is_shown_once_and_does_what_its_scopes_say(site):
    body = {"name": "reader", "scopes": ["calls:read"], "expires_at": "2099-01-01T00:00:00Z"}
    key = await made(site, "/v1/api-keys", body)
    assert key["key"].startswith(key["prefix"])
    assert (key["scopes"], key["expires_at"]) == (["calls:read"], "2099-01-01T00:00:00.000000Z")
    listed = await site.http.get("/v1/api-keys")
    assert key["key"] not in listed.text
    headers = {"X-Api-Key": key["key"]}
    assert (await site.http.get("/v1/calls", headers=headers)).status_code == 200
    assert (await site.http.get("/v1/api-keys", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"), ({"scopes": ["all"]}, "scopes[0]"), ({"name": ""}, "name"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"), ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
    ],
)  # fmt: skip
async def test_a_key_that_does_not_fit_is_refused_by_its_field(site, change, field):
    answer = await site.http.post("/v1/api-keys", json={"name": "k", **change})
    assert answer.status_code == 422
    assert [row["field"] for row in answer.json()["error"]["details"]] == [field]


async def test_routes_handed_in_are_served_with_our_envelope(site, tmp_path):
    async def gone(request):
        raise HTTPException(403, "this URL has expired")

    deps = site.app.state.resources.deps
    routes = [Route("/recordings/{call_id}", gone)]
    app = create_app(dataclasses.replace(deps, routes=routes))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as http:
        answer = await http.get("/recordings/1")
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "details": [], "message": "this URL has expired", "status": 403, "type": "permission_error",
    }  # fmt: skip
    app.state.resources.reads.close()
