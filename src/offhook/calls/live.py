"""One call while it lives: its line's events to its life cycle, its one end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue
from offhook.agents.events import Problem, VariableChanged
from offhook.agents.runner import AgentRunner
from offhook.agents.variables import VariableType
from offhook.calls.answering import Answering
from offhook.calls.ending import answered, unanswered
from offhook.calls.journal import Journal
from offhook.calls.listener import Listener
from offhook.calls.noting import noted
from offhook.calls.preparing import needs_preparing, prepare
from offhook.calls.services import Services
from offhook.calls.session import CallSession, Parts
from offhook.calls.speaker import Speaker
from offhook.conversation.bargein import Sensitivity
from offhook.conversation.endpointing import EndpointingConfig, TurnMode
from offhook.conversation.session import Conversation, ConversationConfig
from offhook.errors import NotFoundError
from offhook.lines.line import Answered, Ended, Frame, Line, LineEvent, Ringing
from offhook.models.speech import VoiceChoice
from offhook.record.cost import PriceList, Usage, cost_lines
from offhook.record.events import (
    Costed,
    Flagged,
    LineKnown,
    NotRecorded,
    Recorded,
    StateEntered,
    StatusChanged,
    VariableSet,
)
from offhook.record.lifecycle import FINAL, EndCode, EndReason, Status
from offhook.recordings import TapeWriter

log = structlog.get_logger(__name__)

HANG_UP_LIMIT_S = 3.0  # a peer that does not answer BYE must not keep a call open; its transaction goes on alone
# Frames come every 20 ms, also in silence and on hold; without any for so long the media plane has lost the line.
MEDIA_LIMIT_S = 5.0
DRAINED = {EndCode.AGENT_HUNG_UP, EndCode.MAX_DURATION, EndCode.CALLER_SILENT, EndCode.VOICEMAIL_LEFT}


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What a call is made of: ids, the agent's configuration, and the values it starts with.

    ``prepared`` is what came of the work before the first word; None: it is still to be done.
    """

    call_id: str
    organization_id: str
    direction: str
    config: AgentConfig
    dialogue: Dialogue
    prices: PriceList
    variables: Mapping[str, Any]
    prepared: tuple[VariableChanged | Problem, ...] | None = None


async def prepare_plan(services: Services, plan: CallPlan) -> CallPlan:
    """The plan with all done that the agent wants done before its first word; what failed stands in it."""
    if plan.prepared is not None or not needs_preparing(plan.config):
        return plan
    try:
        done = await prepare(plan.dialogue, services.http, services.servers)
    except Exception as error:
        # Without what was asked for the call is worse; without an answer it is none.
        log.exception("preparing_broke", call_id=plan.call_id)
        return replace(plan, prepared=(Problem("call_context_failed", repr(error)),))
    return replace(plan, dialogue=done.dialogue, prepared=done.events)


