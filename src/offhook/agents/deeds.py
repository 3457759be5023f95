"""What an answer does beside talking, as the call behind it carries it out."""

from __future__ import annotations

from typing import Literal, Protocol


class Deeds(Protocol):
    """One answer's hands. Cancelling a wait drops the deed: then it never happened."""

    async def certain(self) -> None:
        """Return once the caller's turn is certainly over: what is done from here on stands, whatever they say."""

    async def transfer(self, destination: str, mode: Literal["blind", "attended"]) -> str | None:
        """Hand the caller over after what was said; None when it worked, else why the caller is still here."""

    async def beep(self, limit_s: float) -> None:
        """Return when an answering machine is ready for a message: its beep, silence, or the time limit."""

    async def send_text(self, text: str) -> str | None:
        """Send a text message to the other party; None when it was taken, else why not."""


class AtOnce:
    """Deeds of a dialogue in writing, where a turn is certain as it comes and all goes well."""

    async def certain(self) -> None:
        """It is."""

    async def transfer(self, destination: str, mode: Literal["blind", "attended"]) -> str | None:  # noqa: ARG002 - the protocol's
        """Done."""
        return None

    async def beep(self, limit_s: float) -> None:
        """No machine to wait for."""

    async def send_text(self, text: str) -> str | None:  # noqa: ARG002 - the protocol's
        """Sent."""
        return None
