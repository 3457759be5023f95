"""All calls of this process: who may come in, how one is placed, and the orderly end of them all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import structlog

from offhook.agents.dialogue import Dialogue
from offhook.calls.directory import AgentVersion, Origin, Phonebook, Route
from offhook.calls.journal import Journal, Watcher
from offhook.calls.live import CallPlan, LiveCall
from offhook.calls.request import PhoneCallRequest
from offhook.calls.services import Services
from offhook.errors import CapacityError, ConfigurationError, LineError
from offhook.lines.line import Ended, Line, LineEvent
from offhook.lines.sip.dial import Dial
from offhook.record.cost import PriceList
from offhook.record.events import CallCreated, MetadataChanged, StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.trunks import Trunk

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 10  # an average turn of a queue; callers' switches try again after it
RING_LIMIT_S = 60  # three rings more than most people's voicemail waits
SHUTDOWN_LIMIT_S = 8.0
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Parties:
    """Who calls whom, for which organization, and what that costs."""

    direction: str
    from_number: str
    to_number: str
    organization_id: str
    prices: PriceList


class Dialler(Protocol):
    """Places calls on a line."""

    def dial(self, dial: Dial) -> Line:
        """Begin to dial. Raises LineError for an address that can't be dialled."""


class CallManager:
    """Admission, life and shutdown of calls. ``capacity`` is how many this process carries well."""

    def __init__(self, services: Services, directory: Phonebook, capacity: int) -> None:
        self._services, self._directory = services, directory
        self._wall = services.clocks.wall
        self.capacity = capacity
        self.watchers: list[Watcher] = []
        self._calls: dict[str, LiveCall] = {}
        self._arriving = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._wrapping: set[asyncio.Task[None]] = set()
        self._endpoint: Dialler | None = None
        self._draining = False

    def attach(self, endpoint: Dialler) -> None:
        """What outbound calls leave by."""
        self._endpoint = endpoint

    @property
    def active(self) -> int:
        """Calls that live now."""
        return len(self._calls)

    @property
    def has_room(self) -> bool:
        """Whether one more call would be carried well."""
        return not self._draining and self.active + self._arriving < self.capacity and self._services.writer.healthy

    # ------------------------------------------------------------------ inbound

    def incoming(self, line: Line) -> None:
        """A call came in: refuse it at once when there is no room, else look up who answers it."""
        facts = line.facts
        if not self.has_room:
            log.warning("call_refused_busy", to=facts.to_number, active=self.active, capacity=self.capacity)
            line.reject(503, RETRY_AFTER_S)
            return
        self._arriving += 1
        task = asyncio.create_task(self._route(line), name=f"route-{facts.carrier_call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._routed)

    async def _route(self, line: Line) -> None:
        """Refuse with the code that says why, or answer."""
        gone: list[LineEvent] = []
        line.on_event = gone.append
        facts = line.facts
        route = await asyncio.to_thread(self._directory.route, facts.to_number)
        if any(isinstance(event, Ended) for event in gone):
            log.info("caller_gave_up", to=facts.to_number)
        elif route is None:
            log.warning("call_to_unknown_number", to=facts.to_number, source=facts.remote)
            line.reject(404)
        elif route.agent is None:
            log.warning("call_to_number_without_agent", to=facts.to_number)
            line.reject(480)
        else:
            self._take(line, route, route.agent)

    def _take(self, line: Line, route: Route, agent: AgentVersion) -> None:
        number = route.number
        party = Parties("inbound", line.facts.from_number, number.number, number.organization_id, route.prices)
        call = self._create(agent, line, party)
        call.journal.add(StatusChanged(at=self._wall(), status=Status.RINGING))
        line.ring()
        call.prepare(line.answer)

    def _routed(self, task: asyncio.Task[None]) -> None:
        self._arriving -= 1
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call_not_routed", task=task.get_name(), error=repr(error))

    # ------------------------------------------------------------------ outbound

    async def start_phone_call(self, request: PhoneCallRequest) -> str:
        """Place a call; its id. Raises CapacityError, NotFoundError, ConfigurationError."""
        if self._endpoint is None:
            raise ConfigurationError("SIP is not running here: outbound calls cannot be placed")
        if not self.has_room:
            raise CapacityError(f"all {self.capacity} places for calls are taken", RETRY_AFTER_S)
        origin = await asyncio.to_thread(
            self._directory.origin,
            request.organization_id,
            request.from_number,
            request.agent_id,
            request.agent_version,
        )
        try:
            line = self._endpoint.dial(_dial(origin, request))
        except LineError as error:
            raise ConfigurationError(f"to_number: {error}") from error
        party = Parties("outbound", origin.number.number, request.to_number, request.organization_id, origin.prices)
        call = self._create(origin.agent, line, party, request.variables, request.metadata)
        call.journal.add(StatusChanged(at=self._wall(), status=Status.INITIATED))
        call.prepare()
        self._services.writer.note(request.organization_id, "call.started", call.call_id, agent_id=request.agent_id)
        await call.journal.durable()
        return call.call_id

    # ------------------------------------------------------------------ while they live

    async def terminate(self, call_id: str) -> None:
        """End a call because the API says so; nothing happens when it is over."""
        call = self._calls.get(call_id)
        if call is not None:
            self._services.writer.note(call.plan.organization_id, "call.terminated", call_id)
            await call.end(EndReason(EndCode.TERMINATED_BY_API, "platform", "POST /v1/calls/{id}/terminate"))

    async def update_metadata(self, call_id: str, metadata: dict[str, Any]) -> bool:
        """Set a live call's metadata; False when it doesn't live here."""
        call = self._calls.get(call_id)
        if call is None:
            return False
        call.journal.add(MetadataChanged(at=self._wall(), metadata=metadata))
        self._services.writer.note(call.plan.organization_id, "call.metadata_changed", call_id)
        await call.journal.durable()
        return True

    def readiness(self) -> dict[str, str | None]:
        """Whether calls can be taken: what is wrong, in a sentence, or None."""
        sip = None if self._endpoint is not None else "SIP is not running"
        draining = "the server is shutting down" if self._draining else None
        return {"sip": sip, "calls": draining, "storage": self._services.recordings.watch.problem}

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
        self,
        agent: AgentVersion,
        line: Line,
        party: Parties,
        variables: Mapping[str, Any] = NOTHING,
        metadata: Mapping[str, Any] = NOTHING,
    ) -> LiveCall:
        now, call_id = self._wall(), str(uuid.uuid4())
        created = CallCreated(
            at=now, call_id=call_id, organization_id=party.organization_id, agent_id=agent.agent_id,
            agent_version=agent.version, configuration_id=agent.configuration_id, direction=party.direction,
            from_number=party.from_number, to_number=party.to_number, metadata=dict(metadata),
            initial_variable_values=dict(variables), carrier_call_id=line.facts.carrier_call_id,
            secure_recording_url=agent.config.secure_recording_urls,
        )  # fmt: skip
        journal = Journal(CallRecord.create(created), self._services.writer, tuple(self.watchers))
        journal.start()
        dialogue = Dialogue.start(
            agent.config, variables,
            call_id=call_id, from_number=party.from_number, to_number=party.to_number, call_start_time=now,
        )  # fmt: skip
        plan = CallPlan(
            call_id, party.organization_id, party.direction, agent.config, dialogue, party.prices, variables
        )
        call = LiveCall(plan, line, journal, self._services, self._over)
        self._calls[call_id] = call
        log.info(
            "call_created",
            call_id=call_id,
            direction=party.direction,
            from_number=party.from_number,
            to=party.to_number,
        )
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


def _dial(origin: Origin, request: PhoneCallRequest) -> Dial:
    trunk = origin.trunk
    return Dial(
        to=request.to_number,
        from_=origin.number.number,
        headers=request.custom_headers,
        ring_timeout_s=request.max_ring_s or RING_LIMIT_S,
        proxy=_proxy(trunk),
        username=trunk.username if trunk else None,
        password=trunk.password if trunk else None,
    )


def _proxy(trunk: Trunk | None) -> str | None:
    if trunk is None or trunk.host is None:
        return None
    return trunk.host if trunk.port is None else f"{trunk.host}:{trunk.port}"