class LiveCall:
    """Born with its line; ``end`` is the only way out. ``on_over`` is told once the final record is stored."""

    def __init__(
        self, plan: CallPlan, line: Line, journal: Journal, services: Services, on_over: Callable[[LiveCall], None]
    ) -> None:
        self.plan, self.line, self.journal = plan, line, journal
        self._services, self._on_over = services, on_over
        self._wall, self._monotonic = services.clocks.wall, services.clocks.monotonic
        self._session: CallSession | None = None
        self._tape: TapeWriter | None = None
        self._ending: asyncio.Task[None] | None = None
        self._runner: AgentRunner | None = None
        self._last_frame_s = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        # Frames of a call that was answered before all was prepared; None: it was not.
        self._early: list[Frame] | None = None
        self.wrap_up: asyncio.Task[None] | None = None
        line.on_event = self._on_line
        line.on_frame = self._on_frame

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.plan.call_id

    def end(self, reason: EndReason, status: Status = Status.COMPLETED) -> asyncio.Task[None]:
        """End the call for a reason, once; the task is done when the final record is stored."""
        if self._ending is None:
            log.info("call_ends", call_id=self.call_id, code=reason.code.value, detail=reason.detail)
            self._ending = asyncio.create_task(self._end(reason, status), name=f"end-{self.call_id}")
        return self._ending

    # ------------------------------------------------------------------ before the first word

    def prepare(self, then: Callable[[], None] = lambda: None) -> None:
        """Do what the agent wants done before its first word, ``then`` go on; at once, if that is nothing."""
        if self.plan.prepared is not None or not needs_preparing(self.plan.config):
            then()
            return
        self._preparing = asyncio.create_task(self._prepare(then), name=f"prepare-{self.call_id}")

    async def _prepare(self, then: Callable[[], None]) -> None:
        self.plan = await prepare_plan(self._services, self.plan)
        self._preparing = None
        if self._ending is None:
            then()
            self._begin_late()

    def _begin_late(self) -> None:
        """Begin a call that was answered meanwhile, with all that was heard since."""
        if self._early is None:
            return
        self._begin()
        early, self._early = self._early, None
        for frame in early:
            self._on_frame(frame)

    # ------------------------------------------------------------------ the line

    def _on_line(self, event: LineEvent) -> None:
        match event:
            case Ringing():
                self._step(Status.RINGING)
            case Answered() if self._preparing is not None:
                self._step(Status.IN_PROGRESS)
                self._early = []
            case Answered():
                self._begin()
            case Ended():
                self._line_gone(event)

    def _on_frame(self, frame: Frame) -> None:
        if self._session is not None:
            self._last_frame_s = self._monotonic()
            self._session.frame(frame)
        elif self._early is not None:
            self._early.append(frame)

    async def _watch_media(self) -> None:
        while self._monotonic() - self._last_frame_s < MEDIA_LIMIT_S:  # noqa: ASYNC110 - what does not come has no event
            await asyncio.sleep(MEDIA_LIMIT_S / 5)
        self.end(EndReason(EndCode.MEDIA_LOST, "platform", f"no media for {MEDIA_LIMIT_S:g} s"), Status.FAILED)

    def _step(self, status: Status) -> None:
        if self._ending is None and self.journal.record.status is not status:
            self.journal.add(StatusChanged(at=self._wall(), status=status))

    def _begin(self) -> None:
        self._step(Status.IN_PROGRESS)
        self._note_start()
        config, services = self.plan.config, self._services
        if config.record:
            self._tape = services.recordings.open_tape(
                self.call_id, self.plan.organization_id, self.line.rate_hz, self._wall()
            )
        else:
            # Told now: should this process die, nobody waits for a recording.
            self.journal.add(NotRecorded(at=self._wall(), reason="the agent's calls are not recorded"))
        self._runner = self._make_runner()
        self._session = CallSession(self._parts(self._runner), self.end)
        self._last_frame_s = self._monotonic()
        self._watch = asyncio.create_task(self._watch_media(), name=f"media-{self.call_id}")
        log.info("call_answered", call_id=self.call_id)

    def _make_runner(self) -> AgentRunner:
        config, services = self.plan.config, self._services
        return AgentRunner(
            services.model_for(config.llm),
            None if config.fallback_llm is None else services.model_for(config.fallback_llm),
            executor=services.functions,
            remote=services.servers,
            library=None if services.library is None else services.library(self.plan.organization_id),
            by_state={state.name: services.model_for(state.llm) for state in config.states if state.llm is not None},
            line_tools=frozenset(ability.value for ability in self.line.abilities),
            now=lambda: datetime.fromtimestamp(self._wall(), UTC),
        )

    def _note_start(self) -> None:
        """The state the agent begins in, and the values it was given."""
        now, dialogue, types = self._wall(), self.plan.dialogue, self.plan.config.variable_types()
        self.journal.add(StateEntered(at=now, state=dialogue.state_name, reason="start"))
        for name, value in self.plan.variables.items():
            if name in dialogue.values:
                kind = types.get(name, VariableType.JSON)
                self.journal.add(VariableSet(at=now, name=name, variable_type=str(kind), value=value))
        for fault in dialogue.rejected:
            self.journal.add(Flagged(at=now, code="variable_rejected", detail=f"{fault.field}: {fault.message}"))
        self.journal.add(*(noted(event, now) for event in self.plan.prepared or ()))

    def _line_gone(self, ended: Ended) -> None:
        direction = self.plan.direction
        if self._session is not None or self._early is not None:
            self.end(answered(ended, direction=direction))
        else:
            status, reason = unanswered(ended, direction=direction)
            self.end(reason, status)

    # ------------------------------------------------------------------ the parts of a session

    def _parts(self, runner: AgentRunner) -> Parts:
        config, services, line = self.plan.config, self._services, self.line
        voice = voice_of(config)

        def make_listener(tell: Callable[[Any], None], now_ms: Callable[[], int]) -> Listener:
            return Listener(
                services.recognizer, services.turn_model, services.turn_pool,
                language=config.language, rate_hz=line.rate_hz, vocabulary=tuple(config.custom_vocabulary),
                tell=tell, now_ms=now_ms,
            )  # fmt: skip

        def make_speaker(tell: Callable[[Any], None], now_ms: Callable[[], int]) -> Speaker:
            return Speaker(line, services.synthesizer, voice, tell, now_ms)

        def make_answering(**links: Any) -> Answering:  # noqa: ANN401 - passed on as they are
            return Answering(runner, self.plan.dialogue, **links)

        return Parts(
            line=line,
            journal=self.journal,
            conversation=Conversation(conversation_config(config)),
            notice=config.recording_notice if config.record else None,
            greeting=self.plan.dialogue.greeting(),
            tape=self._tape,
            hub=services.hub,
            clocks=services.clocks,
            make_listener=make_listener,
            make_speaker=make_speaker,
            make_answering=make_answering,
        )

    # ------------------------------------------------------------------ the end

    async def _end(self, reason: EndReason, status: Status) -> None:
        try:
            await self._finish(reason, status)
        except Exception:
            log.exception("call_end_failed", call_id=self.call_id)
            reason = EndReason(EndCode.PLATFORM_FAILURE, "platform", "ending the call failed")
            self._close_record(reason, Status.FAILED, self._wall())
            raise
        finally:
            self._on_over(self)

    async def _finish(self, reason: EndReason, status: Status) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            self._begin_late()
        session = self._session
        if self._watch is not None:
            self._watch.cancel()
        if session is not None:
            await session.close(drain=reason.code in DRAINED)
        try:
            await asyncio.wait_for(self.line.hang_up(), HANG_UP_LIMIT_S)
        except TimeoutError:
            log.warning("hang_up_unanswered", call_id=self.call_id, limit_s=HANG_UP_LIMIT_S)
        ended_at = self._wall()
        if session is not None:
            await session.resolve()
        self.journal.add(LineKnown(at=self._wall(), sip=self._sip_facts()))
        if session is not None:
            lines = cost_lines(self._usage(session), self.plan.prices)
            self.journal.add(Costed(at=self._wall(), lines=tuple(lines)))
        elif status is Status.COMPLETED:
            # Ended by a wish (the API, a shutdown) before anybody answered.
            status = Status.CANCELED
        self._close_record(reason, status, ended_at)
        await self.journal.durable()
        if self._tape is not None:
            self.wrap_up = asyncio.create_task(self._store_recording(self._tape), name=f"recording-{self.call_id}")

    def _close_record(self, reason: EndReason, status: Status, at: float) -> None:
        if self.journal.record.status not in FINAL:
            self.journal.add(StatusChanged(at=at, status=status, end_reason=reason))

    async def _store_recording(self, tape: TapeWriter) -> None:
        try:
            stored = await self._services.recordings.finish(tape)
        finally:
            if tape.fault is not None:
                self.journal.add(Flagged(at=self._wall(), code="recording_incomplete", detail=tape.fault))
        try:
            if stored is None:
                self.journal.add(NotRecorded(at=self._wall(), reason=tape.fault or "no sound passed"))
                await self.journal.durable()
                return
            self.journal.add(
                Recorded(at=self._wall(), mixed=stored.mixed, channels=stored.channels, duration_ms=stored.duration_ms)
            )
            await self.journal.durable()
        except NotFoundError:
            log.info("recording_of_deleted_call", call_id=self.call_id)
        await self._services.recordings.acknowledge(self.call_id)

    def _sip_facts(self) -> dict[str, Any]:
        facts, stats = self.line.facts, self.line.stats
        return {
            "codec": facts.codec,
            "remote": facts.remote,
            "final_code": getattr(self.line, "final_code", None),
            "sent": stats.sent,
            "received": stats.received,
            "lost": stats.lost,
            "late": stats.late,
            "jitter_ms": round(stats.jitter_ms, 1),
        }

    def _usage(self, session: CallSession) -> Usage:
        spent = session.answering.usage
        return Usage(
            telephony_s=session.seconds,
            stt_s=session.listener.recognized_ms / 1000,
            llm_input_tokens=spent.input_tokens,
            llm_output_tokens=spent.output_tokens,
            tts_characters=session.speaker.characters,
            platform_s=session.seconds,
        )


def conversation_config(config: AgentConfig) -> ConversationConfig:
    """An agent's configuration as the conversation needs it."""
    turns = config.turn_detection
    endpointing = EndpointingConfig(config.language)
    if turns is not None:
        endpointing = replace(
            endpointing,
            mode=TurnMode(turns.mode),
            min_delay_ms=turns.min_delay_ms,
            max_delay_ms=turns.max_delay_ms,
        )
    return ConversationConfig(
        endpointing=endpointing,
        allow_interruptions=config.allow_interruptions,
        sensitivity=Sensitivity(config.interruption_sensitivity),
        greeting_delay_ms=int(config.initial_message_delay * 1000),
        presence_phrases=tuple(config.presence_check_phrases),
        presence_idle_ms=config.presence_check_idle_threshold * 1000,
        presence_max_times=config.presence_check_max_times,
        max_duration_ms=config.max_call_duration * 1000,
    )


def voice_of(config: AgentConfig) -> VoiceChoice:
    """The voice an agent speaks with."""
    return VoiceChoice(getattr(config.voice, "name", None), config.language, getattr(config.voice, "speed", 1.0))
