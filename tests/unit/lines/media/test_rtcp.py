import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.media.rtcp import (
    Block,
    Bye,
    Report,
    RtcpError,
    SenderInfo,
    is_rtcp,
    parse_rtcp,
    serialize_bye,
    serialize_report,
)

BLOCK = Block(ssrc=7, fraction_lost=64, lost=-3, highest=70000, jitter=160, last_report=5, delay=6)


def test_a_receivers_report_survives_the_wire():
    report = Report(1, None, (BLOCK,))
    assert parse_rtcp(serialize_report(report, "a@b")) == [report]


def test_a_senders_report_keeps_its_clock_to_the_millisecond():
    info = SenderInfo(wall_s=1_800_000_000.25, timestamp=99, packets=10, octets=1600)
    [report] = parse_rtcp(serialize_report(Report(1, info, ()), "a@b"))
    assert report.sender is not None
    assert report.sender.wall_s == pytest.approx(info.wall_s, abs=1e-3)
    assert (report.sender.timestamp, report.sender.packets, report.sender.octets) == (99, 10, 1600)


def test_leaving_is_said_in_a_compound_packet_that_begins_with_a_report():
    data = serialize_bye(5, "name@offhook")
    assert parse_rtcp(data) == [Report(5, None, ()), Bye(5)]
    assert b"name@offhook" in data


@pytest.mark.parametrize("name", ["a", "ab", "abc", "abcd", "abcde"])
def test_packets_end_on_word_boundaries(name):
    assert len(serialize_report(Report(1, None, ()), name)) % 4 == 0


def test_rtcp_is_told_from_rtp_on_one_port():
    assert is_rtcp(serialize_bye(1, "x"))
    assert not is_rtcp(b"\x80\x00" + b"\0" * 20)
    assert not is_rtcp(b"\x80\xe5" + b"\0" * 20)  # payload type 101 with the marker


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        b"\x40\xc9\0\x01\0\0\0\x01",
        b"\x80\xc9\0\x05\0\0\0\x01",
        b"\x81\xc9\0\x01\0\0\0\x01",
        b"\x81\xcb\0\0",
    ],
    ids=["short", "version", "length", "block missing", "nobody leaves"],
)
def test_broken_reports_are_refused(data):
    with pytest.raises(RtcpError):
        parse_rtcp(data)


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x81\xc8", b"\x81\xc9", b"\x82\xcb", b"\x80\xca"]))
def test_any_bytes_are_reports_or_an_rtcp_error(data, start):
    try:
        parse_rtcp(start + data)
    except RtcpError:
        return
