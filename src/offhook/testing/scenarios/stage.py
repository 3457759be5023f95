"""Where a scenario is played: the whole of a call but its network, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from offhook.agents.config import AgentConfig
from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm, RulesLlm
from offhook.calls.audio_clock import Clocks
from offhook.calls.directory import AgentVersion, Expected, Origin, Route
from offhook.calls.listener import TurnScorer
from offhook.calls.manager import CallManager
from offhook.calls.request import PhoneCallRequest
from offhook.calls.services import Services
from offhook.calls.voice_hub import VoiceJudge
from offhook.lines.sip.dial import Dial
from offhook.models.llm.rules import RulesModel
from offhook.models.speech import Recognizer, Synthesizer
from offhook.record.cost import PriceList
from offhook.record.events import CallEvent
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import Status
from offhook.recordings import Recordings
from offhook.store.numbers import PhoneNumber
from offhook.testing.fake_line import FakeLine
from offhook.testing.scenarios.caller import Caller, Hearing
from offhook.testing.scenarios.observed import FRAME_MS, Observed, Sound
from offhook.testing.scenarios.schema import Scenario
from offhook.testing.scenarios.stubs import ScenarioTools, Servers
from offhook.testing.scripted_model import ScriptedModel

VOICED_FRAME = b"\x01\x00" * 160  # stands for sound where nobody looks at it
FRAME_BYTES = 320
END_LIMIT_S = 30.0  # from the last frame to the final record: the last look for variables takes 10 s at most
FALLBACK = RulesLlm(provider="rules", model="scenario_fallback")
SCRIPTED = RulesLlm(provider="rules", model="scenario")


@dataclass(frozen=True, slots=True)
class Senses:
    """How a call hears and speaks in a mode; ``render`` makes a line's sound, ``heard`` follows each frame."""

    recognizer: Recognizer
    synthesizer: Synthesizer
    turn_model: TurnScorer
    turn_pool: Executor
    hub: VoiceJudge
    render: Hearing | None = None
    heard: Callable[[], None] = lambda: None


class Senser(Protocol):
    """Gives each scenario the senses of its mode."""

    async def senses(self, scenario: Scenario, language: str, observed: Observed) -> Senses:
        """What one call hears and speaks with."""

    def model_for(self, choice: Llm) -> LanguageModel:
        """The language model an agent names."""


async def play_virtually(scenario: Scenario, config: AgentConfig, world: Senser) -> tuple[Observed, Caller]:
    """Hold the scenario's call to its end. Nothing of it is recorded: there is no disk in virtual time."""
    stage = _Stage(scenario, scripted(scenario, config).model_copy(update={"record": False}))
    return await stage.play(world)


def scripted(scenario: Scenario, config: AgentConfig) -> AgentConfig:
    """The agent with scripted models in the place of its own."""
    changes: dict[str, Any] = {}
    if scenario.model is not None:
        states = tuple(state.model_copy(update={"llm": None}) for state in config.states)
        changes |= {"llm": SCRIPTED, "states": states}
    if scenario.fallback_model is not None:
        changes["fallback_llm"] = FALLBACK
    return config.model_copy(update=changes)


def scripted_models(scenario: Scenario, own: Callable[[Llm], LanguageModel]) -> Callable[[Llm], LanguageModel]:
    """The language model an agent of ``scripted`` names: the scenario's, or its ``own``."""
    scripts = {SCRIPTED.model: scenario.model, FALLBACK.model: scenario.fallback_model}
    made: dict[str | None, LanguageModel] = {
        name: ScriptedModel(answers, RulesModel()) for name, answers in scripts.items() if answers is not None
    }

    def model_for(choice: Llm) -> LanguageModel:
        return made[choice.model] if choice.provider == "rules" and choice.model in made else own(choice)

    return model_for


