import pytest

from offhook.errors import LineError
from offhook.lines.media.codec import Codec
from offhook.lines.media.route import make_route


def test_addresses_compare_as_the_system_writes_them():
    assert make_route(("2001:DB8:0::1", 4000), Codec.PCMU, None).address == ("2001:db8::1", 4000)


@pytest.mark.parametrize("remote", [("0.0.0.0", 4000), ("192.0.2.1", 0), ("::", 4000)])
def test_hold_addresses_are_never_sent_to(remote):
    assert not make_route(remote, Codec.PCMU, None).reachable


def test_a_name_is_refused_since_media_resolves_nothing():
    with pytest.raises(LineError, match="example"):
        make_route(("phone.example", 4000), Codec.PCMU, None)
