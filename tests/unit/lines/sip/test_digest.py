"""Digest credentials, against the examples of the RFCs and other people's challenges."""

from __future__ import annotations

import hashlib

import pytest

from offhook.lines.sip.digest import Credentials, answer, challenges
from offhook.lines.sip.message import Headers, Response


def challenged(*values: str, code: int = 401):
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    return challenges(Response(Headers((name, value) for value in values), code=code))


RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_response_is_that_of_rfc_7616_section_3_9_1(algorithm, expected):
    challenge = challenged(RFC_7616.format(algorithm))[0]
    name, value = answer(
        challenge,
        Credentials("Mufasa", "Circle of Life"),
        "GET",
        "/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert name == "Authorization"
    assert f'response="{expected}"' in value
    assert "qop=auth, nc=00000001" in value


def test_response_without_qop_is_that_of_rfc_2069_as_old_switches_want_it():
    challenge = challenged('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')[0]
    _, value = answer(challenge, Credentials("Mufasa", "CircleOfLife"), "GET", "/dir/index.html", cnonce="x")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in value
    assert "nc=" not in value


def test_session_algorithm_hashes_the_nonces_into_the_secret():
    plain = challenged('Digest realm="r", nonce="n", qop="auth", algorithm=MD5')[0]
    session = challenged('Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess')[0]
    ours = Credentials("u", "p")
    one, other = (answer(challenge, ours, "INVITE", "sip:x", cnonce="c")[1] for challenge in (plain, session))
    assert one != other
    assert "algorithm=MD5-sess" in other


def test_strongest_algorithm_is_taken():
    found = challenged('Digest realm="r", nonce="1", algorithm=MD5', 'Digest realm="r", nonce="2", algorithm=SHA-256')
    assert [one.algorithm for one in found] == ["SHA-256", "MD5"]


@pytest.mark.parametrize(
    "value",
    [
        'Basic realm="r"',
        'Digest realm="r", nonce="n", algorithm=SHA3-999',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r"',
        "Digest",
        "",
        'Digest realm="unclosed, nonce=',
    ],
)
def test_challenge_that_we_cannot_answer_is_passed_over(value):
    assert challenged(value) == []


def test_proxy_challenge_is_answered_in_its_own_header():
    assert challenged('Digest realm="r", nonce="n"', code=407)[0].answer_header == "Proxy-Authorization"


def test_quotes_in_names_are_escaped():
    challenge = challenged('Digest realm="a \\"b\\"", nonce="n"')[0]
    assert challenge.realm == 'a "b"'
    assert 'realm="a \\"b\\""' in answer(challenge, Credentials('u"', "p"), "INVITE", "sip:x", cnonce="c")[1]


def test_password_stays_out_of_the_log():
    assert "secret" not in repr(Credentials("u", "secret"))


def test_many_quoted_parameters_are_read_in_linear_time():
    # A regular expression that can read this in many ways never comes back.
    assert challenged("Digest " + 'x="",' * 2000 + "!") == []


def test_a_realm_that_is_no_text_is_answered_by_its_bytes():
    """RFC 7616 §3.4.1: what is hashed is what came, in whatever encoding."""
    realm = b"caf\xe9".decode("utf-8", "surrogateescape")
    challenge = challenged(f'Digest realm="{realm}", nonce="n"')[0]
    _, value = answer(challenge, Credentials("a", "b"), "INVITE", "sip:x", cnonce="c")
    secret = hashlib.md5(b"a:caf\xe9:b").hexdigest()
    action = hashlib.md5(b"INVITE:sip:x").hexdigest()
    assert f'response="{hashlib.md5(f"{secret}:n:{action}".encode()).hexdigest()}"' in value
