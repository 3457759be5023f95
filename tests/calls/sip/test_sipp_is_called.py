"""We call sipp: every way a call can go that we place."""

from __future__ import annotations

import asyncio

import pytest

from offhook.lines.line import Answered, Ended, Party, Ringing

TERMINATED = """
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]uas
[last_Call-ID:]
CSeq: 1 INVITE

"""


async def test_callee_rings_answers_and_hangs_up(office, sipp, scenario):
    bye = """
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:peer@[local_ip]:[local_port]>;tag=[pid]uas
To[$theirs]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70

"""
    keep = '<action><ereg regexp=":.*" search_in="hdr" header="From" assign_to="theirs"/></action>'
    steps = scenario().expect("INVITE", action=keep).reply("180 Ringing").pause(200)
    steps.reply("200 OK", sdp="0 101").expect("ACK").pause(300).send(bye, 'retrans="500"').expect(200)
    run, ours = await sipp(steps), await office()
    talk = ours.dial(run.uri)
    await talk.until(Ended)
    await run.wait()
    assert talk.events == [Ringing(), Answered(), Ended(Party.CALLEE, None, "BYE")]


@pytest.mark.parametrize(("payload", "codec"), [("0", "PCMU"), ("8", "PCMA")])
async def test_we_hang_up(office, sipp, scenario, payload, codec):
    steps = scenario().expect("INVITE").reply("200 OK", sdp=payload).expect("ACK").expect("BYE").reply("200 OK", tag="")
    run, ours = await sipp(steps), await office()
    talk = ours.dial(run.uri)
    await talk.until(Answered)
    assert talk.line.facts.codec == codec
    await asyncio.wait_for(talk.line.hang_up(), 5)
    await run.wait()
    assert talk.ends == [Ended(Party.PLATFORM, None, "we hung up")]


@pytest.mark.parametrize(
    ("status", "party"),
    [
        ("486 Busy Here", Party.CALLEE),
        ("600 Busy Everywhere", Party.CALLEE),
        ("603 Decline", Party.CALLEE),
        ("480 Temporarily Unavailable", Party.CALLEE),
        ("404 Not Found", Party.CARRIER),
        ("302 Moved", Party.CARRIER),
        ("500 Server Error", Party.CARRIER),
    ],
)
async def test_refusal_of_the_callee(office, sipp, scenario, status, party):
    code = int(status[:3])
    run, ours = await sipp(scenario().expect("INVITE").reply(status).expect("ACK")), await office()
    talk = ours.dial(run.uri)
    assert await talk.until(Ended) == Ended(party, code, status)
    await run.wait()
    assert talk.line.final_code == code


async def test_ring_limit_cancels(office, sipp, scenario):
    steps = scenario().expect("INVITE").reply("180 Ringing").expect("CANCEL").reply("200 OK")
    run, ours = await sipp(steps.send(TERMINATED).expect("ACK")), await office()
    talk = ours.dial(run.uri, ring_timeout_s=1.0)
    ended = await talk.until(Ended)
    assert (ended.party, ended.code) == (Party.CALLEE, 487)
    assert ended.detail.startswith("ring limit reached")
    await run.wait()


async def test_hanging_up_while_it_rings(office, sipp, scenario):
    steps = scenario().expect("INVITE").reply("180 Ringing").expect("CANCEL").reply("200 OK")
    run, ours = await sipp(steps.send(TERMINATED).expect("ACK")), await office()
    talk = ours.dial(run.uri)
    await talk.until(Ringing)
    await asyncio.wait_for(talk.line.hang_up(), 5)
    assert talk.ends == [Ended(Party.PLATFORM, 487, "we cancelled the call")]
    await run.wait()


async def test_challenge_is_answered(office, sipp, scenario):
    challenge = 'Proxy-Authenticate: Digest realm="trunk", nonce="47ebe028cda119c35d4877b383027d28", qop="auth"'
    steps = scenario().expect("INVITE").reply("407 Proxy Authentication Required", headers=challenge).expect("ACK")
    steps.expect("INVITE", action=scenario().must_match("Proxy-Authorization: Digest username=.acct1."))
    steps.reply("200 OK", sdp="0").expect("ACK").expect("BYE").reply("200 OK", tag="")
    run, ours = await sipp(steps), await office()
    talk = ours.dial("+33123", proxy=f"127.0.0.1:{run.port}", username="acct1", password="secret")
    await talk.until(Answered)
    await talk.line.hang_up()
    await run.wait()
    assert "INVITE sip:+33123@127.0.0.1" in run.messages()


async def test_early_media_is_told_and_is_no_part_of_the_call(office, sipp, scenario):
    steps = scenario().expect("INVITE").reply("183 Session Progress", sdp="0 101").pause(500)
    steps.reply("200 OK", sdp="0 101").expect("ACK").expect("BYE").reply("200 OK", tag="")
    run, ours = await sipp(steps), await office()
    talk = ours.dial(run.uri)
    await talk.until(Ringing)
    assert talk.rang == [Ringing(early_media=True)]
    await talk.until(Answered)
    assert talk.indexes == []
    await talk.listen(0.2)
    assert talk.indexes[:3] == [0, 1, 2]
    await talk.line.hang_up()
    await run.wait()


async def test_custom_headers_reach_the_callee(office, sipp, scenario):
    steps = scenario()
    steps.expect("INVITE", action=steps.must_match("X-Test: 42")).reply("486 Busy").expect("ACK")
    run, ours = await sipp(steps), await office()
    headers = {"X-Test": "42", "From": '"Clinic" <sip:+33999@clinic.example>'}
    await ours.dial(run.uri, headers=headers).until(Ended)
    await run.wait()
    assert 'From: "Clinic" <sip:+33999@clinic.example>;tag=' in run.messages()


async def test_call_over_tcp(office, sipp, scenario):
    steps = scenario().expect("INVITE").reply("200 OK", sdp="0").expect("ACK").expect("BYE").reply("200 OK", tag="")
    run, ours = await sipp(steps, transport="t1"), await office()
    talk = ours.dial(f"{run.uri};transport=tcp")
    await talk.until(Answered)
    await talk.line.hang_up()
    await run.wait()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_unreachable_callee_is_known_within_a_second(office, transport):
    ours = await office()
    talk = ours.dial(f"sip:nobody@127.0.0.1:9;transport={transport}")
    ended = await talk.until(Ended, limit_s=1.0)
    assert ended == Ended(Party.CARRIER, 503, "127.0.0.1:9 cannot be reached")


async def test_host_that_does_not_exist_is_unreachable(office):
    ours = await office()
    ended = await ours.dial("sip:nobody@does-not-exist.invalid").until(Ended)
    assert (ended.party, ended.code) == (Party.CARRIER, 503)
