"""Addresses, and what is a phone number."""

from __future__ import annotations

import pytest

from offhook.lines.sip.address import AddressError, Hop, Transport, caller_or_callee, next_hop, read_name_addr


@pytest.mark.parametrize(
    ("value", "uri", "display", "parameters"),
    [
        ("<sip:a@x;lr>;tag=1;X", "sip:a@x;lr", "", {"tag": "1", "x": ""}),
        ('"A, \\"B\\" <c>" <sip:a@x>;q="0.5"', "sip:a@x", 'A, \\"B\\" <c>', {"q": "0.5"}),
        ("Alice B <sip:a@x>", "sip:a@x", "Alice B", {}),
        ("sip:a@x;tag=1", "sip:a@x", "", {"tag": "1"}),
        ('"Watson, Thomas" < sip:t@example.org >', "sip:t@example.org", "Watson, Thomas", {}),
    ],
)
def test_name_addr_is_read(value, uri, display, parameters):
    address = read_name_addr(value)
    assert (address.uri, address.display, address.parameters) == (uri, display, parameters)


@pytest.mark.parametrize("value", ["", "<sip:a@x", "<>", '"x"', '"x" sip:a@x', ";tag=1"])
def test_what_is_no_address_is_refused(value):
    with pytest.raises(AddressError):
        read_name_addr(value)


@pytest.mark.parametrize(
    ("uri", "party"),
    [
        ("sip:+33123456789@trunk.example", "+33123456789"),
        ("sip:100@10.0.0.1:5070;transport=udp", "100"),
        ("sip:+33123;npdi@x", "+33123"),
        ("tel:+33123", "+33123"),
        ("SIP:alice@x.example:5070;transport=tcp?a=b", "sip:alice@x.example:5070"),
        ("sip:alice:pass@x", "sip:alice@x"),
        ("sip:x.example", "sip:x.example"),
        ("sip:a%0d%0ab@x", "sip:a%0d%0ab@x"),
        ("sip:+33x@y", "sip:+33x@y"),
        ("mailto:x", "mailto:x"),
    ],
)
def test_party_is_its_number_or_its_uri(uri, party):
    assert caller_or_callee(uri) == party


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@10.0.0.2", Hop(Transport.UDP, "10.0.0.2", 5060)),
        ("sip:a@h.example:5070;transport=TCP", Hop(Transport.TCP, "h.example", 5070)),
        ("sip:a@h;maddr=10.0.0.9", Hop(Transport.UDP, "10.0.0.9", 5060)),
        ("sip:a@[2001:db8::1]:5080", Hop(Transport.UDP, "2001:db8::1", 5080)),
    ],
)
def test_next_hop_is_where_the_uri_points(uri, hop):
    assert next_hop(uri) == hop


@pytest.mark.parametrize("uri", ["tel:+33", "sips:a@x", "sip:a@x;transport=sctp", "sip:a@x:99999", "sip:", "x"])
def test_next_hop_that_cannot_be_reached_is_said(uri):
    with pytest.raises(AddressError):
        next_hop(uri)


@pytest.mark.parametrize("host", ["pbx1", "asterisk01.lan", "sip-proxy-0", "my_pbx_1", "a.b2.c3", "x"])
def test_host_names_as_people_give_them(host):
    assert next_hop(f"sip:100@{host}:5070;lr") == Hop(Transport.UDP, host, 5070)
    assert next_hop(f"sip:{host}").host == host


@pytest.mark.parametrize("host", ["-x", "x..y", "1.2.3.x-", "a b", "é"])
def test_host_names_that_are_none(host):
    with pytest.raises(AddressError):
        next_hop(f"sip:100@{host}")
