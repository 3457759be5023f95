"""Calls into a whole server: what the caller's program sees, and what the record says afterwards."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from pathlib import Path

import httpx2
import numpy as np
import pytest
import soundfile
import yaml

NUMBER = "+33123456789"
SAMPLE = Path(__file__).parents[3] / "src/offhook/agents/samples/appointment.en.agent.yaml"
INVITE = """<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+33611111111@[local_ip]:[local_port]>;tag=t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
]]></send>"""
IN_DIALOG = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+33611111111@[local_ip]:[local_port]>;tag=t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {cseq}
Max-Forwards: 70
Content-Length: 0

]]></send>"""
ACK = "<send><![CDATA[\nACK [next_url] SIP/2.0\n" + IN_DIALOG.format(cseq="1 ACK")
BYE = '<send retrans="500"><![CDATA[\nBYE [next_url] SIP/2.0\n' + IN_DIALOG.format(cseq="2 BYE")
RINGS = '<recv response="100" optional="true"/><recv response="180" optional="true"/>'
ANSWERED = RINGS + '<recv response="200" rrs="true"/>' + ACK
PLAY = '<nop><action><exec rtp_stream="{file},-1,0"/></action></nop>'
GET_BYE = """<recv request="BYE"/><send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>"""


def scenario(*parts: str) -> str:
    return '<?xml version="1.0"?><scenario name="test">' + "".join(parts) + "</scenario>"


def refused(code: int) -> str:
    ack = ACK.replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]")
    return scenario(INVITE, RINGS, f'<recv response="{code}"/>', ack)


def talks(audio_path: str, ms: int) -> str:
    return scenario(INVITE, ANSWERED, PLAY.format(file=audio_path), f'<pause milliseconds="{ms}"/>', BYE,
                    '<recv response="200"/>')  # fmt: skip


@pytest.fixture
def caller_file(tmp_path, caller_audio) -> str:
    path = tmp_path / "caller.ul"
    path.write_bytes(caller_audio)
    return str(path)


async def test_a_call_is_answered_talked_and_recorded_and_its_record_tells_all(server, sipp, caller_file):
    run = await sipp(talks(caller_file, 9000), server.address, service=NUMBER)
    await run.wait()
    call = await server.only_call(lambda call: call["recording_url"])
    assert (call["status"], call["direction"], call["type"]) == ("completed", "inbound", "phone_call")
    assert (call["from_number"], call["to_number"]) == ("+33611111111", NUMBER)
    assert call["end_reason"] == {"code": "caller_hung_up", "party": "caller", "detail": call["end_reason"]["detail"]}
    assert call["duration_seconds"] in {9, 10}
    assert call["sip"]["codec"] == "PCMU"
    assert call["sip"]["lost"] == 0
    lines = call["transcript_string"].split("\n")
    assert lines[0].startswith("Agent: Hello, this is Riverside Dental")
    assert "User: I would like to make an appointment." in lines
    assert [step["state"] for step in call["state_path"]][:2] == ["welcome", "name"]
    assert call["latency"]["engine"]["p95"] < 200
    assert call["cost"] == pytest.approx(sum(line["amount"] for line in call["cost_lines"]))
    await hears_both(call)


async def hears_both(call: dict) -> None:
    async with httpx2.AsyncClient() as client:
        mixed = await client.get(call["recording_url"])
        channels = await client.get(call["recording_channels_url"])
        part = await client.get(call["recording_url"], headers={"Range": "bytes=0-99"})
    assert (mixed.status_code, part.status_code, len(part.content)) == (200, 206, 100)
    stereo, rate_hz = soundfile.read(io.BytesIO(channels.content))
    assert abs(len(stereo) / rate_hz - call["duration_seconds"]) < 1.2
    for side in (0, 1):
        assert np.sqrt(np.mean(stereo[:, side] ** 2)) > 0.005


async def test_a_number_that_nobody_owns_is_404_and_one_without_agent_480(server, sipp):
    server.offhook("numbers", "add", "+33999999999")
    await (await sipp(refused(404), server.address, service="+33000000000")).wait()
    await (await sipp(refused(480), server.address, service="+33999999999")).wait()
    assert await server.calls() == []


