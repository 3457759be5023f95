"""URLs of this server to a recording: signed and expiring, or stable.

A signed URL is made like an AWS SigV4 presigned one: method, path, moment and term are under an HMAC-SHA256 of the
server's secret key, so that none of them can be changed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

ALGORITHM: Final = "OFFHOOK-HMAC-SHA256"
EXPIRES_S: Final = 3600  # the API's contract for secure recording URLs
_TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_SIGNED_NAMES: Final = ("X-Offhook-Algorithm", "X-Offhook-Date", "X-Offhook-Expires")
SIGNATURE: Final = "X-Offhook-Signature"
# Asks for another container of the same sound; grants nothing more, so a client may add it to the URL it was given.
UNSIGNED_NAMES: Final = frozenset({"format"})


class Linker:
    """Makes and checks URLs under a secret key."""

    def __init__(self, secret_key: str) -> None:
        # A key of its own per purpose: a signature made elsewhere with the server's key is none here.
        self._key = hmac.digest(secret_key.encode(), b"offhook recording links", "sha256")

    def signed(self, path: str, now: float, *, method: str = "GET", expires_s: int = EXPIRES_S) -> str:
        """The path with the query that lets ``method`` in until ``now + expires_s`` (Unix seconds)."""
        date = datetime.fromtimestamp(now, UTC).strftime(_TIME_FORMAT)
        values = (ALGORITHM, date, str(expires_s))
        query = dict(zip(_SIGNED_NAMES, values, strict=True))
        query[SIGNATURE] = self._sign(method, path, values)
        return f"{quote(path)}?{urlencode(query)}"

    def allows(self, method: str, path: str, query: Iterable[tuple[str, str]], now: float) -> bool:
        """Whether the query is what ``signed`` made for this method and path, and its term isn't over."""
        pairs = [(name, value) for name, value in query if name not in UNSIGNED_NAMES]
        given = dict(pairs)
        if len(pairs) != len(given) or given.keys() != {*_SIGNED_NAMES, SIGNATURE}:
            return False
        values = tuple(given[name] for name in _SIGNED_NAMES)
        expected = self._sign(method, path, values).encode()
        if not hmac.compare_digest(expected, given[SIGNATURE].encode("utf-8", "surrogatepass")):
            return False
        # Signed by us, so both parse.
        began = datetime.strptime(values[1], _TIME_FORMAT).replace(tzinfo=UTC).timestamp()
        return now < began + int(values[2])

    def _sign(self, method: str, path: str, values: Iterable[str]) -> str:
        text = "\n".join((method.upper(), path, *values))
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()
