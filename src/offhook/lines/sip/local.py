"""Our own end's names: what we write into Via, Contact and From, and the random tokens in them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.lines.sip.address import Transport, bracketed
from offhook.lines.sip.message import MAGIC_COOKIE


def _token() -> str:
    # 64 bits: more than the 32 that RFC 3261 §19.3 asks of a tag.
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Local:
    """``host_for`` tells the address by which a remote host reaches us; ``token`` makes random names."""

    host_for: Callable[[str], str]
    port: int
    token: Callable[[], str] = field(default=_token)

    def via(self, transport: Transport, remote: str) -> str:
        """A new Via with a new branch, asking for ``rport`` (RFC 3581)."""
        host = bracketed(self.host_for(remote))
        return f"SIP/2.0/{transport} {host}:{self.port};branch={MAGIC_COOKIE}{self.token()};rport"

    def contact(self, user: str, transport: Transport, remote: str) -> str:
        """Our Contact towards a remote host."""
        suffix = "" if transport is Transport.UDP else f";transport={transport.lower()}"
        prefix = f"{user}@" if user else ""
        return f"<sip:{prefix}{bracketed(self.host_for(remote))}:{self.port}{suffix}>"
