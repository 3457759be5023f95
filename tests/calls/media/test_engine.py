"""The engine against a peer with real sockets on loopback."""

import asyncio
import socket
import struct
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
import structlog

from offhook.errors import CapacityError, LineError
from offhook.lines.media import Codec, MediaEngine
from offhook.lines.media.rtcp import Bye, Report, parse_rtcp

LOUD = np.full(160, 6000, dtype="<i2").tobytes()


def numbered(count):
    """Frames of speech that can be told apart after G.711."""
    return [np.full(160, 200 * (n + 1), dtype="<i2").tobytes() for n in range(count)]


def decoded(packets, codec=Codec.PCMU):
    return [codec.decode(one.payload) for one in packets if one.payload_type == codec]


async def test_silence_flows_from_the_moment_of_connection(studio, peer):
    studio.call(peer)
    await peer.listen(lambda: len(peer.packets) >= 10)
    assert {one.payload for one in peer.packets} == {b"\xff" * 160}
    assert [one.marker for one in peer.packets] == [True] + [False] * (len(peer.packets) - 1)
    assert all((b.sequence - a.sequence) % 2**16 == 1 for a, b in pairwise(peer.packets))
    assert all((b.timestamp - a.timestamp) % 2**32 == 160 for a, b in pairwise(peer.packets))


@pytest.mark.parametrize("codec", list(Codec))
async def test_both_sides_hear_each_other(studio, peer, codec):
    leg = studio.call(peer, codec)
    leg.play(1, LOUD * 20)
    await peer.talk(leg.local_port, 0.8, payload=codec.encode(LOUD), kind=int(codec))
    assert decoded(peer.packets, codec).count(codec.decode(codec.encode(LOUD))) == 20
    heard = [frame.heard for frame in studio.frames[leg] if frame.heard is not None]
    assert heard
    assert set(heard) == {codec.decode(codec.encode(LOUD))}


async def test_frames_are_numbered_without_a_gap_and_tell_what_was_sent(studio, peer):
    leg = studio.call(peer)
    leg.play(7, LOUD * 3 + LOUD[:100])
    leg.flush(7)
    await peer.listen(lambda: len(studio.frames.get(leg, [])) >= 10)
    frames = studio.frames[leg]
    assert [frame.index for frame in frames] == list(range(len(frames)))
    sent = [frame.sent for frame in frames if frame.sent is not None]
    assert [(one.utterance, one.samples) for one in sent] == [(7, 160), (7, 320), (7, 480), (7, 530)]
    assert sum(frame.said is not None for frame in frames) == 4


async def test_clear_stops_what_waits_at_once(studio, peer):
    leg = studio.call(peer)
    leg.play(1, LOUD * 500)
    await peer.listen(lambda: len(decoded(peer.packets)) >= 5)
    leg.clear()
    await asyncio.sleep(0.03)
    peer.collect()
    peer.packets.clear()
    await peer.listen(lambda: len(peer.packets) >= 5)
    assert {one.payload for one in peer.packets} == {b"\xff" * 160}


async def test_keys_pressed_by_the_far_end_are_told_once(studio, peer):
    leg = studio.call(peer)
    await peer.talk(leg.local_port, 0.1)
    for duration in (160, 320, 480, 480, 480):
        flags = 0x8A if duration == 480 else 0x0A
        packet = struct.pack("!BBHII", 0x80, 101, 100 + duration, 5000, 7) + struct.pack("!BBH", 9, flags, duration)
        peer.rtp.sendto(packet, ("127.0.0.1", leg.local_port))
    await peer.listen(lambda: any(frame.digit for frame in studio.frames[leg]))
    await peer.talk(leg.local_port, 0.1)
    assert [frame.digit for frame in studio.frames[leg] if frame.digit] == ["9"]


async def test_keys_are_sent_as_events_and_speech_follows(studio, peer):
    leg = studio.call(peer)
    leg.send_dtmf("4")
    leg.play(1, LOUD * 5)
    await peer.listen(lambda: decoded(peer.packets).count(Codec.PCMU.decode(Codec.PCMU.encode(LOUD))) == 5)
    events = [one for one in peer.packets if one.payload_type == 101]
    assert [one.payload[0] for one in events] == [4] * 7
    assert [one.payload[1] >> 7 for one in events] == [0, 0, 0, 0, 1, 1, 1]
    assert len({one.timestamp for one in events}) == 1


async def test_media_from_another_address_is_ignored_counted_and_logged_once(studio, peer, other_peer):
    with structlog.testing.capture_logs() as logs:
        leg = studio.call(peer)
        await peer.talk(leg.local_port, 0.2)
        for _ in range(10):
            other_peer.send(leg.local_port, ssrc=9)
        await peer.talk(leg.local_port, 0.2)
    assert leg.stats.ignored == 10
    assert leg.stats.received == 20
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["media_from_stranger"]


