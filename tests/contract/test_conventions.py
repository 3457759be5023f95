"""What holds on every route: keys, scopes, envelopes, ids, bounds."""

import json
import re
import uuid

import httpx2
import pytest
from structlog.testing import capture_logs

from offhook.api.conventions import MAX_BODY_BYTES, MAX_UPLOAD_BYTES
from offhook.api.v1.envelopes import ApiResponseError
from offhook.record.times import parse_iso_us
from offhook.store.ids import now_us
from offhook.store.keys import ApiKeys, Scope

TYPES = {
    "generic_error", "validation_error", "authentication_error", "permission_error", "not_found", "conflict",
    "rate_limited", "timeout", "capacity_exceeded", "internal_error",
}  # fmt: skip


def check_error(answer, status, kind):
    assert answer.status_code == status, answer.text
    body = answer.json()
    ApiResponseError.model_validate(body)
    assert body["status"] == body["error"]["status"] == status
    assert body["error"]["type"] == kind
    assert kind in TYPES
    assert answer.headers["X-Request-Id"]
    return body["error"]


async def test_every_route_refuses_no_key_an_unknown_an_expired_and_a_revoked_one(site, keyed):
    expired = site.key(expires_us=now_us() - 1)
    keys = ApiKeys(site.database)
    revoked, secret = keys.create(site.organization_id, "gone")
    keys.revoke(site.organization_id, revoked.id)
    bad = [None, "", "ok_live_nonsense", "é", expired, secret]
    for route in keyed:
        for key in bad:
            raw = (key or "").encode()
            headers = [] if key is None else [(b"X-Api-Key", raw), (b"Authorization", b"Bearer " + raw)]
            async with httpx2.AsyncClient(transport=site.http._transport, base_url="http://test") as client:
                answer = await client.request(route.method, route.filled(), headers=headers, json={})
            check_error(answer, 401, "authentication_error")


async def test_a_key_ends_with_the_request_that_revokes_it(site):
    keys = ApiKeys(site.database)
    key, secret = keys.create(site.organization_id, "brief")
    assert (await site.http.get("/v1/calls", headers={"X-Api-Key": secret})).status_code == 200
    assert (await site.http.delete(f"/v1/api-keys/{key.id}")).status_code == 200
    check_error(await site.http.get("/v1/calls", headers={"X-Api-Key": secret}), 401, "authentication_error")


# The scopes that open a route, where they don't follow from its method and first word.
OPENED_BY = {
    "POST /v1/webhooks/deliveries/{delivery_id}/resend": Scope.CALLS_WRITE,
    "GET /v1/webhooks/endpoints": Scope.AGENTS_READ,
    "GET /v1/webhooks/endpoints/{endpoint_id}": Scope.AGENTS_READ,
    "GET /v1/webhooks/endpoints/{endpoint_id}/secrets": None,
    "POST /v1/webhooks/endpoints/{endpoint_id}/rotate-secret": None,
    "POST /v1/knowledge-bases/{knowledge_base_id}/search": Scope.AGENTS_READ,
    "POST /v1/trunks": None, "PATCH /v1/trunks/{trunk_id}": None, "DELETE /v1/trunks/{trunk_id}": None,
}  # fmt: skip
FAMILIES = {
    "calls": (Scope.CALLS_READ, Scope.CALLS_WRITE), "agents": (Scope.AGENTS_READ, Scope.AGENTS_WRITE),
    "phone-numbers": (Scope.AGENTS_READ, Scope.AGENTS_WRITE), "trunks": (Scope.AGENTS_READ, Scope.AGENTS_WRITE),
    "knowledge-bases": (Scope.AGENTS_READ, Scope.AGENTS_WRITE),
    "events": (Scope.CALLS_READ, None), "webhooks": (Scope.CALLS_READ, Scope.AGENTS_WRITE),
    "api-keys": (None, None), "organization": (None, None), "usage": (None, None), "audit-log": (None, None),
}  # fmt: skip


