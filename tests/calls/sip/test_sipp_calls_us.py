"""sipp calls us: every way a call can be set up, changed and ended by the caller."""

from __future__ import annotations

import asyncio

import pytest

from offhook.lines.line import Answered, Ended, Party

CANCELLED = Ended(Party.CALLER, 487, "the caller cancelled the call")


@pytest.mark.parametrize(("payloads", "codec"), [("0 8 101", "PCMU"), ("8 0 101", "PCMA"), ("18 9 8", "PCMA")])
async def test_caller_offers_talks_and_hangs_up(office, sipp, scenario, payloads, codec):
    ours = await office()
    steps = scenario().invite(payloads).ringing().expect(200).request("ACK", cseq=1).pause(300)
    run = await sipp(steps.request("BYE", cseq=2).expect(200), ours.address, service="+33123456789")
    await run.wait()
    talk = await ours.talk()
    assert talk.events == [Answered(), Ended(Party.CALLER, None, "BYE")]
    facts = talk.line.facts
    assert (facts.from_number, facts.to_number, facts.codec) == ("+33611223344", "+33123456789", codec)
    assert facts.remote == f"127.0.0.1:{run.port}"
    assert facts.carrier_call_id in run.messages()


async def test_late_offer(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite(None).ringing().expect(200).request("ACK", cseq=1, sdp="8 101").pause(300)
    await (await sipp(steps.request("BYE", cseq=2).expect(200), ours.address)).wait()
    talk = await ours.talk()
    assert talk.events == [Answered(), Ended(Party.CALLER, None, "BYE")]
    assert talk.line.facts.codec == "PCMA"


async def test_reinvite_changes_the_codec_and_the_call_goes_on(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite("0 101").ringing().expect(200).request("ACK", cseq=1).pause(200)
    steps.request("INVITE", cseq=2, sdp="8 101").expect(100, optional=True).expect(200).request("ACK", cseq=2)
    await (await sipp(steps.pause(200).request("BYE", cseq=3).expect(200), ours.address)).wait()
    talk = await ours.talk()
    assert talk.line.facts.codec == "PCMA"
    assert talk.events == [Answered(), Ended(Party.CALLER, None, "BYE")]


async def test_caller_cancels_before_the_answer(office, sipp, scenario):
    ours = await office(take=lambda line: line.ring())
    steps = scenario().invite().expect(100, optional=True).expect(180)
    steps.request("CANCEL", cseq=1, to="", uri="", branch="[branch-3]").expect(200).expect(487)
    await (await sipp(steps.request("ACK", cseq=1, uri="", branch="[branch-6]"), ours.address)).wait()
    assert (await ours.talk()).events == [CANCELLED]


async def test_we_hang_up(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite().ringing().expect(200).request("ACK", cseq=1).expect("BYE").reply("200 OK", tag="")
    run = await sipp(steps, ours.address)
    talk = await ours.talk()
    await talk.until(Answered)
    await asyncio.wait_for(talk.line.hang_up(), 5)
    await run.wait()
    assert talk.ends == [Ended(Party.PLATFORM, None, "we hung up")]


async def test_lost_ack_is_asked_for_by_repeating_the_200(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite().ringing().expect(200).pause(2000).request("ACK", cseq=1).pause(1000)
    run = await sipp(steps.request("BYE", cseq=2).expect(200), ours.address)
    await run.wait()
    assert run.messages().count("SIP/2.0 200 OK\n") >= 4  # the first, two more before the ACK, and that of BYE
    talk = await ours.talk()
    assert talk.events == [Answered(), Ended(Party.CALLER, None, "BYE")]


async def test_repeated_invite_makes_one_call(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite(attributes="").invite(attributes="", branch="[branch-1]").ringing().expect(200)
    steps.request("ACK", cseq=1).pause(300)
    await (await sipp(steps.request("BYE", cseq=2).expect(200), ours.address)).wait()
    assert len(ours.talks) == 1


@pytest.mark.parametrize("code", [404, 480, 503, 603])
async def test_refusal_reaches_the_caller(office, sipp, scenario, code):
    ours = await office(take=lambda line: line.reject(code, 10))
    steps = scenario()
    steps.invite().expect(100, optional=True).expect(code, action=steps.must_match("Retry-After: 10"))
    await (await sipp(steps.request("ACK", cseq=1, uri="", branch="[branch-3]"), ours.address)).wait()
    assert [(end.party, end.code) for end in (await ours.talk()).ends] == [(Party.PLATFORM, code)]


@pytest.mark.parametrize(("payloads", "code"), [("18 101", 488), ("9", 488)])
async def test_sdp_without_g711_never_becomes_a_call(office, sipp, scenario, payloads, code):
    ours = await office()
    steps = scenario().invite(payloads).expect(code).request("ACK", cseq=1, uri="", branch="[branch-2]")
    await (await sipp(steps, ours.address)).wait()
    assert ours.talks == []


async def test_source_outside_the_allowed_networks_gets_403(office, sipp, scenario):
    ours = await office(allow=["192.0.2.0/24"])
    steps = scenario().invite().expect(403).request("ACK", cseq=1, uri="", branch="[branch-2]")
    await (await sipp(steps, ours.address)).wait()
    assert ours.talks == []


async def test_headers_of_the_caller_are_told(office, sipp, scenario):
    ours = await office()
    extra = "X-Rounded-Call-Id: 42\nP-Asserted-Identity: <sip:+33999@pbx>\nDiversion: <sip:a@b>"
    steps = scenario().invite(headers=extra).ringing().expect(200).request("ACK", cseq=1)
    await (await sipp(steps.request("BYE", cseq=2).expect(200), ours.address)).wait()
    facts = (await ours.talk()).line.facts
    assert facts.from_number == "+33999"
    assert facts.headers == {
        "X-Rounded-Call-Id": "42", "P-Asserted-Identity": "<sip:+33999@pbx>", "Diversion": "<sip:a@b>"
    }  # fmt: skip


async def test_call_over_tcp(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite().ringing().expect(200).request("ACK", cseq=1).pause(200)
    run = await sipp(steps.request("BYE", cseq=2).expect(200), ours.address, transport="t1")
    await run.wait()
    assert (await ours.talk()).events == [Answered(), Ended(Party.CALLER, None, "BYE")]


async def test_twenty_calls_at_once(office, sipp, scenario):
    ours = await office()
    steps = scenario().invite().ringing().expect(200).request("ACK", cseq=1).pause(1000)
    run = await sipp(steps.request("BYE", cseq=2).expect(200), ours.address, calls=20, extra=("-r", "50", "-l", "20"))
    await run.wait()
    assert [talk.events[-1] for talk in ours.talks] == [Ended(Party.CALLER, None, "BYE")] * 20
    assert ours.endpoint._stack.calls == 0


async def test_flood_is_refused_with_503_and_the_call_in_progress_is_unharmed(office, sipp, baresip, scenario, tone_of):
    ours, peer = await office(setups_per_s=0.001, setup_burst=1), await baresip(hz=700)
    peer.command("dial", ours.uri)
    talk = await ours.talk()
    await talk.until(Answered)
    steps = scenario()
    steps.invite(attributes="").expect(503, action=steps.must_match("Retry-After: 5"))
    steps.request("ACK", cseq=1, uri="", branch="[branch-2]")
    run = await sipp(steps, ours.address, calls=200, extra=("-r", "400"))
    heard = await talk.listen(1.0)
    await run.wait()
    assert tone_of(heard, 700) > 0.8
    assert talk.ends == []
