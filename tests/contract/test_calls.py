"""Calls over HTTP: lists, placing, metadata, ending."""

import asyncio
import uuid

import httpx2
import pytest
from structlog.testing import capture_logs

from offhook.api.bounds import MAX_JSON_BYTES
from offhook.api.v1.envelopes import ApiResponseError
from offhook.store.keys import Scope

CALL = {"from_number": "+33123456789", "to_number": "+33987654321", "agent_id": str(uuid.uuid4())}


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


# ---------------------------------------------------------------------- lists


async def test_a_list_goes_on_by_cursor_by_default_and_each_item_is_a_whole_call(site):
    records = [await site.call() for _ in range(5)]  # all made in the same microsecond
    first = await site.http.get("/v1/calls", params={"limit": 2})
    body = first.json()
    assert body["message"] == "Calls retrieved successfully"
    assert (body["current_page"], body["total_pages"], body["total_items"]) == (None, None, None)
    seen, cursor = ids(first), body["next_cursor"]
    while cursor:
        page = await site.http.get("/v1/calls", params={"limit": 2, "cursor": cursor})
        seen += ids(page)
        cursor = page.json()["next_cursor"]
    assert sorted(seen) == sorted(record.call_id for record in records)
    alone = (await site.http.get(f"/v1/calls/{seen[0]}")).json()["data"]
    assert body["data"][0] == alone


async def test_a_list_by_page_counts_pages_and_items(site):
    for _ in range(5):
        await site.call()
    answer = await site.http.get("/v1/calls", params={"use_cursor": "false", "page": 3, "limit": 2})
    body = answer.json()
    assert len(body["data"]) == 1
    assert (body["next_cursor"], body["current_page"], body["total_pages"], body["total_items"]) == (None, 3, 3, 5)
    empty = (await site.http.get("/v1/calls", params={"use_cursor": "false", "status": "busy"})).json()
    assert (empty["data"], empty["current_page"], empty["total_pages"], empty["total_items"]) == ([], 1, 1, 0)


async def test_transcripts_and_variables_can_be_left_out(site):
    await site.call(said="secret")
    query = {"include_transcript": "false", "include_variable_values": "false"}
    answer = await site.http.get("/v1/calls", params=query)
    assert "secret" not in answer.text
    (row,) = answer.json()["data"]
    assert (row["transcript"], row["transcript_string"], row["variable_values"]) == ([], "", [])


@pytest.mark.parametrize(
    "query",
    [
        "from_number=%2B15550001", "from_number=+15550001", "start_time_gt=2024-05-01T00:00:00Z",
        "start_time_gt=2024-05-01T00:00:00", "metadata.order=A%201", "duration_gt=5&metadata.order=A%201",
        "call_type=phone_call&from_number=%2B15550001",
    ],
)  # fmt: skip
async def test_a_filter_finds_what_fits(site, query):
    await site.call()
    wanted = await site.call(at=1_717_000_000.0, from_number="+15550001", metadata={"order": "A 1"})
    assert ids(await site.http.get(f"/v1/calls?{query}")) == [wanted.call_id]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=many", "limit"), ("page=0", "page"),
        ("page=99999999999999999999", "page"), ("cursor=yesterday", "cursor"), ("cursor=2024-13-01", "cursor"),
        ("agent_id=7", "agent_id"), ("status=great", "status"), ("start_time_gt=soon", "start_time_gt"),
        ("use_cursor=perhaps", "use_cursor"), ("end_reason=x", "end_reason"), ("call_type=fax", "call_type"),
        ("metadata.=x", "metadata."), ('metadata.a"b=x', 'metadata.a"b'), ("metadata.a=%00", "metadata.a"),
        ("duration_gt=-1", "duration_gt"), ("from_number=" + "1" * 300, "from_number"),
    ],
)  # fmt: skip
async def test_a_query_that_does_not_fit_is_refused_by_its_name(site, query, field):
    answer = await site.http.get(f"/v1/calls?{query}")
    assert answer.status_code == 422, answer.text
    assert [row["field"] for row in answer.json()["error"]["details"]] == [field]


# ---------------------------------------------------------------------- placing


