"""Calls that are announced before they come in: made ready, then waiting for the INVITE that names them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from offhook.calls.journal import Journal
from offhook.calls.live import CallPlan, voice_of
from offhook.conversation.clauses import ClauseSplitter
from offhook.errors import ProviderError
from offhook.models.speech import Synthesizer
from offhook.record.events import Flagged, StatusChanged
from offhook.record.lifecycle import FINAL, EndCode, EndReason, Status

log = structlog.get_logger(__name__)

WAIT_S = 60.0  # the contract: without an INVITE by then the call is over
PREPARE_LIMIT_S = 10.0  # a greeting takes a second or two to speak; who has to wait longer than this had better call
HEADERS = ("x-rounded-call-id", "x-offhook-call-id")
RATE_HZ = 8000


@dataclass(slots=True)
class StagedCall:
    """A call without a line yet. ``ready`` is done when everything is prepared."""

    plan: CallPlan
    journal: Journal
    to_number: str
    ready: asyncio.Task[None] | None = None
    expiry: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.plan.call_id


class StagedCalls:
    """The staged calls of this process, each of which holds a place until it is taken or over."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        wall: Callable[[], float],
        wait_s: float = WAIT_S,
        prepare: Callable[[CallPlan], Awaitable[CallPlan]] | None = None,
    ) -> None:
        self._synthesizer, self._wall, self._wait_s, self._prepare_plan = synthesizer, wall, wait_s, prepare
        self._calls: dict[str, StagedCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: StagedCall) -> None:
        """Begin to prepare a call; from now on an INVITE may take it."""
        self._calls[call.call_id] = call
        call.ready = asyncio.create_task(self._prepare(call), name=f"stage-{call.call_id}")
        call.expiry = asyncio.get_running_loop().call_later(self._wait_s, self._expire, call.call_id)

    def get(self, call_id: str) -> StagedCall | None:
        """A call that still waits."""
        return self._calls.get(call_id)

    def named_by(self, headers: Mapping[str, str]) -> tuple[str | None, StagedCall | None]:
        """The id that an INVITE names, and the call that waits under it."""
        for name, value in headers.items():
            if name.lower() in HEADERS:
                named = value.strip().lower()
                return named, self._calls.get(named)
        return None, None

    def take(self, call: StagedCall) -> bool:
        """Hand a call over to the line that came for it; False: it is over, or another one was faster."""
        if self._calls.pop(call.call_id, None) is None:
            return False
        self._stop(call)
        return True

    def end(self, call_id: str, reason: EndReason, status: Status) -> StagedCall | None:
        """End a call that nobody came for; None when it doesn't wait."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return None
        self._stop(call)
        if call.journal.record.status not in FINAL:
            call.journal.add(StatusChanged(at=self._wall(), status=status, end_reason=reason))
        log.info("staged_call_over", call_id=call_id, code=reason.code.value, detail=reason.detail)
        return call

    async def close(self, reason: EndReason) -> None:
        """End them all."""
        ended = [self.end(call_id, reason, Status.FAILED) for call_id in tuple(self._calls)]
        for call in ended:
            if call is not None:
                await call.journal.durable()

    def _expire(self, call_id: str) -> None:
        detail = f"staged, and no INVITE came within {self._wait_s:g} s"
        self.end(call_id, EndReason(EndCode.NO_ANSWER, "caller", detail), Status.NO_ANSWER)

    async def _prepare(self, call: StagedCall) -> None:
        """Ask what the agent wants to know, and have the greeting spoken with this caller's values in it."""
        if self._prepare_plan is not None:
            call.plan = await self._prepare_plan(call.plan)
        greeting, config = call.plan.dialogue.greeting(), call.plan.config
        try:
            if greeting:
                splitter = ClauseSplitter()
                clauses = [*splitter.feed(greeting), *splitter.end()]
                await self._synthesizer.prepare(clauses, voice_of(config), RATE_HZ)
        except ProviderError as error:
            # The call can be held all the same: its greeting only comes a little later.
            log.warning("staged_call_not_rehearsed", call_id=call.call_id, error=str(error))
            call.journal.add(Flagged(at=self._wall(), code="greeting_not_prepared", detail=str(error)))
        call.journal.add(StatusChanged(at=self._wall(), status=Status.STAGED))
        await call.journal.durable()

    @staticmethod
    def _stop(call: StagedCall) -> None:
        if call.expiry is not None:
            call.expiry.cancel()
        # What is half prepared would only compete with the call itself.
        if call.ready is not None:
            call.ready.cancel()