@pytest.mark.parametrize("server", [("--max-calls", "1")], indirect=True)
async def test_without_room_a_call_is_503_with_retry_after_before_it_rings(server, sipp, caller_file):
    first = await sipp(talks(caller_file, 4000), server.address, service=NUMBER)
    await server.only_call(lambda call: call["status"] == "in_progress")
    busy = await sipp(refused(503), server.address, service=NUMBER)
    await busy.wait()
    assert "Retry-After: 10" in busy.messages()
    assert "180 Ringing" not in busy.messages()
    await first.wait()
    call = await server.only_call(lambda call: call["end_time"])
    assert call["end_reason"]["code"] == "caller_hung_up"


async def test_the_api_ends_a_call_and_the_caller_gets_bye(server, sipp, caller_file):
    run = await sipp(scenario(INVITE, ANSWERED, PLAY.format(file=caller_file), GET_BYE), server.address, service=NUMBER)
    call = await server.only_call(lambda call: call["status"] == "in_progress")
    answer = await server.ask("POST", f"/v1/calls/{call['id']}/terminate")
    assert (answer.status_code, answer.json()["message"]) == (200, "Call terminated successfully")
    await run.wait()
    call = await server.call(call["id"])
    assert (call["status"], call["end_reason"]["code"]) == ("completed", "terminated_by_api")
    again = await server.ask("POST", f"/v1/calls/{call['id']}/terminate")
    assert again.status_code == 200


async def test_a_server_told_to_stop_ends_its_calls_and_keeps_their_records(server, sipp, caller_file):
    run = await sipp(scenario(INVITE, ANSWERED, PLAY.format(file=caller_file), GET_BYE), server.address, service=NUMBER)
    await server.only_call(lambda call: call["status"] == "in_progress")
    assert await server.end() == 0
    await run.wait()
    await server.start()
    call = await server.only_call(lambda call: call["recording_url"])
    assert call["end_reason"]["detail"] == "the server is shutting down"


async def test_after_kill_9_the_call_is_final_with_its_transcript_and_recording(server, sipp, caller_file):
    run = await sipp(talks(caller_file, 20000), server.address, service=NUMBER)
    await server.only_call(lambda call: "User:" in call["transcript_string"])
    await asyncio.sleep(1.5)
    before = (await server.calls())[0]
    await server.end(signal.SIGKILL)
    await server.start()
    call = await server.only_call(lambda call: call["recording_url"])
    assert (call["status"], call["end_reason"]["code"]) == ("failed", "platform_failure")
    assert call["transcript_string"].startswith(before["transcript_string"])
    async with httpx2.AsyncClient() as client:
        stereo, rate_hz = soundfile.read(io.BytesIO((await client.get(call["recording_channels_url"])).content))
    assert len(stereo) / rate_hz > 3
    run.process.terminate()


# ---------------------------------------------------------------------- what stays on disk

NOTICE = "This call is recorded."


@pytest.fixture
def files(server):
    def left() -> list[str]:
        data = server.folder / "data"
        return sorted(
            path.name for part in ("tapes", "recordings") for path in (data / part).rglob("*") if path.is_file()
        )

    return left


@pytest.fixture
def change(server, tmp_path):
    """Deploy the sample agent with other settings."""

    def deploy(**settings: object) -> None:
        path = tmp_path / "changed.agent.yaml"
        path.write_text(f"{SAMPLE.read_text()}\n{yaml.safe_dump(settings)}")
        server.offhook("agents", "apply", str(path), "--deploy")

    return deploy


async def test_a_call_that_is_not_recorded_leaves_no_sound(server, change, files, sipp, caller_file):
    change(record=False, recording_notice=NOTICE)
    await hangs_up_after(server, sipp, caller_file, 3000)
    call = await server.only_call(lambda call: call["end_time"])
    assert (call["recording_url"], files()) == (None, [])
    assert NOTICE not in call["transcript_string"]


async def test_that_it_is_recorded_is_said_first(server, change, sipp, caller_file):
    change(recording_notice=NOTICE)
    await hangs_up_after(server, sipp, caller_file, 6000)
    call = await server.only_call(lambda call: call["end_time"])
    said = [item["content"] for item in call["transcript"] if item["role"] == "agent"]
    assert said[0] == NOTICE
    assert said[1].startswith("Hello, this is Riverside Dental")


