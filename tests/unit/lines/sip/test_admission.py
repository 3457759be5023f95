"""Who may come in, and how many a second."""

from __future__ import annotations

import pytest

from offhook.lines.sip.admission import Admission


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("10.1.2.3", True),
        ("11.0.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("fc00::1%eth0", True),
        ("2001:db8::1", False),
        ("nonsense", False),
    ],
)
def test_networks_decide(host, known):
    admission = Admission(["10.0.0.0/8", "fc00::/7"])
    assert admission.knows(host) is known
    assert admission.knows(host) is known


def test_many_strangers_fill_no_memory():
    admission = Admission(["10.0.0.0/8"])
    for number in range(10_000):
        admission.knows(f"192.0.{number // 256}.{number % 256}")
    assert len(admission._sources) <= 4096


def test_burst_is_let_in_then_the_rate():
    admission = Admission([], setups_per_s=10, burst=5)
    assert [admission.has_room(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert [admission.has_room(100.25) for _ in range(3)] == [True, True, False]
    assert [admission.has_room(200.0) for _ in range(6)] == [True] * 5 + [False]