async def test_a_call_is_placed_as_asked_for(site):
    body = {
        **CALL,
        "to_number": "sip:desk@10.0.0.7:5070",
        "dynamic_variables_values": {"name": "Ada", "n": 1, "deep": {"a": [True, None]}},
        "custom_headers": {"P-Asserted-Identity": "<sip:+331@example.com>"},
        "metadata": {"order": 7},
        "agent_version": 3,
        "max_ring_seconds": 20,
    }
    answer = await site.http.post("/v1/calls/phone", json=body)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["message"], answer.json()["status"]) == ("Phone call started successfully", 201)
    uuid.UUID(answer.json()["data"]["call_id"])
    (placed,) = site.desk.placed
    assert placed.organization_id == site.organization_id
    assert (placed.to_number, placed.agent_version, placed.max_ring_s) == ("sip:desk@10.0.0.7:5070", 3, 20)
    assert placed.variables == body["dynamic_variables_values"]
    assert placed.custom_headers == body["custom_headers"]
    assert placed.metadata == {"order": 7}


async def test_the_legacy_form_takes_a_bearer_and_answers_without_envelope(site):
    headers = {"Authorization": f"Bearer {site.key(Scope.CALLS_WRITE)}"}
    answer = await site.http.post("/api/v0/calls/phone", json=CALL, headers=headers)
    assert answer.status_code == 200
    assert list(answer.json()) == ["call_id"]
    assert len(site.desk.placed) == 1
    assert (await site.http.get(f"/v1/calls/{answer.json()['call_id']}")).status_code == 200


OLD = "/api/v0/calls/phone"


async def test_the_legacy_form_takes_its_key_as_a_bearer_only(site):
    key = site.key(Scope.CALLS_WRITE)
    async with httpx2.AsyncClient(transport=site.http._transport, base_url="http://test") as client:
        for headers in ({"X-Api-Key": key}, {"Authorization": key}, {"Authorization": f"Basic {key}"}, {}):
            answer = await client.post(OLD, json=CALL, headers=headers)
            error = ApiResponseError.model_validate(answer.json()).error
            assert (answer.status_code, error.type) == (401, "authentication_error")
            assert "Authorization: Bearer" in error.message
        for scheme in ("bearer", "BEARER"):
            assert (await client.post(OLD, json=CALL, headers={"Authorization": f"{scheme} {key}"})).status_code == 200
    assert len(site.desk.placed) == 2


async def test_the_legacy_form_takes_four_fields_and_passes_them_on(site):
    variables = {"name": "Ann", "order": {"items": [1, 2.5, True, None]}}
    for each, passed in ((variables, variables), (None, {})):
        assert (await site.http.post(OLD, json={**CALL, "dynamic_variables_values": each})).status_code == 200
        placed = site.desk.placed[-1]
        assert (placed.from_number, placed.to_number, placed.agent_id) == tuple(CALL.values())
        assert (placed.variables, placed.organization_id) == (passed, site.organization_id)
        assert (placed.custom_headers, placed.metadata, placed.agent_version, placed.max_ring_s) == ({}, {}, None, None)
    newer = {"custom_headers": {"X-A": "1"}, "metadata": {}, "agent_version": 1, "max_ring_seconds": 20}
    for name, value in newer.items():
        answer = await site.http.post(OLD, json={**CALL, name: value})
        assert answer.status_code == 422
        assert answer.json()["error"]["details"] == [
            {"field": name, "message": "unknown field; remove it or correct its name"}
        ]
    for name in CALL:
        answer = await site.http.post(OLD, json={each: CALL[each] for each in CALL if each != name})
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, name)
    assert len(site.desk.placed) == 2


