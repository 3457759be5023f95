import time
from itertools import pairwise

import pytest

from offhook.lines.media.codec import Codec
from offhook.lines.media.control import Control
from offhook.lines.media.inbound import Inbound
from offhook.lines.media.outbound import Outbound
from offhook.lines.media.route import make_route
from offhook.lines.media.rtcp import Block, Bye, Report, SenderInfo, ntp_middle, parse_rtcp, serialize_report

PEER = ("192.0.2.1", 4000)
ROUTE = make_route(PEER, Codec.PCMU, None)


@pytest.fixture
def parts():
    inbound, outbound = Inbound(), Outbound()
    inbound.follow(ROUTE)
    return inbound, outbound, Control(inbound, outbound, "me@offhook")


def test_reports_come_every_five_seconds_or_so(parts):
    control = parts[2]
    times = [tick * 20.0 for tick in range(50 * 300) if control.due(tick * 20.0)]
    assert 45 <= len(times) <= 80  # 300 s, 2.5 to 7.5 s apart
    assert len({round(b - a) for a, b in pairwise(times)}) > 5


def test_a_sender_reports_what_it_sent_and_what_it_heard(parts, rtp):
    inbound, outbound, control = parts
    outbound.tick(ROUTE)
    for number in (0, 1, 3):
        inbound.datagram(rtp(number), PEER, 20.0 * number)
    [report] = parse_rtcp(control.report(100.0))
    assert report.sender is not None
    assert (report.sender.packets, report.sender.octets) == (1, 160)
    assert report.sender.wall_s == pytest.approx(time.time(), abs=5)
    [block] = report.blocks
    assert (block.ssrc, block.lost, block.fraction_lost) == (7, 1, 64)


def test_who_sends_nothing_gives_a_receivers_report(parts):
    [report] = parse_rtcp(parts[2].report(0.0))
    assert report.sender is None


def test_the_peers_view_of_our_packets_is_kept(parts):
    _, outbound, control = parts
    sent = ntp_middle(time.time() - 0.150)
    block = Block(outbound.ssrc, 10, 12, 100, 80, last_report=sent, delay=int(0.050 * 65536))
    other = Block(outbound.ssrc ^ 1, 0, 99, 0, 0)
    control.datagram(serialize_report(Report(9, None, (other, block)), "peer"), 0.0)
    assert (control.remote_lost, control.remote_jitter_ms) == (12, 10.0)
    assert control.round_trip_ms == pytest.approx(100, abs=50)


def test_the_peer_can_measure_its_round_trip_by_us(parts, rtp):
    inbound, _, control = parts
    inbound.datagram(rtp(0), PEER, 0.0)
    wall_s = 1_800_000_000.5
    control.datagram(serialize_report(Report(7, SenderInfo(wall_s, 0, 1, 160), ()), "peer"), 1000.0)
    [report] = parse_rtcp(control.report(3000.0))
    [block] = report.blocks
    assert block.last_report == ntp_middle(wall_s)
    assert block.delay == pytest.approx(2 * 65536, abs=2)


def test_a_report_that_came_in_after_the_tick_was_due_has_no_delay(parts, rtp):
    inbound, _, control = parts
    inbound.datagram(rtp(0), PEER, 0.0)
    control.datagram(serialize_report(Report(7, SenderInfo(1_800_000_000.5, 0, 1, 160), ()), "peer"), 1000.0)
    [report] = parse_rtcp(control.report(999.0))
    assert report.blocks[0].delay == 0


def test_broken_reports_are_counted_not_raised(parts):
    control = parts[2]
    control.datagram(b"\x81\xc9\x00", 0.0)
    assert control.malformed == 1


def test_leaving_is_said(parts):
    _, outbound, control = parts
    assert Bye(outbound.ssrc) in parse_rtcp(control.bye())
