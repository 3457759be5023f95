"""Secrets at rest: sealed with a key derived from OFFHOOK_SECRET_KEY, so that a copy of the database opens nothing.

AES-256-GCM under a key that HKDF-SHA256 derives from the secret key. Each value is bound to what it is for (such as
``webhook:<endpoint>``): moved into another row it can't be opened.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from offhook.errors import SealError

_PREFIX = "v1."
_NONCE_BYTES = 12  # GCM's own length; random, and 2^32 values under one key are far off


class Sealer:
    """Seals and opens text. ``secret_key`` is the installation's."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"offhook secrets at rest v1").derive(secret_key.encode())
        self._cipher = AESGCM(derived)

    def seal(self, text: str, purpose: str) -> str:
        """Sealed text, to be stored; it is some 60 characters longer."""
        nonce = os.urandom(_NONCE_BYTES)
        return _PREFIX + base64.b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), purpose.encode())).decode()

    def open(self, sealed: str, purpose: str) -> str:
        """The text again. Raises SealError."""
        try:
            if not sealed.startswith(_PREFIX):
                raise SealError("not a sealed value")
            raw = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealError(
                "a stored secret can't be opened: OFFHOOK_SECRET_KEY is another one than when it was stored "
                "(servers that share a database need the same)"
            ) from error