async def test_the_legacy_form_refuses_as_the_newer_one_does(site):
    site.desk.full = True
    old, new = [await site.http.post(path, json=CALL) for path in (OLD, "/v1/calls/phone")]
    assert (old.status_code, old.json()["error"]["type"]) == (503, "capacity_exceeded")
    assert (old.json(), old.headers["Retry-After"]) == (new.json(), new.headers["Retry-After"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to_number": "112"}, "to_number"), ({"to_number": "+33 1"}, "to_number"), ({"to_number": None}, "to_number"),
        ({"to_number": "sip:a@b\r\nVia: x"}, "to_number"), ({"to_number": "+" + "1" * 300}, "to_number"),
        ({"from_number": ""}, "from_number"), ({"from_number": 33}, "from_number"), ({"agent_id": "x"}, "agent_id"),
        ({"max_ring_seconds": 0}, "max_ring_seconds"), ({"max_ring_seconds": 1.5}, "max_ring_seconds"),
        ({"agent_version": 0}, "agent_version"), ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "x" * MAX_JSON_BYTES}}, "metadata"), ({"colour": "red"}, "colour"),
        ({"dynamic_variables_values": {"a": "\x00"}}, "dynamic_variables_values.a"),
        ({"custom_headers": {"X-A": "1\r\nVia: x"}}, "custom_headers.X-A"),
        ({"custom_headers": {"X A": "1"}}, "custom_headers.X A"), ({"custom_headers": {"": "1"}}, "custom_headers."),
    ],
)  # fmt: skip
async def test_a_call_that_does_not_fit_is_refused_by_its_field_and_not_placed(site, change, field):
    answer = await site.http.post("/v1/calls/phone", json={**CALL, **change})
    assert answer.status_code == 422, answer.text
    assert [row["field"] for row in answer.json()["error"]["details"]] == [field]
    assert site.desk.placed == []


async def test_no_room_is_told_with_when_to_try_again(site):
    site.desk.full = True
    answer = await site.http.post("/v1/calls/phone", json=CALL)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert answer.json()["error"]["type"] == "capacity_exceeded"


async def test_an_idempotency_key_dials_once(site):
    headers = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*[site.http.post("/v1/calls/phone", json=CALL, headers=headers) for _ in range(5)])
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(site.desk.placed) == 1
    again = await site.http.post("/v1/calls/phone", json=CALL, headers=headers)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    first = next(answer for answer in answers if answer.status_code == 201)
    assert again.json() == first.json()
    other = await site.http.post("/v1/calls/phone", json={**CALL, "to_number": "+33987654322"}, headers=headers)
    assert (other.status_code, other.json()["error"]["type"]) == (409, "conflict")
    assert len(site.desk.placed) == 1


async def test_a_refused_call_gives_its_idempotency_key_back(site):
    headers = {"Idempotency-Key": "k1"}
    site.desk.full = True
    assert (await site.http.post("/v1/calls/phone", json=CALL, headers=headers)).status_code == 503
    site.desk.full = False
    bad = {**CALL, "custom_headers": {"X A": "1"}}
    assert (await site.http.post("/v1/calls/phone", json=bad, headers=headers)).status_code == 422
    answer = await site.http.post("/v1/calls/phone", json=CALL, headers=headers)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)
    assert len(site.desk.placed) == 1


@pytest.mark.parametrize("path", ["/v1/calls/phone", "/api/v0/calls/phone", "/v1/calls/stage"])
async def test_a_call_that_broke_before_it_was_stored_may_be_made_again(site, path):
    headers = {"Idempotency-Key": "k1"}
    site.desk.breaks = "early" if "stage" not in path else ""
    if site.desk.breaks:
        with capture_logs():
            assert (await site.http.post(path, json=CALL, headers=headers)).status_code == 500
    site.desk.breaks = ""
    answers = [await site.http.post(path, json=CALL, headers=headers) for _ in range(2)]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    assert answers[0].json() == answers[1].json()
    assert answers[0].status_code == answers[1].status_code
    assert len(site.desk.placed) + len(site.desk.staged) == 1


async def test_a_call_that_was_stored_when_it_broke_is_answered_and_not_made_again(site):
    headers = {"Idempotency-Key": "k1"}
    site.desk.breaks = "late"
    with capture_logs():
        assert (await site.http.post("/v1/calls/phone", json=CALL, headers=headers)).status_code == 500
    site.desk.breaks = ""
    answers = [await site.http.post("/v1/calls/phone", json=CALL, headers=headers) for _ in range(2)]
    assert {(answer.status_code, answer.headers["Idempotency-Replayed"]) for answer in answers} == {(201, "true")}
    (row,) = (await site.http.get("/v1/calls")).json()["data"]
    assert {answer.json()["data"]["call_id"] for answer in answers} == {row["id"]}
    assert site.desk.placed == []