async def test_every_route_is_opened_by_its_one_scope_and_by_admin_alone(site, keyed):
    # Each route must refuse the key that has every scope but the one which opens it.
    closed = {
        scope: site.key(*[each for each in Scope if each not in {scope, Scope.ADMIN}]) for scope in (*Scope, None)
    }
    for route in keyed:
        family = route.path.split("/")[-2 if route.path.startswith("/api/v0/") else 2]
        scope = OPENED_BY.get(str(route), FAMILIES[family][route.method != "GET"])
        headers = {"X-Api-Key": closed[scope], "Authorization": f"Bearer {closed[scope]}"}
        body = {"from_number": "+33123456789", "to_number": "+33123456788", "agent_id": str(uuid.uuid4())}
        answer = await site.http.request(route.method, route.filled(), headers=headers, json=body)
        assert answer.status_code == 403, f"{route}: {answer.text}"
        check_error(answer, 403, "permission_error")


async def test_every_route_answers_404_for_what_belongs_to_another_organization(site, keyed, ids):
    key = site.key(organization_id=site.other_organization())
    seen = 0
    for route in keyed:
        unknown = set(route.parameters) - set(ids)
        assert not unknown, f"{route}: the fixture `ids` makes no object for {unknown}"
        if route.parameters:
            seen += 1
            body = body_for(route)
            answer = await site.http.request(route.method, route.filled(ids), headers={"X-Api-Key": key}, **body)
            assert answer.status_code == 404, f"{route}: {answer.text}"
            check_error(answer, 404, "not_found")
    assert seen > 10


async def test_every_list_is_empty_for_another_organization(site, keyed, ids):
    key = site.key(organization_id=site.other_organization())
    for route in keyed:
        if route.method == "GET" and not route.parameters:
            answer = await site.http.get(route.path, headers={"X-Api-Key": key})
            assert answer.status_code == 200, f"{route}: {answer.text}"
            for each in ids.values():
                assert each not in answer.text, route


def body_for(route):
    """A body that fits a route, so that what it answers is not about the body."""
    if not route.body_types:
        return {}
    if "application/json" not in route.body_types:
        return {"files": {}}
    return {"json": example(route.spec["requestBody"]["content"]["application/json"]["schema"], route.document)}


PLAIN = {"string": "+33123456789", "integer": 1, "number": 1, "boolean": True, "null": None}
FORMATS = {"uuid": str(uuid.uuid4()), "uri": "https://example.com/", "date-time": "2099-01-01T00:00:00Z"}


