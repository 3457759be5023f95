"""One answer's hands on a call: each deed waits until the conversation says that its moment has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from offhook.conversation.events import Acted, AgentDone, Deed, Intended, Piece
from offhook.errors import LineError
from offhook.lines.line import Line

Told = Piece | AgentDone | Intended | Acted


@dataclass(frozen=True, slots=True)
class Links:
    """What answers need of their call. ``await_beep`` has it listen for a machine's beep from now on."""

    line: Line
    tell: Callable[[Told], None]
    now_ms: Callable[[], int]
    await_beep: Callable[[], None]


class CallDeeds:
    """Deeds of one utterance; ``act`` is told when the conversation allows what it waits for."""

    def __init__(self, links: Links, utterance: int) -> None:
        self._links, self._utterance = links, utterance
        self._due: asyncio.Future[None] | None = None

    def act(self) -> None:
        """The moment has come."""
        if self._due is not None and not self._due.done():
            self._due.set_result(None)

    async def certain(self) -> None:
        """Return once the turn is certainly over."""
        await self._moment(Deed.ACT)

    async def beep(self, limit_s: float) -> None:
        """Return when the machine is ready for a message."""
        self._links.await_beep()
        await self._moment(Deed.MESSAGE, int(limit_s * 1000))

    async def transfer(self, destination: str, mode: Literal["blind", "attended"]) -> str | None:
        """Hand the caller over when all was said; why it failed, if it did."""
        await self._moment(Deed.HAND_OVER)
        try:
            await self._links.line.transfer(destination, attended=mode == "attended")
        except LineError as error:
            self._links.tell(Acted(self._links.now_ms(), self._utterance))
            return f"the transfer failed, the caller is still here: {error}"
        return None

    async def send_text(self, text: str) -> str | None:
        """Have the line's carrier send a message; why it didn't, if so."""
        try:
            await self._links.line.send_text(text)
        except LineError as error:
            return f"the message was not sent: {error}"
        return None

    async def _moment(self, deed: Deed, limit_ms: int = 0) -> None:
        links = self._links
        # Made before it is told: the answer may come while telling.
        self._due = asyncio.get_running_loop().create_future()
        links.tell(Intended(links.now_ms(), self._utterance, deed, limit_ms))
        await self._due