async def test_a_key_of_one_route_does_not_answer_another(site):
    headers = {"Idempotency-Key": "k1"}
    assert (await site.http.post("/v1/calls/phone", json=CALL, headers=headers)).status_code == 201
    assert (await site.http.post("/v1/calls/stage", json=CALL, headers=headers)).status_code == 409


# ---------------------------------------------------------------------- staging


async def test_a_call_is_staged_as_asked_for(site):
    body = {**CALL, "dynamic_variables_values": {"name": "Ada"}, "metadata": {"order": 7}, "agent_version": 2}
    answer = await site.http.post("/v1/calls/stage?sync=true", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["message"] == "Call staged successfully"
    (staged,) = site.desk.staged
    assert (staged.from_number, staged.to_number, staged.agent_version) == (*list(CALL.values())[:2], 2)
    assert (staged.variables, staged.metadata) == ({"name": "Ada"}, {"order": 7})


async def test_a_call_that_is_not_ready_in_time_is_408_and_its_key_good_again(site):
    headers = {"Idempotency-Key": "k1"}
    site.desk.slow = True
    answer = await site.http.post("/v1/calls/stage?sync=true", json=CALL, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (408, "timeout")
    site.desk.slow = False
    assert (await site.http.post("/v1/calls/stage?sync=true", json=CALL, headers=headers)).status_code == 201


# ---------------------------------------------------------------------- metadata


async def patch(site, record, **body):
    answer = await site.http.patch(f"/v1/calls/{record.call_id}", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == "Call retrieved successfully"
    shown = (await site.http.get(f"/v1/calls/{record.call_id}")).json()["data"]
    assert answer.json()["data"] == shown
    return shown["metadata"]


@pytest.fixture(params=["ended", "live"])
async def record(request, site):
    record = await site.call(metadata={"a": 1, "b": {"c": 2}}, ended=request.param == "ended")
    if request.param == "live":
        site.desk.live[record.call_id] = record
    return record


async def test_metadata_is_merged_or_replaced_nulls_included(site, record):
    assert await patch(site, record, metadata={"b": 3, "d": None}) == {"a": 1, "b": 3, "d": None}
    assert await patch(site, record) == {"a": 1, "b": 3, "d": None}
    assert await patch(site, record, metadata=None) == {"a": 1, "b": 3, "d": None}
    assert await patch(site, record, metadata={"e": None}, override=True) == {"e": None}
    assert await patch(site, record, metadata=None, override=True) == {}


async def test_concurrent_changes_are_all_kept(site, record):
    path = f"/v1/calls/{record.call_id}"
    await asyncio.gather(*[site.http.patch(path, json={"metadata": {f"k{number}": 1}}) for number in range(20)])
    metadata = (await site.http.get(path)).json()["data"]["metadata"]
    assert {f"k{number}" for number in range(20)} <= set(metadata)


async def test_metadata_that_grows_past_its_bound_is_refused_and_stays(site, record):
    half = "x" * (MAX_JSON_BYTES // 2)
    await patch(site, record, metadata={"one": half})
    answer = await site.http.patch(f"/v1/calls/{record.call_id}", json={"metadata": {"two": half}})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "metadata"
    assert set(await patch(site, record)) == {"a", "b", "one"}


# ---------------------------------------------------------------------- ending


async def test_terminating_is_the_same_for_a_live_call_and_an_ended_one(site):
    record = await site.call()
    for _ in range(2):
        answer = await site.http.post(f"/v1/calls/{record.call_id}/terminate")
        assert (answer.status_code, answer.json()["data"]) == (200, None)
        assert answer.json()["message"] == "Call terminated successfully"
    assert site.desk.ended == [record.call_id] * 2
    unknown = await site.http.post(f"/v1/calls/{uuid.uuid4()}/terminate")
    assert unknown.status_code == 404


async def test_a_call_that_another_server_carries_is_not_said_to_have_ended(site):
    record = await site.call(ended=False)
    path = f"/v1/calls/{record.call_id}/terminate"
    answer = await site.http.post(path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "conflict")
    site.desk.live[record.call_id] = record
    assert (await site.http.post(path)).status_code == 200