def example(schema, document):
    """The least value that fits a schema of our document."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        # Faults of an agent are told by our own checks, whatever it lacks.
        return {"name": "mine"} if name == "AgentConfig" else example(document["components"]["schemas"][name], document)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(schema[key][0], document)
    given = [*schema.get("examples", ()), *schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    if given:
        return given[0]
    if schema.get("type") == "array":
        return [example(schema["items"], document)] * schema.get("minItems", 0)
    if schema.get("type") in PLAIN:
        return FORMATS.get(schema.get("format"), schema.get("minimum", PLAIN[schema["type"]]))
    return {name: example(schema["properties"][name], document) for name in schema.get("required", ())}


async def test_every_id_that_is_no_uuid_is_refused_by_its_name(site, keyed, ids):
    for route in keyed:
        for name in route.parameters:
            answer = await site.http.request(route.method, route.filled({**ids, name: "seven"}), **body_for(route))
            error = check_error(answer, 422, "validation_error")
            assert name in [row["field"] for row in error["details"]], route


async def test_every_body_refuses_unknown_fields_by_name_and_what_is_no_object(site, keyed, ids):
    seen = 0
    for route in keyed:
        if "application/json" not in route.body_types:
            continue
        seen += 1
        target = route.filled(ids)
        headers = {"Authorization": f"Bearer {site.http.headers['X-Api-Key']}"}
        answer = await site.http.request(route.method, target, json={"surprise": 1}, headers=headers)
        error = check_error(answer, 422, "validation_error")
        assert "surprise" in [row["field"] for row in error["details"]], route
        for wrong in ("[]", "7", '"x"', "null", "{", '{"a": NaN}', "[" * 100_000):
            headers["Content-Type"] = "application/json"
            answer = await site.http.request(route.method, target, content=wrong, headers=headers)
            assert answer.status_code in {400, 422}, f"{route} {wrong[:20]}: {answer.text}"
            ApiResponseError.model_validate(answer.json())
    assert seen >= 8


async def test_errors_of_the_framework_have_our_envelope(site):
    check_error(await site.http.get("/nothing"), 404, "not_found")
    check_error(await site.http.get("/v1/nothing"), 404, "not_found")
    check_error(await site.http.get("/v1/calls/"), 404, "not_found")
    json_type = {"Content-Type": "application/json"}
    check_error(await site.http.post("/v1/agents", content=b'{"a":"\xff"}', headers=json_type), 400, "generic_error")


async def test_every_path_refuses_methods_it_does_not_take_and_names_those_it_does(site, routes, ids):
    taken = {}
    for route in routes:
        taken.setdefault(route.path, (route, set()))[1].add(route.method)
    assert {len(methods) for _, methods in taken.values()} >= {1, 2, 3}
    for route, methods in taken.values():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = await site.http.request(method, route.filled(ids))
            check_error(answer, 405, "generic_error")
            allowed = set(answer.headers["Allow"].split(", ")) - {"HEAD"}
            assert allowed == methods, f"{method} {route.path}: {answer.headers['Allow']}"


async def test_every_route_refuses_a_body_past_its_bound_announced_or_not(site, keyed, ids):
    async def stream():
        for _ in range(MAX_BODY_BYTES // 1_000_000 + 1):
            yield b"x" * 1_000_000

    for route in keyed:
        uploads = "multipart/form-data" in route.body_types
        # A form goes to disk as it comes, and may be larger than what is held in memory.
        announced = {"Content-Length": str((MAX_UPLOAD_BYTES if uploads else MAX_BODY_BYTES) + 1)}
        announced["Content-Type"] = "multipart/form-data; boundary=b" if uploads else "application/json"
        answer = await site.http.request(route.method, route.filled(ids), content=b"", headers=announced)
        check_error(answer, 413, "generic_error")
        if uploads:
            announced = {"Content-Length": str(MAX_BODY_BYTES + 1), "Content-Type": "application/json"}
            answer = await site.http.request(route.method, route.filled(ids), content=b"", headers=announced)
            check_error(answer, 413, "generic_error")
        if "application/json" in route.body_types:
            kind = {"Content-Type": "application/json"}
            answer = await site.http.request(route.method, route.filled(ids), content=stream(), headers=kind)
            check_error(answer, 413, "generic_error")


BOUNDS = {
    "string": {"maxLength", "pattern", "format", "enum", "const"},
    "array": {"maxItems"},
    "object": {"maxProperties"},
}


def unbounded(schema, document, place, seen):
    """Places in a schema of requests where a client may send as much as it likes."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name not in seen:
            seen.add(name)
            yield from unbounded(document["components"]["schemas"][name], document, name, seen)
        return
    parts = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())]
    kind = schema.get("type")
    if not parts and kind is None and not schema.keys() & {"enum", "const"}:
        yield f"{place}: anything"
    free = schema.get("additionalProperties", True)
    if kind in BOUNDS and not schema.keys() & BOUNDS[kind] and not (kind == "object" and free is False):
        yield f"{place}: {kind}"
    inner = {f"{place}.{name}": each for name, each in schema.get("properties", {}).items()}
    if isinstance(free, dict):
        inner[f"{place}.*"] = free
    if "items" in schema:
        inner[f"{place}[]"] = schema["items"]
    for where, each in [*((place, part) for part in parts), *inner.items()]:
        yield from unbounded(each, document, where, seen)


async def test_everything_a_request_can_hold_has_a_bound_in_the_document(routes):
    seen, faults = set(), []
    for route in routes:
        for parameter in route.spec.get("parameters", ()):
            place = f"{route} {parameter['name']}"
            faults += unbounded(parameter["schema"], route.document, place, seen)
        for content in route.spec.get("requestBody", {}).get("content", {}).values():
            faults += unbounded(content["schema"], route.document, str(route), seen)
    assert faults == []
    assert seen > {"AgentConfig", "When", "StartPhoneCall", "NewTrunk"}


