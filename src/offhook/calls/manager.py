"""All calls of this process: who may come in, how one is placed, and the orderly end of them all."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

import structlog

from offhook.agents.dialogue import Dialogue
from offhook.calls.directory import AgentVersion, Directory, Number
from offhook.calls.journal import Journal, Watcher
from offhook.calls.live import CallPlan, LiveCall
from offhook.calls.services import Services
from offhook.errors import CapacityError, ConfigurationError, LineError, NotFoundError
from offhook.lines.line import Line
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.endpoint import SipEndpoint
from offhook.record.events import CallCreated, MetadataChanged, StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 10  # an average turn of a queue; callers' switches try again after it
RING_LIMIT_S = 60  # three rings more than most people's voicemail waits
SHUTDOWN_LIMIT_S = 8.0


@dataclass(frozen=True, slots=True)
class PhoneCallRequest:
    """An outbound call as asked for; ``agent_version`` None takes the published one."""

    organization_id: str
    from_number: str
    to_number: str
    agent_id: str
    variables: dict[str, Any]
    custom_headers: dict[str, str]
    metadata: dict[str, Any]
    agent_version: int | None = None
    max_ring_s: int | None = None


class CallManager:
    """Admission, life and shutdown of calls. ``capacity`` is how many this process carries well."""

    def __init__(self, services: Services, directory: Directory, capacity: int) -> None:
        self._services, self._directory = services, directory
        self.capacity = capacity
        self.watchers: list[Watcher] = []
        self._calls: dict[str, LiveCall] = {}
        self._wrapping: set[asyncio.Task[None]] = set()
        self._endpoint: SipEndpoint | None = None
        self._draining = False

    def attach(self, endpoint: SipEndpoint) -> None:
        """The SIP endpoint that outbound calls leave by."""
        self._endpoint = endpoint

    @property
    def active(self) -> int:
        """Calls that live now."""
        return len(self._calls)

    @property
    def has_room(self) -> bool:
        """Whether one more call would be carried well."""
        return not self._draining and self.active < self.capacity

    # ------------------------------------------------------------------ inbound

    def incoming(self, line: Line) -> None:
        """A call came in: refuse it with the code that says why, or answer it."""
        facts = line.facts
        if not self.has_room:
            log.warning("call_refused_busy", to=facts.to_number, active=self.active, capacity=self.capacity)
            line.reject(503, RETRY_AFTER_S)
            return
        number = self._directory.number(facts.to_number)
        if number is None:
            log.warning("call_to_unknown_number", to=facts.to_number, source=facts.remote)
            line.reject(404)
            return
        agent = self._directory.inbound_agent(number)
        if agent is None:
            log.warning("call_to_number_without_agent", to=facts.to_number)
            line.reject(480)
            return
        call = self._create(
            agent, line, direction="inbound", from_number=facts.from_number, to_number=number.number,
            organization_id=number.organization_id, variables={}, metadata={},
        )  # fmt: skip
        call.journal.add(StatusChanged(at=time.time(), status=Status.RINGING))
        line.ring()
        line.answer()

    # ------------------------------------------------------------------ outbound

    async def start_phone_call(self, request: PhoneCallRequest) -> str:
        """Place a call; its id. Raises CapacityError, NotFoundError, ConfigurationError."""
        if self._endpoint is None:
            raise ConfigurationError("SIP is not running here: outbound calls cannot be placed")
        if not self.has_room:
            raise CapacityError(f"all {self.capacity} places for calls are taken", RETRY_AFTER_S)
        number = self._directory.number(request.from_number)
        if number is None or number.organization_id != request.organization_id:
            raise NotFoundError(f"from_number: {request.from_number} is not a number of this organization")
        agent = self._directory.agent(request.organization_id, request.agent_id, request.agent_version)
        if agent is None:
            raise NotFoundError(f"agent_id: no published agent {request.agent_id}")
        dial = self._dial(number, request)
        try:
            line = self._endpoint.dial(dial)
        except LineError as error:
            raise ConfigurationError(f"to_number: {error}") from error
        call = self._create(
            agent, line, direction="outbound", from_number=number.number, to_number=request.to_number,
            organization_id=request.organization_id, variables=request.variables, metadata=request.metadata,
        )  # fmt: skip
        call.journal.add(StatusChanged(at=time.time(), status=Status.INITIATED))
        await call.journal.durable()
        return call.call_id

    def _dial(self, number: Number, request: PhoneCallRequest) -> Dial:
        trunk = self._directory.trunk(number)
        return Dial(
            to=request.to_number,
            from_=number.number,
            headers=request.custom_headers,
            ring_timeout_s=request.max_ring_s or RING_LIMIT_S,
            proxy=trunk.proxy if trunk else None,
            username=trunk.username if trunk else None,
            password=trunk.password if trunk else None,
        )

    # ------------------------------------------------------------------ while they live

    async def terminate(self, call_id: str) -> None:
        """End a call because the API says so; nothing happens when it is over."""
        call = self._calls.get(call_id)
        if call is not None:
            await call.end(EndReason(EndCode.TERMINATED_BY_API, "platform", "POST /v1/calls/{id}/terminate"))

    async def update_metadata(self, call_id: str, metadata: dict[str, Any]) -> bool:
        """Set a live call's metadata; False when it doesn't live here."""
        call = self._calls.get(call_id)
        if call is None:
            return False
        call.journal.add(MetadataChanged(at=time.time(), metadata=metadata))
        await call.journal.durable()
        return True

    def record(self, call_id: str) -> CallRecord | None:
        """The record of a live call."""
        call = self._calls.get(call_id)
        return call.journal.record if call else None

    async def close(self) -> None:
        """Take no more calls, end those in progress properly, and wait until their recordings are stored."""
        self._draining = True
        reason = EndReason(EndCode.PLATFORM_FAILURE, "platform", "the server is shutting down")
        ends = [call.end(reason) for call in tuple(self._calls.values())]
        if ends:
            await asyncio.wait(ends, timeout=SHUTDOWN_LIMIT_S)
        if self._wrapping:
            # What isn't encoded by then stays on its tape, and the next start finishes it.
            await asyncio.wait(self._wrapping, timeout=SHUTDOWN_LIMIT_S)

    def _create(
        self, agent: AgentVersion, line: Line, *, direction: str, from_number: str, to_number: str,
        organization_id: str, variables: dict[str, Any], metadata: dict[str, Any],
    ) -> LiveCall:  # fmt: skip
        now, call_id = time.time(), str(uuid.uuid4())
        created = CallCreated(
            at=now, call_id=call_id, organization_id=organization_id, agent_id=agent.agent_id,
            agent_version=agent.version, configuration_id=agent.configuration_id, direction=direction,
            from_number=from_number, to_number=to_number, metadata=metadata, initial_variable_values=variables,
            carrier_call_id=line.facts.carrier_call_id, secure_recording_url=agent.config.secure_recording_urls,
        )  # fmt: skip
        journal = Journal(CallRecord.create(created), self._services.writer, tuple(self.watchers))
        journal.start()
        dialogue = Dialogue.start(
            agent.config, variables,
            call_id=call_id, from_number=from_number, to_number=to_number, call_start_time=now,
        )  # fmt: skip
        prices = self._directory.prices(organization_id)
        plan = CallPlan(call_id, organization_id, direction, agent.config, dialogue, prices, variables)
        call = LiveCall(plan, line, journal, self._services, self._over)
        self._calls[call_id] = call
        log.info("call_created", call_id=call_id, direction=direction, from_number=from_number, to_number=to_number)
        return call

    def _over(self, call: LiveCall) -> None:
        self._calls.pop(call.call_id, None)
        if call.wrap_up is not None:
            self._wrapping.add(call.wrap_up)
            call.wrap_up.add_done_callback(self._wrapped)

    def _wrapped(self, task: asyncio.Task[None]) -> None:
        self._wrapping.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("recording_failed", task=task.get_name(), error=repr(error))
