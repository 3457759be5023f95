"""What nobody should send: every answer is a refusal in the envelope that says where."""

import asyncio
import json
import uuid

import pytest

from offhook.api.v1.envelopes import ApiResponseError

CALL = {"from_number": "+33123456789", "to_number": "+33987654321", "agent_id": str(uuid.uuid4())}
JSON_TYPE = {"Content-Type": "application/json"}


def refused(answer, *codes):
    assert answer.status_code in codes, answer.text
    body = ApiResponseError.model_validate(answer.json())
    assert "RateLimit-Limit" in answer.headers
    return [(fault.field, fault.message) for fault in body.error.details]


def deep(levels):
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"name": "a", "name": "b"}', "name"), ('{"limits": {"a": 1, "a": 2}}', "a"),
        ('{"limits": {"rpm": 1e400}}', "limits.rpm"), ('{"limits": {"rpm": NaN}}', "limits.rpm"),
        ('{"limits": {"rpm": -Infinity}}', "limits.rpm"), ('{"name": "a\\u0000b"}', "name"),
        ('{"name": "\\ud800"}', "name"), ('{"a": [{"b": "\\uDFFF"}]}', "a[0].b"), ('{"\\u0000": 1}', ""),
    ],
)  # fmt: skip
async def test_json_that_another_reader_would_read_otherwise_is_refused_with_its_place(site, text, field):
    for method, path in (("PATCH", "/v1/organization"), ("POST", "/v1/agents"), ("POST", "/v1/calls/phone")):
        answer = await site.http.request(method, path, content=text, headers=JSON_TYPE)
        faults = refused(answer, 422)
        assert [each for each, _ in faults] == [field]
    assert (await site.http.get("/v1/agents")).json()["data"] == []


