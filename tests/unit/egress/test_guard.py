"""Which addresses a user's URL may reach."""

import pytest

from offhook.egress.guard import Guard


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"]
)
def test_the_public_internet_is_reachable(address):
    assert Guard().permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
        "169.254.169.254", "168.63.129.16", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.192",
        "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1", "2002:7f00:1::", "2002:a00:1::",
        "2001:0:a00:1::1",
        "", "localhost", "1", "0x7f000001", "127.1",
    ],
)  # fmt: skip
def test_everything_else_is_not(address):
    assert not Guard().permits(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd12::7"])
def test_what_the_operator_lists_is_let_through(address):
    assert Guard(["10.1.0.0/16", "fd12::/64"]).permits(address)


@pytest.mark.parametrize("address", ["10.2.0.1", "127.0.0.1", "fd13::7"])
def test_and_nothing_beside_it(address):
    assert not Guard(["10.1.0.0/16", "fd12::/64"]).permits(address)