@pytest.mark.parametrize("free", [{}, {"type": "string"}, {"type": "array", "items": {"type": "integer"}}])
def test_the_check_on_bounds_sees_what_has_none(free):
    closed = {"type": "object", "additionalProperties": False, "properties": {"a": {"anyOf": [free, {"type": "null"}]}}}
    assert len(list(unbounded(closed, {}, "body", set()))) == 1


async def test_an_error_nobody_foresaw_shows_its_request_id_and_nothing_else(site):
    site.desk.breaks = "early"
    body = {"from_number": "+33123456789", "to_number": "+33123456788", "agent_id": str(uuid.uuid4())}
    with capture_logs() as logs:
        answer = await site.http.post("/v1/calls/phone", json=body)
    request_id = answer.headers["X-Request-Id"]
    assert [row["request_id"] for row in logs if row["log_level"] == "error"] == [request_id]
    error = check_error(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert request_id in error["message"]


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", float("inf"), 2**70, {"a": {}}])
async def test_free_json_that_could_not_be_given_back_is_refused(site, value):
    call = await site.call()
    if isinstance(value, dict):
        for _ in range(30):
            value = {"a": value}
    content = json.dumps({"metadata": {"key": value}})
    answer = await site.http.patch(
        f"/v1/calls/{call.call_id}", content=content, headers={"Content-Type": "application/json"}
    )
    error = check_error(answer, 422, "validation_error")
    assert error["details"][0]["field"].startswith("metadata")


async def test_health_needs_no_key_and_readiness_names_what_is_wrong(site):
    async with httpx2.AsyncClient(transport=site.http._transport, base_url="http://test") as client:
        assert (await client.get("/healthz")).json()["data"] == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200
        site.desk.trouble = {"storage": "the disk is full", "calls": None}
        error = check_error(await client.get("/readyz"), 503, "internal_error")
        assert error["details"] == [{"field": "storage", "message": "the disk is full"}]


async def test_the_document_names_the_contracts_schemas_and_our_errors_only(site):
    document = (await site.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert {"PhoneCallGetApiResponseData", "WebCallGetApiResponseData", "ApiResponseError", "AgentConfig"} <= set(
        schemas
    )
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary") or operation.get("description"), f"{method} {path}"
            for code, response in operation["responses"].items():
                if int(code) >= 400:
                    assert "ApiResponseError" in json.dumps(response), f"{method} {path} {code}"


async def test_the_page_for_people_tells_every_route_and_loads_nothing_from_elsewhere(site, routes):
    answer = await site.http.get("/docs")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for route in routes:
        assert f"<code>{route.path}</code>" in answer.text or f'<code class="old">{route.path}</code>' in answer.text
    assert "<script" not in answer.text
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', answer.text)) == {"/openapi.json"}
    for name in site.app.openapi()["components"]["schemas"]:
        assert f'id="schema-{name}"' in answer.text
    assert (await site.http.get("/redoc")).status_code == 404


async def test_a_database_that_fails_is_503_and_heals(site, monkeypatch):
    call = await site.call()
    monkeypatch.setattr("offhook.api.v1.calls._WRITE_LIMIT_S", 0.05)

    def rename(table, to):
        with site.database.write() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {to}")

    async def check(table, method, path, **body):
        rename(table, "gone")
        with capture_logs():
            answer = await site.http.request(method, path, **body)
        rename("gone", table)
        check_error(answer, 503, "internal_error")
        assert answer.headers["Retry-After"]
        assert "gone" not in answer.text
        assert table not in answer.text

    await check("api_keys", "GET", "/v1/calls")
    await check("calls", "GET", f"/v1/calls/{call.call_id}")
    await check("calls", "GET", "/v1/calls")
    await check("agents", "GET", "/v1/agents")
    await check("call_events", "PATCH", f"/v1/calls/{call.call_id}", json={"metadata": {"a": 1}})
    assert (await site.http.get(f"/v1/calls/{call.call_id}")).status_code == 200


async def test_a_keys_last_use_is_noted_in_time(site, monkeypatch):
    monkeypatch.setattr("offhook.api.auth._NOTE_EVERY_S", 0.0)
    before = now_us()
    noted = None
    while noted is None:
        (row,) = (await site.http.get("/v1/api-keys")).json()["data"]
        noted = row["last_used_at"]
    assert parse_iso_us(noted) >= before