async def test_a_peer_behind_a_nat_is_answered_where_it_sends_from(studio, peer, other_peer):
    """Signalling named one port, its packets come from another on the same address."""
    leg = studio.call(peer)
    await other_peer.talk(leg.local_port, 0.2)
    other_peer.packets.clear()
    peer.collect()
    peer.packets.clear()
    await other_peer.listen(lambda: len(other_peer.packets) >= 5)
    peer.collect()
    assert peer.packets == []


async def test_garbage_is_counted_and_harms_nobody(studio, peer):
    leg = studio.call(peer)
    for data in (
        b"",
        b"\x80",
        b"\x00" * 30,
        b"\x8f" + b"\0" * 20,
        b"\xbf" + b"\xff" * 60,
        b"\x80\xc9\0\x09" + b"\0" * 8,
    ):
        peer.rtp.sendto(data, ("127.0.0.1", leg.local_port))
    peer.control.sendto(b"\x80\xc9\0\x09", ("127.0.0.1", leg.local_port + 1))
    await peer.talk(leg.local_port, 0.3)
    assert leg.stats.malformed == 7
    assert leg.stats.received == 15
    assert len(peer.packets) >= 10


async def test_a_flood_at_one_call_leaves_the_others_clock_alone(studio, peer, other_peer):
    flooded, calm = studio.call(peer), studio.call(other_peer)
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            for _ in range(50):
                peer.send(flooded.local_port)
            time.sleep(0.002)  # 25,000 packets a second, and a processor left for the rest of the test

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        await other_peer.talk(calm.local_port, 0.6)
    finally:
        stop.set()
        thread.join()
    await other_peer.listen(lambda: calm.stats.received == 30)
    assert [frame.index for frame in studio.frames[calm]] == list(range(len(studio.frames[calm])))
    assert len(other_peer.packets) >= 25


async def test_hold_sends_nothing_and_keeps_what_waits(studio, peer):
    leg = studio.call(peer)
    await peer.listen(lambda: len(peer.packets) >= 3)
    leg.pause()
    leg.play(1, LOUD * 3)
    await asyncio.sleep(0.05)
    peer.collect()
    before, index = peer.packets[-1], studio.frames[leg][-1].index
    peer.packets.clear()
    await peer.talk(leg.local_port, 0.2, payload=Codec.PCMU.encode(LOUD))
    assert peer.packets == []
    held = [frame for frame in studio.frames[leg] if frame.index > index]
    assert len(held) >= 5
    assert all(frame.heard is None and frame.said is None for frame in held)
    leg.resume()
    await peer.listen(lambda: len(peer.packets) >= 4)
    assert decoded(peer.packets).count(Codec.PCMU.decode(Codec.PCMU.encode(LOUD))) == 3
    assert peer.packets[0].marker
    assert (peer.packets[0].sequence - before.sequence) % 2**16 == 1
    assert (peer.packets[0].timestamp - before.timestamp) % 2**32 > 160 * 5  # the pause took its time


async def test_receiving_only_hears_and_sends_nothing(studio, peer):
    leg = studio.call(peer)
    leg.resume(send=False)
    await asyncio.sleep(0.05)
    peer.collect()
    peer.packets.clear()
    await peer.talk(leg.local_port, 0.3, payload=Codec.PCMU.encode(LOUD))
    assert peer.packets == []
    assert any(frame.heard is not None for frame in studio.frames[leg])


async def test_another_route_keeps_the_clock_and_the_queue(studio, peer, other_peer):
    leg = studio.call(peer)
    frames = numbered(30)
    leg.play(1, b"".join(frames))
    await peer.listen(lambda: len(peer.packets) >= 10)
    leg.connect(other_peer.address, Codec.PCMA, None)
    await other_peer.listen(lambda: len(other_peer.packets) >= 40)
    peer.collect()
    # The first tick may have come before there was anything to play.
    heard_first = [one for one in decoded(peer.packets) if any(one)]
    heard_then = [one for one in decoded(other_peer.packets, Codec.PCMA) if one != Codec.PCMA.decode(b"\xd5" * 160)]
    assert heard_then == [Codec.PCMA.decode(Codec.PCMA.encode(frame)) for frame in frames[len(heard_first) :]]
    assert (other_peer.packets[0].sequence - peer.packets[-1].sequence) % 2**16 == 1
    indices = [frame.index for frame in studio.frames[leg]]
    assert indices == list(range(len(indices)))


