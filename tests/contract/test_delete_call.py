"""DELETE /v1/calls/{call_id}."""

from __future__ import annotations

import uuid

from offhook.store.keys import Scope


async def test_a_deleted_call_is_gone_from_everything_a_client_can_ask(site):
    call, other = await site.call(recorded=True), await site.call()
    answer = await site.http.delete(f"/v1/calls/{call.call_id}")
    assert answer.status_code == 200
    assert answer.json() == {"data": None, "message": "Call deleted successfully", "error": None, "status": 200}
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/terminate"), ("GET", "/recording"),
    ):  # fmt: skip
        options = {"json": {"metadata": {}}} if method == "PATCH" else {}
        gone = await site.http.request(method, f"/v1/calls/{call.call_id}{path}", **options)
        assert (gone.status_code, gone.json()["error"]["type"]) == (404, "not_found"), (method, path)
    listed = (await site.http.get("/v1/calls")).json()["data"]
    assert [item["id"] for item in listed] == [other.call_id]


async def test_the_audit_log_has_who_deleted_it_and_its_times(site):
    call = await site.call()
    await site.http.delete(f"/v1/calls/{call.call_id}")
    entries = (await site.http.get("/v1/audit-log", params={"object_id": call.call_id})).json()["data"]
    assert [entry["action"] for entry in entries] == ["call.deleted"]
    assert entries[0]["actor"].startswith("key")
    assert entries[0]["detail"]["end_time"].endswith("Z")


async def test_a_running_call_is_a_conflict(site):
    call = await site.call(ended=False)
    error = (await site.http.delete(f"/v1/calls/{call.call_id}")).json()["error"]
    assert (error["status"], error["type"]) == (409, "conflict")
    assert "terminate" in error["message"]
    assert (await site.http.get(f"/v1/calls/{call.call_id}")).status_code == 200


async def test_who_may_not_delete(site):
    call = await site.call()
    path = f"/v1/calls/{call.call_id}"
    stranger = site.key(organization_id=site.other_organization())
    assert (await site.http.delete(path, headers={"X-Api-Key": stranger})).status_code == 404
    reader = site.key(Scope.CALLS_READ)
    assert (await site.http.delete(path, headers={"X-Api-Key": reader})).status_code == 403
    assert (await site.http.delete(f"/v1/calls/{uuid.uuid4()}")).status_code == 404
    assert (await site.http.delete("/v1/calls/nonsense")).status_code == 422
    assert (await site.http.get(path)).status_code == 200
