"""Calls with Debian's linphone in both directions, with audio measured at both ends."""

from __future__ import annotations

import asyncio

import pytest

from offhook.lines.line import Answered, Ended, Party


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_linphone_calls_and_both_hear_each_other(office, linphone, tone_of, codec):
    ours, peer = await office(), await linphone(hz=900, codec=codec)
    peer.command(f"call {ours.uri}")
    talk = await ours.talk()
    await talk.until(Answered)
    assert talk.line.facts.codec == codec
    await talk.listen(0.5)
    assert tone_of(await talk.listen(1.5), 900) > 0.8
    peer.command("terminate")
    assert (await talk.until(Ended)).party is Party.CALLER
    await peer.close()
    heard, rate_hz = peer.heard()
    assert tone_of(heard[-int(1.0 * rate_hz) * 2 :], 1100, rate_hz) > 0.8


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_linphone_is_called_and_both_hear_each_other(office, linphone, tone_of, codec):
    ours, peer = await office(), await linphone(hz=900, codec=codec, auto_answer=True)
    talk = ours.dial(peer.uri)
    await talk.until(Answered)
    assert talk.line.facts.codec == codec
    await talk.listen(0.5)
    assert tone_of(await talk.listen(1.5), 900) > 0.8
    await asyncio.wait_for(talk.line.hang_up(), 5)
    assert talk.ends == [Ended(Party.PLATFORM, None, "we hung up")]
    await peer.close()
    heard, rate_hz = peer.heard()
    assert tone_of(heard[-int(1.0 * rate_hz) * 2 :], 1100, rate_hz) > 0.8


async def test_linphone_pauses_and_resumes(office, linphone, tone_of):
    ours, peer = await office(), await linphone(hz=900)
    peer.command(f"call {ours.uri}")
    talk = await ours.talk()
    await talk.until(Answered)
    await talk.listen(0.5)
    peer.command("pause")
    await peer.prints("paused")
    await talk.listen(0.3)
    sent = talk.line.stats.sent
    # It plays us the music of those who wait: nobody is to answer that.
    assert tone_of(await talk.listen(0.5), 900) < 0.5
    assert talk.line.stats.sent == sent
    peer.command("resume 1")
    await talk.listen(1.0)
    assert tone_of(await talk.listen(1.0), 900) > 0.8
    assert talk.ends == []


async def test_linphone_gives_up_before_we_answer(office, linphone):
    ours, peer = await office(take=lambda line: line.ring()), await linphone()
    peer.command(f"call {ours.uri}")
    talk = await ours.talk()
    await peer.prints("ringing")
    peer.command("terminate")
    assert await talk.until(Ended) == Ended(Party.CALLER, 487, "the caller cancelled the call")


async def test_linphone_declines(office, linphone):
    ours, peer = await office(), await linphone()
    talk = ours.dial(peer.uri)
    await peer.prints("Receiving new incoming call")
    peer.command("terminate")
    ended = await talk.until(Ended)
    assert (ended.party, ended.code) == (Party.CALLEE, 603)
