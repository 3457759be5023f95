"""All calls of this process: who may come in, how one is placed, and the orderly end of them all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from offhook.agents.dialogue import Dialogue
from offhook.calls.directory import AgentVersion, Origin, Phonebook, Route
from offhook.calls.journal import Journal, Watcher
from offhook.calls.live import CallPlan, LiveCall, prepare_plan
from offhook.calls.request import PhoneCallRequest, StageRequest
from offhook.calls.services import Services
from offhook.calls.staging import PREPARE_LIMIT_S, StagedCall, StagedCalls
from offhook.errors import CapacityError, ConfigurationError, LineError, OffhookError, SealError
from offhook.lines.line import Ended, Line, LineEvent, LineFacts
from offhook.lines.sip.dial import Dial
from offhook.record.cost import PriceList
from offhook.record.events import CallCreated, LineKnown, MetadataChanged, StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.trunks import Trunk

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 10  # an average turn of a queue; callers' switches try again after it
RING_LIMIT_S = 60  # three rings more than most people's voicemail waits
SHUTDOWN_LIMIT_S = 8.0


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

    def check(self, dial: Dial) -> None:
        """Raise the LineError of an address that can't be dialled."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call was asked to be made with."""

    call_id: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    carrier_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that has a record and a plan, and no line yet."""

    plan: CallPlan
    journal: Journal

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.plan.call_id


class CallManager:
    """Admission, life and shutdown of calls. ``capacity`` is how many this process carries well."""

    def __init__(self, services: Services, directory: Phonebook, capacity: int) -> None:
        self._services, self._directory = services, directory
        self._wall = services.clocks.wall
        self.capacity = capacity
        self.watchers: list[Watcher] = []
        self._calls: dict[str, LiveCall] = {}
        self._staged = StagedCalls(services.synthesizer, self._wall, prepare=partial(prepare_plan, services))
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
        """Whether one more call would be carried well; a staged call has its place already."""
        taken = self.active + self._arriving + len(self._staged)
        return not self._draining and taken < self.capacity and self._services.writer.healthy

    def _must_have_room(self) -> None:
        if not self.has_room:
            raise CapacityError(f"all {self.capacity} places for calls are taken", RETRY_AFTER_S)

    def _must_not_drain(self) -> None:
        if self._draining:
            raise CapacityError("the server is shutting down", RETRY_AFTER_S)

    # ------------------------------------------------------------------ inbound

    def incoming(self, line: Line) -> None:
        """A call came in: refuse it at once when there is no room, else look up who answers it."""
        facts = line.facts
        named, staged = self._staged.named_by(facts.headers)
        if named is not None and staged is None:
            log.warning("call_names_no_staged_one", named=named[:100], to=facts.to_number, source=facts.remote)
        if staged is None and not self.has_room:
            self._refuse_busy(line)
            return
        self._arriving += 1
        task = asyncio.create_task(self._route(line, staged), name=f"route-{facts.carrier_call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._routed)

    def _refuse_busy(self, line: Line) -> None:
        log.warning("call_refused_busy", to=line.facts.to_number, active=self.active, capacity=self.capacity)
        line.reject(503, RETRY_AFTER_S)

    async def _route(self, line: Line, staged: StagedCall | None) -> None:
        """Refuse with the code that says why, or answer."""
        gone: list[LineEvent] = []
        line.on_event = gone.append
        facts = line.facts
        route = await asyncio.to_thread(self._directory.route, facts.to_number)
        if any(isinstance(event, Ended) for event in gone):
            log.info("caller_gave_up", to=facts.to_number)
        elif staged is not None and self._may_take(staged, route, facts) and self._staged.take(staged):
            self._take_staged(line, staged)
        elif staged is not None and self.active + self._arriving + len(self._staged) > self.capacity:
            self._refuse_busy(line)  # it came in on a place that is not its own
        elif route is None:
            log.warning("call_to_unknown_number", to=facts.to_number, source=facts.remote)
            line.reject(404)
        elif route.agent is None:
            log.warning("call_to_number_without_agent", to=facts.to_number)
            line.reject(480)
        else:
            self._take(line, route, route.agent)

    @staticmethod
    def _may_take(staged: StagedCall, route: Route | None, facts: LineFacts) -> bool:
        """Whether a call to this number may be the staged one: its organization's number, or nobody's as announced."""
        owner = staged.plan.organization_id
        own = facts.to_number == staged.to_number if route is None else route.number.organization_id == owner
        if not own:
            log.warning("staged_call_not_given", call_id=staged.call_id, to=facts.to_number, source=facts.remote)
        return own

    def _take_staged(self, line: Line, staged: StagedCall) -> None:
        call = self._go_live(Begun(staged.plan, staged.journal), line)
        log.info("staged_call_came", call_id=call.call_id)
        call.journal.add(LineKnown(at=self._wall(), sip={}, carrier_call_id=line.facts.carrier_call_id))
        self._answer(call)

    def _take(self, line: Line, route: Route, agent: AgentVersion) -> None:
        number = route.number
        party = Parties("inbound", line.facts.from_number, number.number, number.organization_id, route.prices)
        asked = Asked(carrier_call_id=line.facts.carrier_call_id)
        self._answer(self._go_live(self._open(agent, party, asked), line))

    def _answer(self, call: LiveCall) -> None:
        call.journal.add(StatusChanged(at=self._wall(), status=Status.RINGING))
        call.line.ring()
        call.prepare(call.line.answer)

    def _routed(self, task: asyncio.Task[None]) -> None:
        self._arriving -= 1
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call_not_routed", task=task.get_name(), error=repr(error))

    # ------------------------------------------------------------------ outbound

    async def start_phone_call(self, request: PhoneCallRequest) -> str:
        """Place a call; its id. Raises CapacityError, NotFoundError, ConfigurationError.

        ConflictError: a call of the id asked for exists.
        """
        endpoint = self._endpoint
        if endpoint is None:
            raise ConfigurationError("SIP is not running here: outbound calls cannot be placed")
        self._must_have_room()
        with self._place():
            origin = await asyncio.to_thread(
                self._directory.origin,
                request.organization_id,
                request.from_number,
                request.agent_id,
                request.agent_version,
            )
            dial = _checked_dial(endpoint, origin, request)
            party = Parties("outbound", origin.number.number, request.to_number, request.organization_id, origin.prices)
            begun = self._open(origin.agent, party, Asked(request.call_id, request.variables, request.metadata))
            # Nothing is dialled that has no record: after a crash the record tells that it may have been.
            await begun.journal.durable()
            self._dial(endpoint, dial, begun)
        await self._note("call.started", begun)
        return begun.call_id

    async def _note(self, action: str, begun: Begun) -> None:
        plan = begun.plan
        agent_id = begun.journal.record.created.agent_id
        await self._services.writer.note(plan.organization_id, action, plan.call_id, agent_id=agent_id)

    def _dial(self, endpoint: Dialler, dial: Dial, begun: Begun) -> None:
        """Let the INVITE out; what fails now is the end of a call that is on record."""
        try:
            self._must_not_drain()
            line = endpoint.dial(dial)
        except Exception as error:
            code = EndCode.CAPACITY if isinstance(error, CapacityError) else EndCode.CARRIER_ERROR
            reason = EndReason(code, "platform", str(error))
            begun.journal.add(StatusChanged(at=self._wall(), status=Status.FAILED, end_reason=reason))
            if not isinstance(error, OffhookError):
                raise
            log.warning("call_not_dialled", call_id=begun.call_id, error=str(error))
            return
        call = self._go_live(begun, line)
        call.journal.add(
            LineKnown(at=self._wall(), sip={}, carrier_call_id=line.facts.carrier_call_id),
            StatusChanged(at=self._wall(), status=Status.INITIATED),
        )
        call.prepare()

    # ------------------------------------------------------------------ staged

    async def stage(self, request: StageRequest, *, wait: bool) -> str:
        """Make an inbound call ready; its id, with ``wait`` once everything is prepared.

        Raises CapacityError, NotFoundError, ConfigurationError, ConflictError as for placing one; TimeoutError when it
        was not ready in time, and the call is over then.
        """
        self._must_have_room()
        with self._place():
            found = await asyncio.to_thread(
                self._directory.expected,
                request.organization_id,
                request.to_number,
                request.agent_id,
                request.agent_version,
            )
            party = Parties("inbound", request.from_number, request.to_number, request.organization_id, found.prices)
            begun = self._open(found.agent, party, Asked(request.call_id, request.variables, request.metadata))
            await begun.journal.durable()
            staged = StagedCall(begun.plan, begun.journal, request.to_number)
            self._staged.add(staged)
        await self._services.writer.note(party.organization_id, "call.staged", begun.call_id, agent_id=request.agent_id)
        if wait and staged.ready is not None:
            await self._wait_until_ready(staged, staged.ready)
        return begun.call_id

    async def _wait_until_ready(self, staged: StagedCall, ready: asyncio.Task[None]) -> None:
        done, _ = await asyncio.wait([ready], timeout=PREPARE_LIMIT_S)
        if done:
            return
        detail = f"not ready within {PREPARE_LIMIT_S:g} s"
        self._staged.end(staged.call_id, EndReason(EndCode.PROVIDER_FAILURE, "provider", detail), Status.FAILED)
        raise TimeoutError(f"The call was {detail}")

    # ------------------------------------------------------------------ while they live

    async def terminate(self, call_id: str) -> bool:
        """End a call because the API says so; False, and nothing happens, when it doesn't live here (any more)."""
        reason = EndReason(EndCode.TERMINATED_BY_API, "platform", "POST /v1/calls/{id}/terminate")
        call = self._calls.get(call_id)
        if call is not None:
            self._services.writer.note(call.plan.organization_id, "call.terminated", call_id)
            await call.end(reason)
            return True
        staged = self._staged.end(call_id, reason, Status.CANCELED)
        if staged is not None:
            self._services.writer.note(staged.plan.organization_id, "call.terminated", call_id)
            await staged.journal.durable()
        return staged is not None

    async def update_metadata(self, call_id: str, metadata: dict[str, Any]) -> bool:
        """Set a live call's metadata; False when it doesn't live here."""
        call = self._calls.get(call_id) or self._staged.get(call_id)
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
        # Who asks has no key: where files are is for the log.
        failing = self._services.recordings.watch.problem is not None
        storage = "recordings cannot be stored; the log says why" if failing else None
        return {"sip": sip, "calls": draining, "storage": storage}

    def record(self, call_id: str) -> CallRecord | None:
        """The record of a live or staged call."""
        call = self._calls.get(call_id) or self._staged.get(call_id)
        return call.journal.record if call else None

    async def close(self) -> None:
        """Take no more calls, end those in progress properly, and wait until their recordings are stored."""
        self._draining = True
        reason = EndReason(EndCode.PLATFORM_FAILURE, "platform", "the server is shutting down")
        await self._staged.close(reason)
        ends = [call.end(reason) for call in tuple(self._calls.values())]
        if ends:
            await asyncio.wait(ends, timeout=SHUTDOWN_LIMIT_S)
        if self._wrapping:
            # What isn't encoded by then stays on its tape, and the next start finishes it.
            await asyncio.wait(self._wrapping, timeout=SHUTDOWN_LIMIT_S)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold a place for a call that is being made."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def _open(self, agent: AgentVersion, party: Parties, asked: Asked) -> Begun:
        """Begin a call's record."""
        now, call_id = self._wall(), asked.call_id or str(uuid.uuid4())
        created = CallCreated(
            at=now, call_id=call_id, organization_id=party.organization_id, agent_id=agent.agent_id,
            agent_version=agent.version, configuration_id=agent.configuration_id, direction=party.direction,
            from_number=party.from_number, to_number=party.to_number, metadata=dict(asked.metadata),
            initial_variable_values=dict(asked.variables), carrier_call_id=asked.carrier_call_id,
            secure_recording_url=agent.config.secure_recording_urls,
        )  # fmt: skip
        journal = Journal(CallRecord.create(created), self._services.writer, tuple(self.watchers))
        journal.start()
        dialogue = Dialogue.start(
            agent.config, asked.variables,
            call_id=call_id, from_number=party.from_number, to_number=party.to_number, call_start_time=now,
        )  # fmt: skip
        plan = CallPlan(
            call_id, party.organization_id, party.direction, agent.config, dialogue, party.prices, asked.variables
        )
        log.info("call_created", call_id=call_id, direction=party.direction, from_number=party.from_number,
                 to=party.to_number)  # fmt: skip
        return Begun(plan, journal)

    def _go_live(self, begun: Begun, line: Line) -> LiveCall:
        call = LiveCall(begun.plan, line, begun.journal, self._services, self._over)
        self._calls[call.call_id] = call
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


def _checked_dial(endpoint: Dialler, origin: Origin, request: PhoneCallRequest) -> Dial:
    try:
        dial = _dial(origin, request)
        endpoint.check(dial)
    except LineError as error:
        raise ConfigurationError(f"to_number: {error}") from error
    except SealError as error:
        raise ConfigurationError(f"from_number: the password of its trunk: {error}") from error
    return dial


def _dial(origin: Origin, request: PhoneCallRequest) -> Dial:
    trunk = origin.trunk
    return Dial(
        to=request.to_number,
        from_=origin.number.number,
        headers=request.custom_headers,
        ring_timeout_s=request.max_ring_s or RING_LIMIT_S,
        proxy=_proxy(trunk),
        username=trunk.username if trunk else None,
        password=trunk.password.open() if trunk and trunk.password else None,
    )


def _proxy(trunk: Trunk | None) -> str | None:
    if trunk is None or trunk.host is None:
        return None
    return trunk.host if trunk.port is None else f"{trunk.host}:{trunk.port}"