@dataclass(slots=True)
class _Stage:
    scenario: Scenario
    config: AgentConfig
    line: FakeLine = field(init=False)
    zero_s: float | None = None  # the first frame's time on the loop

    def __post_init__(self) -> None:
        self.line = FakeLine(self.scenario.from_number, self.scenario.to_number)

    async def play(self, world: Senser) -> tuple[Observed, Caller]:
        scenario, begun_s = self.scenario, asyncio.get_running_loop().time()
        unix_s = scenario.at.timestamp()
        clocks = Clocks(wall=lambda: unix_s + _now_s() - begun_s, monotonic=_now_s)
        observed = Observed(
            now_ms=lambda: self._audio_ms(_now_s()),
            wall_ms=lambda at: self._audio_ms(at - unix_s + begun_s),
        )
        senses = await world.senses(scenario, scenario.language or self.config.language, observed)
        caller = Caller(
            scenario.caller, observed, scenario.timing, stays=scenario.stays,
            speaks_first=self.config.initial_message is None, render=senses.render,
        )  # fmt: skip
        tools = ScenarioTools(Servers(scenario.functions, scenario.http, observed.faults))
        models = scripted_models(scenario, world.model_for)
        services = Services(
            senses.recognizer, senses.synthesizer, models, tools, senses.turn_model, senses.turn_pool, senses.hub,
            Forgetful(), cast("Recordings", None), http=tools, clocks=clocks,
        )  # fmt: skip
        manager = CallManager(services, _Phonebook(scenario, self.config), capacity=1)
        manager.watchers.append(observed.event)
        try:
            with _faults_told(observed.faults):
                await self._begin(manager, observed)
                await self._talk(caller, observed, senses)
                await _until(lambda: observed.over, END_LIMIT_S)
        finally:
            await manager.close()
            await tools.close()
        return observed, caller

    def _audio_ms(self, loop_s: float) -> int:
        """What is before the first frame counts as its time."""
        return 0 if self.zero_s is None else max(0, round((loop_s - self.zero_s) * 1000))

    async def _begin(self, manager: CallManager, observed: Observed) -> None:
        """Ring and be answered."""
        scenario = self.scenario
        if scenario.outbound:
            manager.attach(_Dialler(self.line))
            await manager.start_phone_call(
                PhoneCallRequest("scenario", scenario.from_number, scenario.to_number, "scenario",
                                 dict(scenario.variables), {}, {})
            )  # fmt: skip
            self.line.ring()
            self.line.answer()
        else:
            manager.incoming(self.line)
        await _until(
            lambda: observed.over or (observed.record is not None and observed.record.status is Status.IN_PROGRESS),
            scenario.limit_s,
        )

    async def _talk(self, caller: Caller, observed: Observed, senses: Senses) -> None:
        """Pass frame after frame until one side ends the call."""
        loop, done = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        zero_s = self.zero_s = _now_s()
        limit_ms = round(self.scenario.limit_s * 1000)

        def tick(now_ms: int) -> None:
            try:
                if self._frame(now_ms, caller, observed, senses):
                    done.set_result(None)
                elif now_ms >= limit_ms:
                    observed.faults.append(f"the call is not over after {self.scenario.limit_s:g} s (limit_s)")
                    self.line.far_end_hangs_up()
                    done.set_result(None)
                else:
                    later_ms = now_ms + FRAME_MS
                    loop.call_at(zero_s + later_ms / 1000, tick, later_ms)
            except Exception as error:  # noqa: BLE001 - a callback's error would be logged, and the call never end
                done.set_exception(error)

        tick(0)
        await done

    def _frame(self, now_ms: int, caller: Caller, observed: Observed, senses: Senses) -> bool:
        """Pass 20 ms; whether the call is over."""
        if self.line.ended or observed.over:
            return True
        caller.tick(now_ms)
        if caller.hangs_up:
            observed.hung_up_ms = now_ms
            self.line.far_end_hangs_up()
            return True
        frame = self.line.tick(_sound_now(observed.sounds, now_ms), caller.key(now_ms))
        senses.heard()
        if frame.said is not None:
            observed.agent_sounds(now_ms)
        return False


@contextlib.contextmanager
def _faults_told(faults: list[str]) -> Iterator[None]:
    """What breaks in a callback or a task is a fault of the call, not a line in a log."""

    def tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (error := context.get("exception")) is not None:
            faults.append(f"{context.get('message', 'something broke')}: {error!r}")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell)
    try:
        yield
    finally:
        loop.set_exception_handler(None)


def _sound_now(sounds: Sequence[Sound], now_ms: int) -> bytes | None:
    """What the caller's side sends in this frame."""
    sound = sounds[-1] if sounds else None
    if sound is None or now_ms >= sound.end_ms:
        return None
    if not sound.pcm:
        return VOICED_FRAME if sound.voiced else None
    start = (now_ms - sound.start_ms) // FRAME_MS * FRAME_BYTES
    return sound.pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _until(ready: Callable[[], bool], limit_s: float) -> None:
    """Return when it is so, or after the limit."""
    end_s = _now_s() + limit_s
    while not ready() and _now_s() < end_s:  # noqa: ASYNC110 - virtual time costs nothing
        await asyncio.sleep(FRAME_MS / 1000)


class Forgetful:
    """A RecordWriter that keeps nothing: the watcher has seen it all."""

    healthy = True

    def append(self, call_id: str, events: Sequence[CallEvent], record: CallRecord) -> asyncio.Future[None]:  # noqa: ARG002 - the protocol's
        """Done at once."""
        return _done()

    def note(self, organization_id: str, action: str, call_id: str, **detail: Any) -> asyncio.Future[None]:  # noqa: ANN401, ARG002 - likewise
        """Done at once."""
        return _done()


def _done() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class _Phonebook:
    """One number, one agent."""

    def __init__(self, scenario: Scenario, config: AgentConfig) -> None:
        number = scenario.from_number if scenario.outbound else scenario.to_number
        self._number = PhoneNumber(
            id="scenario", organization_id="scenario", number=number, name=number, type="sip", inbound_agent_id=None,
            redirect=False, redirect_phone_number=None, trunk_id=None, created_us=0,
        )  # fmt: skip
        self._agent = AgentVersion("scenario", 1, "scenario", config)

    def route(self, to_number: str) -> Route:  # noqa: ARG002 - the protocol's
        """The agent answers."""
        return Route(self._number, self._agent, PriceList())

    def origin(self, organization_id: str, from_number: str, agent_id: str, version: int | None) -> Origin:  # noqa: ARG002 - likewise
        """The agent calls."""
        return Origin(self._number, self._agent, None, PriceList())

    def expected(self, organization_id: str, to_number: str, agent_id: str, version: int | None) -> Expected:  # noqa: ARG002 - likewise
        """The agent is who was announced."""
        return Expected(self._agent, PriceList())


class _Dialler:
    """Every call is placed on the stage's line."""

    def __init__(self, line: FakeLine) -> None:
        self._line = line

    def dial(self, dial: Dial) -> FakeLine:  # noqa: ARG002 - the protocol's
        """The line."""
        return self._line

    def check(self, dial: Dial) -> None:
        """Any address will do."""