async def test_a_closed_call_says_bye_and_gives_no_more_frames(studio, peer):
    leg = studio.call(peer)
    await peer.listen(lambda: len(peer.packets) >= 3)
    leg.close()
    leg.close()
    await peer.listen(lambda: bool(peer.reports))
    kinds = [type(one) for one in parse_rtcp(peer.reports[-1])]
    assert kinds == [Report, Bye]
    frames, packets = len(studio.frames[leg]), len(peer.packets)
    await asyncio.sleep(0.1)
    peer.collect()
    assert (len(studio.frames[leg]), len(peer.packets)) == (frames, packets)


async def test_closing_the_engine_says_bye_for_every_call(studio, peer):
    studio.call(peer)
    await peer.listen(lambda: len(peer.packets) >= 3)
    studio.engine.close()
    await peer.listen(lambda: bool(peer.reports))
    with pytest.raises(LineError):
        studio.engine.open_leg()


async def test_all_frames_of_a_slot_come_in_one_batch(studio, peer):
    for _ in range(8):
        studio.call(peer)
    await peer.listen(lambda: len(studio.batches) >= 40)
    assert set(studio.batches[-20:]) == {2}  # eight calls in four phases


async def test_a_slow_loop_gets_its_frames_late_but_all_of_them(studio, peer):
    leg = studio.call(peer)
    await peer.listen(lambda: len(peer.packets) >= 3)
    sent = leg.stats.sent
    time.sleep(0.4)  # the loop is held; the media thread is not  # noqa: ASYNC251
    assert leg.stats.sent - sent >= 15
    await peer.listen(lambda: len(studio.frames[leg]) >= leg.stats.sent - 1)
    assert [frame.index for frame in studio.frames[leg]] == list(range(len(studio.frames[leg])))


async def test_when_ports_are_used_up_no_leg_is_opened_and_a_closed_one_rests():
    def pair_free(port):
        try:
            for offset in range(4):
                with socket.socket(type=socket.SOCK_DGRAM) as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            return False
        return True

    port = next(port for port in range(30000 + 4 * (threading.get_native_id() % 500), 32700, 4) if pair_free(port))
    engine = MediaEngine(asyncio.get_running_loop(), lambda batch: None, "127.0.0.1", port, port + 3)
    engine.start()
    try:
        legs = [engine.open_leg(), engine.open_leg()]
        assert sorted(leg.local_port for leg in legs) == [port, port + 2]
        with pytest.raises(CapacityError):
            engine.open_leg()
        legs[0].close()
        with pytest.raises(CapacityError):
            engine.open_leg()
    finally:
        engine.close()


async def test_an_idle_engine_burns_no_processor(studio, peer):
    leg = studio.call(peer)
    await peer.listen(lambda: len(peer.packets) >= 2)
    leg.close()
    await peer.listen(lambda: bool(peer.reports))
    before = time.process_time()
    await asyncio.sleep(0.5)
    assert time.process_time() - before < 0.05


async def test_threads_switch_as_before_once_the_engine_is_closed():
    before = sys.getswitchinterval()
    engine = MediaEngine(asyncio.get_running_loop(), lambda batch: None, "127.0.0.1", 20000, 20999)
    engine.start()
    assert sys.getswitchinterval() <= 0.0002
    engine.close()
    assert sys.getswitchinterval() == pytest.approx(before)


async def test_a_fault_in_one_call_is_logged_and_leaves_the_others_alone(studio, peer, other_peer, monkeypatch):
    with structlog.testing.capture_logs() as logs:
        faulty, sound = studio.call(peer), studio.call(other_peer)
        await other_peer.listen(lambda: len(other_peer.packets) >= 2)

        def fail(now_ms):
            raise RuntimeError("boom")

        monkeypatch.setattr(faulty, "frame", fail)
        count = len(other_peer.packets)
        await other_peer.listen(lambda: len(other_peer.packets) >= count + 20)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["media_fault"]
    assert len(studio.frames[sound]) > 15


async def test_ipv6_calls_have_media_too():
    try:
        peer = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        peer.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 loopback")
    peer.settimeout(5)
    frames = []
    engine = MediaEngine(asyncio.get_running_loop(), frames.extend, "::1", 20000, 29999)
    engine.start()
    try:
        leg = engine.open_leg()
        leg.connect(peer.getsockname()[:2], Codec.PCMU, None)
        assert len(await asyncio.to_thread(peer.recv, 2048)) == 172
        peer.sendto(struct.pack("!BBHII", 0x80, 0, 1, 0, 7) + b"\x90" * 160, ("::1", leg.local_port))
        async with asyncio.timeout(5):
            while not leg.stats.received:
                await asyncio.sleep(0.01)
    finally:
        engine.close()
        peer.close()
