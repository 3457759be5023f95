"""The endpoint on real sockets: bytes that are no SIP, streams, ports, and its end."""

from __future__ import annotations

import asyncio
import socket

import pytest
from structlog.testing import capture_logs

from offhook.errors import LineError
from offhook.lines.line import Answered, Ended, Party
from offhook.lines.sip.dial import InvalidNumberError

HOST = "127.0.0.1"
OPTIONS = (
    "OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{branch};rport\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n{more}"
    "Content-Length: 0\r\n\r\n"
)


def options(transport: str = "UDP", branch: str = "x", more: str = "") -> bytes:
    return OPTIONS.format(transport=transport, branch=branch, more=more).encode()


async def ask(address: tuple[str, int], *datagrams: bytes) -> bytes:
    """Send datagrams; the first answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.setblocking(False)
        for datagram in datagrams:
            sock.sendto(datagram, address)
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65536), 5)


async def test_bytes_that_are_no_sip_are_dropped_and_logged_once(office):
    ours = await office()
    with capture_logs() as logs:
        answer = await ask(ours.address, b"\xff" * 900, b"GET / HTTP/1.1\r\n\r\n", b"\x80\x00" * 86, options())
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    dropped = [log for log in logs if log["event"] == "sip_dropped"]
    assert len(dropped) == 1
    assert dropped[0]["source"].startswith(HOST)


async def test_a_peer_that_is_gone_does_not_make_us_deaf(office):
    ours = await office()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((HOST, 0))
        gone.sendto(options(branch="gone").replace(b"OPTIONS", b"INVITE"), ours.address)
    # Our answers to it meet a closed port, and each brings back an ICMP error.
    for number in range(4):
        await asyncio.sleep(0.3)
        assert (await ask(ours.address, options(branch=f"next{number}"))).startswith(b"SIP/2.0 200 OK\r\n")


async def test_message_too_large_gets_513(office):
    ours = await office()
    answer = await ask(ours.address, options(more=f"Subject: {'x' * 30_000}\r\n"))
    assert answer.startswith(b"SIP/2.0 513 Message Too Large\r\n")


async def test_stream_of_messages_in_pieces_is_answered_on_the_same_connection(office):
    ours = await office()
    reader, writer = await asyncio.open_connection(*ours.address)
    stream = b"\r\n\r\n" + options("TCP", "one") + options("TCP", "two")
    for start in range(0, len(stream), 100):
        writer.write(stream[start : start + 100])
        await writer.drain()
        await asyncio.sleep(0)
    got = b""
    async with asyncio.timeout(5):
        while got.count(b"SIP/2.0 200 OK") < 2:
            got += await reader.read(65536)
    assert got.startswith(b"\r\nSIP/2.0 200 OK")
    writer.close()
    await writer.wait_closed()


async def test_stream_that_cannot_be_cut_is_closed(office):
    ours = await office()
    reader, writer = await asyncio.open_connection(*ours.address)
    writer.write(b"x" * 40_000)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_port_that_is_taken_is_said(office):
    ours = await office()
    with pytest.raises(LineError, match=f"SIP port 127.0.0.1:{ours.address[1]} cannot be used"):
        await office(port=ours.address[1])


async def test_closing_hangs_up_what_is_talking_and_what_rings(office):
    ours, theirs = await office(), await office()
    quiet = await office(take=lambda line: line.ring())
    talking, ringing = ours.dial(theirs.uri), ours.dial(quiet.uri)
    await talking.until(Answered)
    await asyncio.wait_for(ours.endpoint.close(), 5)
    assert talking.ends == [Ended(Party.PLATFORM, None, "we hung up")]
    assert (await (await theirs.talk()).until(Ended)) == Ended(Party.CALLER, None, "BYE")
    assert (await (await quiet.talk()).until(Ended)).party is Party.CALLER
    assert ringing.ends == [Ended(Party.PLATFORM, 487, "we cancelled the call")]


async def test_two_of_us_hear_each_other_over_tcp(office, tone_of):
    ours, theirs = await office(), await office()
    talk = ours.dial(f"{theirs.uri};transport=tcp")
    await talk.until(Answered)
    other = await theirs.talk()
    await talk.listen(0.2)
    assert tone_of(await talk.listen(0.6), 1100) > 0.8
    await asyncio.wait_for(other.line.hang_up(), 5)
    assert await talk.until(Ended) == Ended(Party.CALLEE, None, "BYE")


async def test_number_without_a_proxy_cannot_be_dialled_and_takes_no_port(office):
    ours = await office()
    with pytest.raises(InvalidNumberError, match="no proxy"):
        ours.dial("+33123456789")
    assert ours.endpoint._media._legs == set()


async def test_whoever_takes_calls_and_fails_lets_the_caller_know(office):
    def fail(line):
        raise RuntimeError("no directory")

    ours, theirs = await office(), await office(take=fail)
    with capture_logs() as logs:
        ended = await ours.dial(theirs.uri).until(Ended)
    assert ended.code == 500
    assert "call_not_taken" in [log["event"] for log in logs]