async def test_a_deleted_call_is_gone_at_once_and_its_files_soon(server, files, sipp, caller_file):
    await hangs_up_after(server, sipp, caller_file, 3000)
    call = await server.only_call(lambda call: call["recording_url"])
    assert files() == ["channels.ogg", "mixed.ogg", "peaks.json"]
    answer = await server.ask("DELETE", f"/v1/calls/{call['id']}")
    assert (answer.status_code, answer.json()["message"]) == (200, "Call deleted successfully")
    assert (await server.ask("GET", f"/v1/calls/{call['id']}")).status_code == 404
    async with asyncio.timeout(20):
        while len(entries := await audit(server, call["id"])) < 2:
            await asyncio.sleep(0.2)
    assert [entry["action"] for entry in entries] == ["call.files_deleted", "call.deleted"]
    assert [file["key"].rpartition("/")[2] for file in entries[0]["detail"]["files"]] == [
        "channels.ogg", "mixed.ogg", "peaks.json",
    ]  # fmt: skip
    assert files() == []


async def hangs_up_after(server, sipp, caller_file: str, ms: int) -> None:
    await (await sipp(talks(caller_file, ms), server.address, service=NUMBER)).wait()


async def audit(server, call_id: str) -> list[dict]:
    return (await server.ask("GET", f"/v1/audit-log?object_id={call_id}")).json()["data"]


ACTS = """
name: Acts
initial_message: "Hello {{customer}}."
initial_state_name: s
variables: [{name: customer}, {name: slot, source: tool}]
call_context:
  - name: crm
    url: "http://127.0.0.1:PORT/people/{{from_number}}"
    response_mapping: [{destination_variable: customer, json_path_to_data: name}]
states:
  - name: s
    rules: {say: "How can I help you?"}
    tools:
      - type: custom_function
        name: book
        url: "http://127.0.0.1:PORT/book"
        filler_sentence: One moment.
        response_mapping: [{destination_variable: slot, json_path_to_data: slot}]
        when: {contains: appointment}
"""


async def test_an_agent_asks_before_its_first_word_and_books_once(server, sipp, caller_file, tmp_path):
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n")).decode().split()[:2])
        body = b'{"name": "Ann", "slot": "10:30", "instructions": "It is at half past ten."}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        agent = tmp_path / "acts.agent.yaml"
        agent.write_text(ACTS.replace("PORT", str(listening.sockets[0].getsockname()[1])))
        agent_id = server.offhook("agents", "apply", str(agent), "--deploy")["id"]
        server.offhook("numbers", "add", "+33155555555", "--agent", agent_id)
        await (await sipp(talks(caller_file, 10_000), server.address, service="+33155555555")).wait()
    call = await server.only_call(lambda call: call["end_time"])
    assert asked == [["GET", "/people/%2B33611111111"], ["POST", "/book"]]
    lines = call["transcript_string"].split("\n")
    assert lines[0] == "Agent: Hello Ann."
    assert lines[1] == "User: I would like to make an appointment."
    assert lines[2].startswith("Agent: One moment. It is at half past ten.")
    assert {value["name"]: value["value"] for value in call["variable_values"]} == {"customer": "Ann", "slot": "10:30"}
    assert call["flags"] == []


async def test_what_a_knowledge_base_told_the_model_is_in_the_record(server, sipp, caller_file, tmp_path):
    root = "/v1/knowledge-bases"
    base_id = (await server.ask("POST", root, name="House")).json()["data"]["id"]
    text = json.dumps([{"title": "Visits", "content": "For an appointment bring your insurance card."}])
    async with httpx2.AsyncClient(base_url=server.http, headers={"X-Api-Key": server.key}) as client:
        await client.post(f"{root}/{base_id}/sources", data={"text_sources": text})
        async with asyncio.timeout(30):
            while (await client.get(f"{root}/{base_id}")).json()["data"]["status"] != "ready":
                await asyncio.sleep(0.1)
    agent = tmp_path / "knows.agent.yaml"
    agent.write_text(
        "{name: Knows, initial_message: Hello., initial_state_name: s, states: [{name: s, rules: {say: What for}}], "
        f"knowledge_base_ids: [{base_id}]}}"
    )
    agent_id = server.offhook("agents", "apply", str(agent), "--deploy")["id"]
    server.offhook("numbers", "add", "+33155555555", "--agent", agent_id)
    await (await sipp(talks(caller_file, 9000), server.address, service="+33155555555")).wait()
    call = await server.only_call(lambda call: call["end_time"])
    (use,) = call["knowledge"]
    assert use["query"] == "I would like to make an appointment."
    (passage,) = use["passages"]
    assert (passage["knowledge_base_id"], passage["source"]) == (base_id, "Visits")
    assert passage["excerpt"] == "For an appointment bring your insurance card."
    assert call["flags"] == []
