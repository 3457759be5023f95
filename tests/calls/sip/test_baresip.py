"""Calls with Debian's baresip in both directions, with audio measured at both ends."""

from __future__ import annotations

import asyncio

import pytest

from offhook.lines.line import Answered, Ended, Party


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
async def test_baresip_calls_and_both_hear_each_other(office, baresip, tone_of, codec):
    ours, peer = await office(), await baresip(hz=700, codecs=codec)
    peer.command("dial", ours.uri)
    talk = await ours.talk()
    await talk.until(Answered)
    assert talk.line.facts.codec == codec.upper()
    assert tone_of(await talk.listen(1.5), 700) > 0.8
    peer.command("hangup")
    assert await talk.until(Ended) == Ended(Party.CALLER, None, "BYE")
    await peer.event("CALL_CLOSED")
    heard, rate_hz = peer.heard()
    assert tone_of(heard[-int(1.0 * rate_hz) * 2 :], 1100, rate_hz) > 0.8
    assert talk.indexes[:3] == [0, 1, 2]


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
async def test_baresip_is_called_and_both_hear_each_other(office, baresip, tone_of, codec):
    ours, peer = await office(), await baresip(hz=700, codecs=codec)
    talk = ours.dial(peer.uri)
    await talk.until(Answered)
    assert talk.line.facts.codec == codec.upper()
    await talk.listen(0.3)
    assert tone_of(await talk.listen(1.5), 700) > 0.8
    await asyncio.wait_for(talk.line.hang_up(), 5)
    assert talk.ends == [Ended(Party.PLATFORM, None, "we hung up")]
    await peer.event("CALL_CLOSED")
    heard, rate_hz = peer.heard()
    assert tone_of(heard[-int(1.0 * rate_hz) * 2 :], 1100, rate_hz) > 0.8


async def test_baresip_holds_and_resumes(office, baresip, tone_of):
    ours, peer = await office(), await baresip(hz=700)
    peer.command("dial", ours.uri)
    talk = await ours.talk()
    await talk.until(Answered)
    await peer.event("CALL_ESTABLISHED")
    peer.command("hold")
    await asyncio.sleep(0.5)
    assert tone_of(await talk.listen(0.5), 700) < 0.1
    peer.command("resume")
    await asyncio.sleep(0.5)
    assert tone_of(await talk.listen(1.0), 700) > 0.8
    assert talk.ends == []


async def test_baresip_gives_up_before_we_answer(office, baresip):
    ours, peer = await office(take=lambda line: line.ring()), await baresip()
    peer.command("dial", ours.uri)
    await peer.event("CALL_RINGING")
    talk = await ours.talk()
    peer.command("hangup")
    assert await talk.until(Ended) == Ended(Party.CALLER, 487, "the caller cancelled the call")


@pytest.mark.parametrize("code", [404, 480, 486, 503, 603])
async def test_baresip_is_refused_with_the_code_we_gave(office, baresip, code):
    ours, peer = await office(take=lambda line: line.reject(code, 5)), await baresip()
    peer.command("dial", ours.uri)
    closed = await peer.event("CALL_CLOSED")
    assert closed["param"].startswith(str(code))
    ended = (await ours.talk()).ends
    assert [(one.party, one.code) for one in ended] == [(Party.PLATFORM, code)]


async def test_baresip_declines(office, baresip):
    ours, peer = await office(), await baresip(answer="manual")
    talk = ours.dial(peer.uri)
    await peer.event("CALL_INCOMING")
    peer.command("hangup")
    ended = await talk.until(Ended)
    assert (ended.party, ended.code) == (Party.CALLEE, 486)
    assert talk.rang


async def test_baresip_rings_until_the_ring_limit(office, baresip):
    ours, peer = await office(), await baresip(answer="manual")
    talk = ours.dial(peer.uri, ring_timeout_s=1.0)
    await peer.event("CALL_INCOMING")
    assert await talk.until(Ended) == Ended(Party.CALLEE, 487, "ring limit reached: no answer in 1 s")
    await peer.event("CALL_CLOSED")
