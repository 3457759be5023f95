"""Calls that the API places: each way in which the far end can take or refuse them."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

NUMBER = "+33123456789"
COPIED = "[last_Via:]\n[last_From:]\n[last_To:];tag=callee\n[last_Call-ID:]\n[last_CSeq:]\n"
NO_BODY = "Content-Length: 0\n\n]]></send>"
RINGING = f"<send><![CDATA[\nSIP/2.0 180 Ringing\n{COPIED}{NO_BODY}"
ANSWER = f"""<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{COPIED}Contact: <sip:peer@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=peer 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send><recv request="ACK"/>"""
OK = "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n" + NO_BODY


CANCELLED = f"<send><![CDATA[\nSIP/2.0 487 Request Terminated\n{COPIED}{NO_BODY}".replace(
    "[last_CSeq:]", "CSeq: 1 INVITE"
)


def scenario(*parts: str) -> str:
    return '<?xml version="1.0"?><scenario name="test">' + "".join(parts) + "</scenario>"


def final(code: int, reason: str) -> str:
    return scenario(
        '<recv request="INVITE"/>', RINGING, f"<send><![CDATA[\nSIP/2.0 {code} {reason}\n{COPIED}{NO_BODY}",
        '<recv request="ACK"/>',
    )  # fmt: skip


async def place(server, to: str, **more) -> str:
    body = {"from_number": NUMBER, "to_number": to, "agent_id": server.agent_id, **more}
    answer = await server.ask("POST", "/v1/calls/phone", **body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["message"] == "Phone call started successfully"
    return answer.json()["data"]["call_id"]


@pytest.mark.parametrize(
    ("code", "reason", "status", "end"),
    [
        (486, "Busy Here", "busy", "busy"),
        (603, "Decline", "no_answer", "declined"),
        (404, "Not Found", "failed", "invalid_number"),
        (500, "Server Internal Error", "failed", "carrier_error"),
    ],
)
async def test_a_refusal_gives_its_status_and_end_reason(server, sipp, code, reason, status, end):
    peer = await sipp(final(code, reason))
    call_id = await place(server, peer.uri)
    await peer.wait()
    call = await server.wait_for(call_id, lambda call: call["end_time"])
    assert (call["status"], call["end_reason"]["code"], call["sip"]["final_code"]) == (status, end, code)
    assert call["ringing_at"] is not None
    assert (call["start_time"], call["duration_seconds"], call["cost"]) == (None, None, None)


async def test_nobody_answers_within_the_ring_limit(server, sipp):
    peer = await sipp(
        scenario(
            '<recv request="INVITE"/>', RINGING, '<recv request="CANCEL"/>', OK, CANCELLED, '<recv request="ACK"/>'
        )
    )
    call_id = await place(server, peer.uri, max_ring_seconds=1)
    call = await server.wait_for(call_id, lambda call: call["end_time"])
    assert (call["status"], call["end_reason"]["code"]) == ("no_answer", "no_answer")


async def test_a_host_where_nobody_listens_is_unreachable(server):
    call_id = await place(server, "sip:nobody@127.0.0.1:9")
    call = await server.wait_for(call_id, lambda call: call["end_time"])
    assert (call["status"], call["end_reason"]["code"]) == ("failed", "carrier_error")


CHALLENGED = scenario(
    '<recv request="INVITE"/>', "<send><![CDATA[\nSIP/2.0 401 Unauthorized\n" + COPIED,
    'WWW-Authenticate: Digest realm="carrier", nonce="47ebe028cda119c35d4877b383027d28", qop="auth"\n' + NO_BODY,
    '<recv request="ACK"/><recv request="INVITE"><action>',
    '<verifyauth assign_to="1" username="acct1" password="hush-hush"/></action></recv>',
    f'<nop test="1" next="1"/><send next="2"><![CDATA[\nSIP/2.0 603 Decline\n{COPIED}{NO_BODY}',
    f'<label id="1"/><send><![CDATA[\nSIP/2.0 486 Busy Here\n{COPIED}{NO_BODY}<label id="2"/><recv request="ACK"/>',
)  # fmt: skip


async def test_a_password_stored_as_text_by_an_earlier_version_is_sealed_at_the_start_and_still_dials(server, sipp):
    peer = await sipp(CHALLENGED)
    trunk = {"name": "carrier", "host": "127.0.0.1", "port": peer.port, "username": "acct1", "password": "first"}
    trunk_id = (await server.ask("POST", "/v1/trunks", **trunk)).json()["data"]["id"]
    (number,) = (await server.ask("GET", "/v1/phone-numbers")).json()["data"]
    await server.ask("PATCH", f"/v1/phone-numbers/{number['id']}", trunk_id=trunk_id)
    await server.end()
    with sqlite3.connect(server.folder / "data" / "offhook.db") as connection:
        connection.execute("UPDATE trunks SET password = 'hush-hush', sealed_password = NULL")
    await server.start()
    async with asyncio.timeout(10):
        while "trunk_secrets_sealed" not in server.log():
            await asyncio.sleep(0.05)
    assert connection.execute("SELECT password, sealed_password LIKE 'v1.%' FROM trunks").fetchall() == [(None, 1)]
    connection.close()
    call = await server.wait_for(await place(server, "+33612345678"), lambda call: call["end_time"])
    assert call["end_reason"]["code"] == "busy"  # what the carrier answers to the right password
    assert "hush" not in server.log()


async def test_a_password_that_another_key_sealed_is_told_when_it_is_needed(server):
    trunk = {"name": "carrier", "host": "127.0.0.1", "username": "acct1", "password": "hush-hush"}
    trunk_id = (await server.ask("POST", "/v1/trunks", **trunk)).json()["data"]["id"]
    (number,) = (await server.ask("GET", "/v1/phone-numbers")).json()["data"]
    await server.ask("PATCH", f"/v1/phone-numbers/{number['id']}", trunk_id=trunk_id)
    await server.end()
    await server.start(OFFHOOK_SECRET_KEY="another key than the data directory has")
    assert (await server.ask("GET", f"/v1/trunks/{trunk_id}")).json()["data"]["has_password"] is True
    body = {"from_number": NUMBER, "to_number": "+33612345678", "agent_id": server.agent_id}
    answer = await server.ask("POST", "/v1/calls/phone", **body)
    assert (answer.status_code, "OFFHOOK_SECRET_KEY" in answer.text) == (422, True), answer.text
    assert await server.calls() == []


async def test_an_answered_call_talks_and_the_api_ends_it(server, sipp):
    peer = await sipp(scenario('<recv request="INVITE"/>', RINGING, ANSWER, '<recv request="BYE"/>', OK))
    call_id = await place(server, peer.uri, dynamic_variables_values={"customer": "Ann"}, metadata={"order": 7})
    call = await server.wait_for(call_id, lambda call: "Agent:" in call["transcript_string"])
    assert (call["status"], call["direction"], call["metadata"]) == ("in_progress", "outbound", {"order": 7})
    assert call["initial_variable_values"] == {"customer": "Ann"}
    await server.ask("POST", f"/v1/calls/{call_id}/terminate")
    await peer.wait()
    call = await server.wait_for(call_id, lambda call: call["recording_url"])
    assert (call["status"], call["end_reason"]["code"], call["sip"]["codec"]) == (
        "completed",
        "terminated_by_api",
        "PCMA",
    )


async def test_ending_a_call_that_still_rings_cancels_it(server, sipp):
    peer = await sipp(
        scenario(
            '<recv request="INVITE"/>', RINGING, '<recv request="CANCEL"/>', OK, CANCELLED, '<recv request="ACK"/>'
        )
    )
    call_id = await place(server, peer.uri)
    await server.wait_for(call_id, lambda call: call["status"] == "ringing")
    await server.ask("POST", f"/v1/calls/{call_id}/terminate")
    call = await server.wait_for(call_id, lambda call: call["end_time"])
    assert (call["status"], call["end_reason"]["code"]) == ("canceled", "terminated_by_api")


async def test_what_cannot_be_dialled_is_refused_by_name_and_leaves_no_call(server):
    for to, field in (("+33612345678", "to_number"), ("sip:", "to_number")):
        body = {"from_number": NUMBER, "to_number": to, "agent_id": server.agent_id}
        answer = await server.ask("POST", "/v1/calls/phone", **body)
        assert answer.status_code in {400, 422}, answer.text
        assert field in answer.text
    await asyncio.sleep(0.2)
    assert await server.calls() == []
