"""Calls that are announced before their INVITE comes."""

from __future__ import annotations

import httpx2
import pytest

from offhook.store.database import Database, sqlite_url
from offhook.store.keys import ApiKeys
from offhook.store.organizations import Organizations

NUMBER, STRANGERS = "+33123456789", "+33987654321"
BODY = {"from_number": "+33622222222", "to_number": NUMBER}
IN_DIALOG = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+33611111111@[local_ip]:[local_port]>;tag=t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq}
Max-Forwards: 70
"""
OFFER = """Contact: <sip:caller@[local_ip]:[local_port]>
{header}Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>"""
EMPTY = "Content-Length: 0\n\n]]></send>"
RINGS = '<recv response="100" optional="true"/><recv response="180" optional="true"/>'


def send(line: str, cseq: str, rest: str, tag: str = "[peer_tag_param]") -> str:
    retransmitted = "" if cseq.endswith("ACK") else ' retrans="500"'
    return f"<send{retransmitted}><![CDATA[\n{line} SIP/2.0\n{IN_DIALOG.format(cseq=cseq, tag=tag)}{rest}"


def scenario(*parts: str) -> str:
    return '<?xml version="1.0"?><scenario name="test">' + "".join(parts) + "</scenario>"


def invite(header: str) -> str:
    uri = "INVITE sip:[service]@[remote_ip]:[remote_port]"
    return send(uri, "1 INVITE", OFFER.format(header=header), tag="")


def talks(header: str, ms: int = 1500) -> str:
    return scenario(
        invite(header), RINGS, '<recv response="200" rrs="true"/>', send("ACK [next_url]", "1 ACK", EMPTY),
        f'<pause milliseconds="{ms}"/>', send("BYE [next_url]", "2 BYE", EMPTY), '<recv response="200"/>',
    )  # fmt: skip


def refused(header: str, code: int) -> str:
    ack = send("ACK sip:[service]@[remote_ip]:[remote_port]", "1 ACK", EMPTY)
    return scenario(invite(header), RINGS, f'<recv response="{code}"/>', ack)


async def stage(server, *, sync: bool = True, **more) -> str:
    body = {**BODY, "agent_id": server.agent_id, **more}
    answer = await server.ask("POST", f"/v1/calls/stage?sync={str(sync).lower()}", **body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["call_id"]


@pytest.mark.parametrize("header", ["X-Rounded-Call-Id", "x-offhook-call-id"])
async def test_an_invite_that_names_a_staged_call_becomes_it(server, sipp, header):
    call_id = await stage(server, dynamic_variables_values={"customer": "Ann"}, metadata={"order": 7})
    staged = await server.call(call_id)
    assert (staged["status"], staged["direction"], staged["start_time"]) == ("staged", "inbound", None)
    run = await sipp(talks(f"{header}: {call_id}\n"), server.address, service=NUMBER)
    await run.wait()
    call = await server.only_call(lambda call: call["end_time"])
    assert (call["id"], call["status"]) == (call_id, "completed")
    assert (call["from_number"], call["to_number"]) == ("+33622222222", NUMBER)
    assert (call["metadata"], call["initial_variable_values"]) == ({"order": 7}, {"customer": "Ann"})
    assert call["carrier_call_id"]
    assert call["transcript_string"].startswith("Agent: Hello, this is")
    # It can be taken once: the same header on another call is an ordinary call.
    await (await sipp(talks(f"{header}: {call_id}\n"), server.address, service=NUMBER)).wait()
    calls = await server.calls()
    assert len(calls) == 2
    assert calls[0]["from_number"] == "+33611111111"
    assert "call_names_no_staged_one" in server.log()


@pytest.mark.parametrize("server", [("--max-calls", "1")], indirect=True)
async def test_a_staged_call_holds_a_place_that_only_its_own_invite_gets(server, sipp):
    call_id = await stage(server)
    await (await sipp(refused("", 503), server.address, service=NUMBER)).wait()
    body = {"from_number": NUMBER, "to_number": "sip:a@127.0.0.1:9", "agent_id": server.agent_id}
    full = await server.ask("POST", "/v1/calls/phone", **body)
    assert (full.status_code, full.json()["error"]["type"]) == (503, "capacity_exceeded")
    await (await sipp(talks(f"X-Offhook-Call-Id: {call_id}\n", 500), server.address, service=NUMBER)).wait()
    assert (await server.wait_for(call_id, lambda call: call["end_time"]))["status"] == "completed"
    # Ended by the API it gives the place back.
    other = await stage(server, sync=False)
    assert (await server.ask("POST", f"/v1/calls/{other}/terminate")).status_code == 200
    ended = await server.call(other)
    assert (ended["status"], ended["end_reason"]["code"]) == ("canceled", "terminated_by_api")
    await (await sipp(talks("", 500), server.address, service=NUMBER)).wait()


async def add_stranger(server) -> str:
    """A number of another organization, which its own agent answers; the organization's key."""
    database = Database(sqlite_url(server.folder / "data" / "offhook.db"))
    _, key = ApiKeys(database).create(Organizations(database).create("Other").id, "theirs")
    database.close()
    agent = (await server.ask("GET", f"/v1/agents/{server.agent_id}")).json()["data"]
    async with httpx2.AsyncClient(base_url=server.http, headers={"X-Api-Key": key}) as client:
        made = (await client.post("/v1/agents", json=agent)).json()["data"]["id"]
        assert (await client.post(f"/v1/agents/{made}/deploy")).status_code == 200
        body = {"number": STRANGERS, "inbound_agent_id": made}
        assert (await client.post("/v1/phone-numbers", json=body)).status_code == 201
    return key


async def test_another_organizations_number_does_not_get_a_staged_call(server, sipp):
    key = await add_stranger(server)
    call_id = await stage(server)
    header = f"X-Offhook-Call-Id: {call_id}\n"
    await (await sipp(talks(header, 500), server.address, service=STRANGERS)).wait()
    async with httpx2.AsyncClient(base_url=server.http, headers={"X-Api-Key": key}) as client:
        (theirs,) = (await client.get("/v1/calls")).json()["data"]
        refused = await client.post("/v1/calls/stage", json={**BODY, "agent_id": theirs["agent_id"]})
    assert (theirs["id"] != call_id, theirs["to_number"]) == (True, STRANGERS)
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (404, "to_number")
    assert "staged_call_not_given" in server.log()
    assert (await server.call(call_id))["status"] == "staged"
    await (await sipp(talks(header, 500), server.address, service=NUMBER)).wait()
    assert (await server.wait_for(call_id, lambda call: call["end_time"]))["status"] == "completed"


async def test_a_number_that_nobody_owns_takes_a_call_that_was_staged_for_it(server, sipp):
    call_id = await stage(server, to_number="+33000000000")
    header = f"X-Offhook-Call-Id: {call_id}\n"
    await (await sipp(refused(header, 404), server.address, service="+33000000001")).wait()
    await (await sipp(talks(header, 500), server.address, service="+33000000000")).wait()
    assert (await server.wait_for(call_id, lambda call: call["end_time"]))["status"] == "completed"


async def test_metadata_of_a_staged_call_can_be_changed_and_a_stop_ends_it(server):
    call_id = await stage(server, metadata={"a": 1})
    answer = await server.ask("PATCH", f"/v1/calls/{call_id}", metadata={"b": 2})
    assert answer.json()["data"]["metadata"] == {"a": 1, "b": 2}
    await server.end()
    await server.start()
    call = await server.call(call_id)
    assert (call["status"], call["end_reason"]["detail"]) == ("failed", "the server is shutting down")