@pytest.mark.parametrize(
    "text", ['{"name": ' + "9" * 5000 + "}", '{"name":' * 5000 + "1" + "}" * 5000, '{"a":"\xff', ""]
)
async def test_json_that_cannot_be_read_is_refused(site, text):
    for method, path in (("PATCH", "/v1/organization"), ("POST", "/v1/agents"), ("POST", "/v1/calls/phone")):
        refused(await site.http.request(method, path, content=text.encode("latin-1"), headers=JSON_TYPE), 400, 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "application"]
)
async def test_a_body_of_another_kind_is_refused(site, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = await site.http.post("/v1/calls/phone", content=json.dumps(CALL), headers=headers)
    refused(answer, 400, 415, 422)
    assert site.desk.placed == []


async def test_a_body_that_was_not_announced_as_json_says_how_to(site):
    for path in ("/v1/calls/phone", "/v1/agents"):
        for content, headers in ((json.dumps(CALL), {"Content-Type": "application/x-www-form-urlencoded"}),
                                 ("[1]", JSON_TYPE)):  # fmt: skip
            answer = await site.http.post(path, content=content, headers=headers)
            ((field, message),) = refused(answer, 422)
            assert (field, message) == ("", "the body must be a JSON object, sent with Content-Type: application/json")


async def test_a_character_pair_of_two_escapes_is_a_character(site):
    answer = await site.http.patch("/v1/organization", content='{"name": "\\ud83d\\ude00"}', headers=JSON_TYPE)
    assert answer.json()["data"]["name"] == "😀"


async def test_a_nul_in_any_query_or_path_is_refused(site, keyed, ids):
    for route in keyed:
        for parameter in route.spec.get("parameters", ()):
            if parameter["in"] == "query":
                answer = await site.http.request(route.method, f"{route.filled(ids)}?{parameter['name']}=a%00b")
                assert parameter["name"] in [field for field, _ in refused(answer, 422)], route
        answer = await site.http.request(route.method, f"{route.path.split('{')[0]}%00")
        refused(answer, 404, 405, 422)


HOSTILE = [
    "' OR '1'='1", '"; DROP TABLE calls; --', "%' UNION SELECT digest FROM api_keys --", "\\", "$.a", "%", "_",
    "😀" * 50, "../../etc/passwd", "\u202e", "é" * 100,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_text_in_a_filter_finds_nothing_and_breaks_nothing(site, text):
    await site.call(metadata={"a": "b"})
    for name in ("from_number", "to_number", "metadata.a", "variable.a"):
        answer = await site.http.get("/v1/calls", params={name: text})
        assert (answer.status_code, answer.json()["data"]) == (200, []), answer.text
    for name in ("actor", "action", "object_type", "object_id"):
        answer = await site.http.get("/v1/audit-log", params={name: text})
        if answer.status_code != 422:
            assert (answer.status_code, answer.json()["data"]) == (200, []), answer.text
    named = await site.http.get("/v1/calls", params={f"metadata.{text}": "b"})
    assert named.status_code in {200, 422}
    assert named.json()["data"] in ([], None)


@pytest.mark.parametrize("value", ["a\r\nVia: x", "a\nb", "a\x00b", "a\x7f", "\u2028", "x" * 1001])
async def test_a_header_of_the_invite_cannot_smuggle_in_another(site, value):
    for header in ({"X-A": value}, {"From": value}):
        refused(await site.http.post("/v1/calls/phone", json={**CALL, "custom_headers": header}), 422)
    assert site.desk.placed == []


BOUNDS = [
    ("/v1/agents", {"name": "x" * 101}), ("/v1/phone-numbers", {"number": "+" + "1" * 16}),
    ("/v1/phone-numbers", {"number": "a" * 256, "type": "sip"}), ("/v1/api-keys", {"name": "x" * 101}),
    ("/v1/api-keys", {"name": "x", "scopes": ["calls:read"] * 6}), ("/v1/trunks", {"name": "t", "host": "x" * 256}),
    ("/v1/calls/phone", {**CALL, "metadata": deep(30)}), ("/v1/calls/phone", {**CALL, "metadata": {"a": 2**70}}),
    ("/v1/calls/phone", {**CALL, "custom_headers": {f"X-{number}": "1" for number in range(51)}}),
    ("/v1/calls/phone", {**CALL, "max_ring_seconds": 10**400}), ("/v1/calls/phone", {**CALL, "agent_version": 2**31}),
    ("/v1/calls/stage", {**CALL, "from_number": "1"}), ("/v1/calls/stage", {**CALL, "metadata": {"a": "x" * 33_000}}),
    ("/v1/calls/stage", {**CALL, "dynamic_variables_values": []}), ("/v1/calls/stage", {**CALL, "to_number": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), BOUNDS)
async def test_a_value_past_its_bound_is_refused_by_its_field(site, agent, path, body):
    whole = {**agent, **body} if path == "/v1/agents" else body
    assert refused(await site.http.post(path, json=whole), 422)[0][0].split(".")[0].split("[")[0] in body


async def test_head_and_options_are_answered_in_shape(site, keyed, ids):
    for route in keyed:
        for method in ("HEAD", "OPTIONS", "TRACE"):
            answer = await site.http.request(method, route.filled(ids))
            assert answer.status_code in {200, 404, 405}, f"{method} {route}"
            assert answer.headers["X-Request-Id"]


async def test_global_settings_changed_at_once_are_all_kept(site, agent):
    made = (await site.http.post("/v1/agents", json=agent)).json()["data"]["id"]
    changes = [
        {"name": "New"}, {"webhook_url": "https://example.com/"}, {"secure_recording_urls": False},
        {"language": "fr"}, {"base_prompt": "Be brief."},
    ]  # fmt: skip
    answers = await asyncio.gather(*[site.http.patch(f"/v1/agents/{made}", json=change) for change in changes])
    assert {answer.status_code for answer in answers} == {200}
    shown = (await site.http.get(f"/v1/agents/{made}")).json()["data"]
    for change in changes:
        assert change.items() <= shown.items()


async def test_prices_changed_at_once_are_all_kept(site):
    names = list((await site.http.get("/v1/organization")).json()["data"]["price_list"])
    changes = [{"price_list": {name: f"0.{number}"}} for number, name in enumerate(names, 1)]
    await asyncio.gather(*[site.http.patch("/v1/organization", json=change) for change in changes])
    shown = (await site.http.get("/v1/organization")).json()["data"]["price_list"]
    assert shown == {name: f"0.{number}" for number, name in enumerate(names, 1)}


async def test_a_body_in_many_parts_is_read_whole(site, agent):
    agent["states"][0]["prompt"] = "é" * 50_000
    whole = json.dumps(agent, ensure_ascii=False).encode()

    async def stream():
        for start in range(0, len(whole), 997):  # cuts characters in two
            yield whole[start : start + 997]

    answer = await site.http.post("/v1/agents", content=stream(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    stored = (await site.http.get(f"/v1/agents/{answer.json()['data']['id']}")).json()["data"]
    assert stored["states"][0]["prompt"] == agent["states"][0]["prompt"]
