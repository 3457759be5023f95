"""GET /v1/calls/{id}: the heart of the product."""

import re
import uuid

from offhook.api.v1.call_schemas import PhoneCallGetApiResponseData, WebCallGetApiResponseData

# spec: every one of these stands on every phone call.
FIELDS = {
    *("id", "status", "from_number", "to_number", "direction", "organization_id", "type", "agent_id", "metadata"),
    *("start_time", "end_time", "duration_seconds", "redirect_duration_seconds", "cost", "transcript_string"),
    *("transcript", "variable_values", "answer_type", "recording_url", "secure_recording_url", "created_at"),
    *("ringing_at", "agent_version", "configuration_id", "end_reason", "post_call_answers", "transfers", "dtmf"),
    *("initial_variable_values", "state_path", "latency", "cost_lines", "recording_channels_url"),
    *("carrier_call_id", "sip", "campaign_id"),
}
PHONE_ONLY = {"from_number", "to_number", "direction", "answer_type"}


async def test_a_phone_call_has_every_field_of_the_contract(site):
    record = await site.call(metadata={"order": 7}, recorded=True)
    answer = await site.http.get(f"/v1/calls/{record.call_id}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["message"], body["error"], body["status"]) == ("Call retrieved successfully", None, 200)
    data = body["data"]
    assert set(data) >= FIELDS
    PhoneCallGetApiResponseData.model_validate(data)
    assert data["status"] == "completed"
    assert data["duration_seconds"] == 11
    assert data["metadata"] == {"order": 7}
    assert data["transcript_string"] == "Agent: Hello"
    assert data["start_time"] == "2023-11-14T22:13:22.000000Z"


async def test_a_web_call_lacks_exactly_the_telephone_fields(site):
    record = await site.call(call_type="web_call", direction=None, from_number=None, to_number=None)
    data = (await site.http.get(f"/v1/calls/{record.call_id}")).json()["data"]
    WebCallGetApiResponseData.model_validate(data)
    assert FIELDS - set(data) == PHONE_ONLY


async def test_recording_urls_are_null_until_it_is_stored_and_signed_when_secure(site):
    bare = await site.call()
    assert (await site.http.get(f"/v1/calls/{bare.call_id}")).json()["data"]["recording_url"] is None
    secure = (await site.http.get(f"/v1/calls/{(await site.call(recorded=True)).call_id}")).json()["data"]
    assert "Signature" in secure["recording_url"]
    assert "channels" in secure["recording_channels_url"]
    stable = await site.call(recorded=True, secure_recording_url=False)
    data = (await site.http.get(f"/v1/calls/{stable.call_id}")).json()["data"]
    assert data["recording_url"] == f"http://files/{stable.call_id}.ogg"
    assert data["secure_recording_url"] is False


async def test_a_live_call_is_shown_as_far_as_it_came(site):
    record = await site.call(ended=False)
    data = (await site.http.get(f"/v1/calls/{record.call_id}")).json()["data"]
    assert (data["status"], data["end_time"], data["duration_seconds"]) == ("in_progress", None, None)


async def test_an_id_is_found_in_either_case_and_refused_when_it_is_no_uuid(site):
    record = await site.call()
    assert (await site.http.get(f"/v1/calls/{record.call_id.upper()}")).status_code == 200
    for wrong in ("7", "not-a-uuid", record.call_id[:-1], record.call_id + "0", "%00"):
        answer = await site.http.get(f"/v1/calls/{wrong}")
        assert answer.status_code == 422
        assert answer.json()["error"]["details"][0]["field"] == "call_id"
    missing = await site.http.get(f"/v1/calls/{uuid.uuid4()}")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found")


async def test_another_organizations_call_does_not_exist(site):
    record = await site.call(organization_id=site.other_organization())
    assert (await site.http.get(f"/v1/calls/{record.call_id}")).status_code == 404


async def test_every_answer_has_a_request_id_and_keeps_one_that_fits(site):
    record = await site.call()
    path = f"/v1/calls/{record.call_id}"
    ours = [(await site.http.get(path)).headers["X-Request-Id"] for _ in range(2)]
    assert ours[0] != ours[1]
    assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", ours[0])
    assert (await site.http.get(path, headers={"X-Request-Id": "mine-1"})).headers["X-Request-Id"] == "mine-1"
    odd = await site.http.get(path, headers={"X-Request-Id": "a b"})
    assert odd.headers["X-Request-Id"] != "a b"
