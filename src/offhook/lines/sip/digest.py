"""Digest authentication, the client's half (RFC 3261 §22, RFC 7616, RFC 8760: MD5 and SHA-256, qop auth)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.lines.sip.message import Response

_SCHEME = re.compile(r"\s*Digest\s+", re.IGNORECASE)
_PARAMETER = re.compile(r'\s*([A-Za-z0-9\-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)\s*(?:,|\Z)')
# Strongest first: with several challenges for a realm the first one understood is to be taken (RFC 7616 §3.7).
_ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),  # the protocol's own choice
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge that we can answer. ``answer_header`` is where the credentials go."""

    answer_header: str
    realm: str
    nonce: str
    algorithm: str
    session: bool
    qop: str | None
    opaque: str | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we say we are."""

    username: str
    password: str = field(repr=False)


def challenges(response: Response) -> list[Challenge]:
    """The challenges of a 401 or 407 that we can answer, the strongest first; others are passed over."""
    name, answer = (
        ("WWW-Authenticate", "Authorization") if response.code == 401 else ("Proxy-Authenticate", "Proxy-Authorization")
    )
    found = [one for value in response.headers.all(name) if (one := _challenge(value, answer)) is not None]
    order = list(_ALGORITHMS)
    return sorted(found, key=lambda one: order.index(one.algorithm))


def _challenge(value: str, answer_header: str) -> Challenge | None:
    scheme = _SCHEME.match(value)
    if scheme is None:
        return None
    given = _parameters(value, scheme.end())
    algorithm = given.get("algorithm", "MD5").upper()
    session = algorithm.endswith("-SESS")
    algorithm = algorithm.removesuffix("-SESS")
    offered = [one.strip().lower() for one in given["qop"].split(",")] if "qop" in given else None
    if algorithm not in _ALGORITHMS or not given.get("nonce") or (offered is not None and "auth" not in offered):
        return None
    return Challenge(
        answer_header=answer_header,
        realm=given.get("realm", ""),
        nonce=given["nonce"],
        algorithm=algorithm,
        session=session,
        qop="auth" if offered else None,
        opaque=given.get("opaque"),
        stale=given.get("stale", "").lower() == "true",
    )


def _parameters(value: str, start: int) -> dict[str, str]:
    """``name=value`` pairs up to the first thing that is none.

    Not ``sipmessage``'s: it splits ``qop="auth,auth-int"`` at the comma, and backtracks without end on many quotes.
    """
    given: dict[str, str] = {}
    while (found := _PARAMETER.match(value, start)) is not None:
        given[found[1].lower()] = _unquote(found[2])
        start = found.end()
    return given


def answer(
    challenge: Challenge, credentials: Credentials, method: str, uri: str, *, cnonce: str, count: int = 1
) -> tuple[str, str]:
    """The header that answers a challenge: its name and its value."""
    digest = _ALGORITHMS[challenge.algorithm]

    def hashed(*parts: str) -> str:
        # Bytes that are no UTF-8 are hashed as they came.
        return digest(":".join(parts).encode("utf-8", "surrogateescape"))

    secret = hashed(credentials.username, challenge.realm, credentials.password)
    if challenge.session:
        secret = hashed(secret, challenge.nonce, cnonce)
    action = hashed(method, uri)
    number = f"{count:08x}"
    if challenge.qop:
        response = hashed(secret, challenge.nonce, number, cnonce, challenge.qop, action)
    else:
        response = hashed(secret, challenge.nonce, action)
    named = challenge.algorithm + ("-sess" if challenge.session else "")
    fields = [
        f"username={_quote(credentials.username)}",
        f"realm={_quote(challenge.realm)}",
        f"nonce={_quote(challenge.nonce)}",
        f"uri={_quote(uri)}",
        f'response="{response}"',
        f"algorithm={named}",
    ]
    if challenge.qop or challenge.session:
        fields.append(f'cnonce="{cnonce}"')
    if challenge.qop:
        fields += [f"qop={challenge.qop}", f"nc={number}"]
    if challenge.opaque is not None:
        fields.append(f"opaque={_quote(challenge.opaque)}")
    return challenge.answer_header, f"Digest {', '.join(fields)}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
