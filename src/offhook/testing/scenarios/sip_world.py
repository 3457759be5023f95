"""Scenarios over real SIP and RTP: a platform and a phone in one process, in real time."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from offhook.agents.config import AgentConfig
from offhook.agents.functions import HttpRequest, ToolOutcome, failure
from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm
from offhook.agents.tools import CustomFunctionTool
from offhook.calls.request import PhoneCallRequest
from offhook.calls.voice_hub import HasOwner
from offhook.errors import LineError, ToolError
from offhook.lines.line import Answered, Ended, Frame, Line, LineEvent
from offhook.lines.media.engine import MediaEngine
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.endpoint import SipEndpoint
from offhook.server.platform import Platform
from offhook.server.providers import ModelShelf, local_providers
from offhook.settings import Settings, load_settings
from offhook.testing.scenarios.caller import Caller
from offhook.testing.scenarios.observed import FRAME_MS, Observed, Sound
from offhook.testing.scenarios.schema import Scenario
from offhook.testing.scenarios.sounds import render_lines
from offhook.testing.scenarios.stage import END_LIMIT_S, scripted, scripted_models
from offhook.testing.scenarios.stubs import ScenarioTools, Servers

LOOPBACK = "127.0.0.1"
AUDIBLE = 200  # of 32767, a frame's root mean square: 44 dB below full scale, above the line's own noise
LOOK_S = 0.02


class SipWorld:
    """``start`` opens a platform with the local models on free ports, and a phone that dials it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="offhook-scenarios-"))
        self._tools = _Tools()
        self._calls = 0
        self._taken: asyncio.Queue[Line] = asyncio.Queue()
        self._platform: Platform
        self._shelf: _Shelf
        self._media: MediaEngine
        self._phone: SipEndpoint

    async def start(self) -> None:
        """Load the models and listen. Raises OffhookError with what to do."""
        settings = load_settings(
            data_dir=self._folder, http_host=LOOPBACK, http_port=0, sip_host=LOOPBACK, sip_port=0, max_calls=2
        )
        self._shelf = _Shelf(settings)
        providers = replace(local_providers(settings), shelf=self._shelf, functions=self._tools, http=self._tools)
        self._synthesizer = providers.synthesizer
        self._platform = await Platform.open(settings, providers)
        self._media = MediaEngine(asyncio.get_running_loop(), _hand_out, LOOPBACK, 30000, 39999)
        self._phone = SipEndpoint(
            host=LOOPBACK, port=0, public_host=None, media=self._media, on_call=self._taken.put_nowait,
            allow=(ipaddress.ip_network("127.0.0.0/8"),),
        )  # fmt: skip
        self._media.start()
        await self._phone.start()

    async def play(self, scenario: Scenario, config: AgentConfig) -> tuple[Observed, Caller]:
        """Hold the scenario's call to its end."""
        phone = _Phone(scenario)
        observed = phone.observed
        config = scripted(scenario, config)
        self._shelf.models = scripted_models(scenario, self._shelf.own_model_for)
        servers = ScenarioTools(Servers(scenario.functions, scenario.http, observed.faults))
        self._tools.now = servers
        render = await render_lines(scenario, scenario.language or config.language, self._synthesizer)
        caller = Caller(
            scenario.caller, observed, scenario.timing, stays=scenario.stays,
            speaks_first=config.initial_message is None, render=render,
        )  # fmt: skip
        watchers = self._platform.calls.watchers
        watchers.append(observed.event)
        try:
            phone.use(await self._connect(scenario, config), caller)
            await phone.until_over(scenario.limit_s)
        finally:
            watchers.remove(observed.event)
            await servers.close()
        return observed, caller

    async def close(self) -> None:
        """End calls and models, and remove what was kept."""
        await self._phone.close()
        self._media.close()
        await self._platform.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _connect(self, scenario: Scenario, config: AgentConfig) -> Line:
        """The phone's line of a call that rings or was dialled."""
        platform = self._platform
        self._calls += 1
        number = f"+339{self._calls:08d}"
        agent_id = await platform.publish_agent(config)
        await platform.add_number(number, agent_id)
        if not scenario.outbound:
            to = f"sip:{number}@{platform.sip_address}"
            return self._phone.dial(Dial(to=to, from_=scenario.from_number, headers={}, ring_timeout_s=30))
        host, port = self._phone.address
        await platform.calls.start_phone_call(
            PhoneCallRequest(platform.organization_id, number, f"sip:{scenario.to_number}@{host}:{port}", agent_id,
                             dict(scenario.variables), {}, {})
        )  # fmt: skip
        return await asyncio.wait_for(self._taken.get(), 10)


class _Phone:
    """The caller's side of one call."""

    def __init__(self, scenario: Scenario) -> None:
        self._outbound = scenario.outbound
        self._zero_s: float | None = None
        self._zero_unix_s = 0.0
        self._line: Line | None = None
        self._caller: Caller | None = None
        self._frames = self._utterance = 0
        self._base: int | None = None
        self._ended: Ended | None = None
        self._hanging_up: asyncio.Task[None] | None = None
        self.observed = Observed(now_ms=self._now_ms, wall_ms=self._wall_ms)

    def use(self, line: Line, caller: Caller) -> None:
        """Talk on this line."""
        self._line, self._caller = line, caller
        line.on_event, line.on_frame = self._on_event, self._on_frame
        if self._outbound:
            line.ring()
            line.answer()

    async def until_over(self, limit_s: float) -> None:
        """Return when the call's record is final. Raises LineError when the call was never held."""
        end_s = time.monotonic() + limit_s
        while not self.observed.over and self._ended is None:
            if time.monotonic() > end_s:
                self.observed.faults.append(f"the call is not over after {limit_s:g} s (limit_s)")
                self._hang_up()
                break
            await asyncio.sleep(LOOK_S)
        end_s = time.monotonic() + END_LIMIT_S
        while not self.observed.over and time.monotonic() < end_s:  # noqa: ASYNC110 - the record has no future to wait for
            await asyncio.sleep(LOOK_S)
        if self._hanging_up is not None:
            await self._hanging_up
        if self._zero_s is None:
            raise LineError(f"the call was not held: {self._ended.detail if self._ended else 'nobody answered'}")

    def _now_ms(self) -> int:
        return 0 if self._zero_s is None else max(0, round((time.monotonic() - self._zero_s) * 1000))

    def _wall_ms(self, at: float) -> int:
        return 0 if self._zero_s is None else max(0, round((at - self._zero_unix_s) * 1000))

    def _on_event(self, event: LineEvent) -> None:
        if isinstance(event, Answered):
            self._zero_s, self._zero_unix_s = time.monotonic(), time.time()
        elif isinstance(event, Ended):
            self._ended = event

    def _on_frame(self, frame: Frame) -> None:
        if self._zero_s is None or self._caller is None or self._ended is not None:
            return
        if self._base is None:
            self._base = frame.index
        now_ms = (frame.index - self._base) * FRAME_MS
        if _audible(frame.heard):
            self.observed.agent_sounds(now_ms)
        sound = self._caller.tick(now_ms)
        if sound is not None:
            self._make(sound)
        if self._caller.hangs_up:
            self.observed.hung_up_ms = self.observed.hung_up_ms or now_ms
            self._hang_up()

    def _make(self, sound: Sound) -> None:
        line = self._line
        if line is None:
            return
        if sound.pcm:
            self._utterance += 1
            line.play(self._utterance, sound.pcm)
            line.flush(self._utterance)
        elif sound.text:
            line.send_dtmf(sound.text)

    def _hang_up(self) -> None:
        if self._hanging_up is None and self._line is not None:
            self._hanging_up = asyncio.ensure_future(self._line.hang_up())


class _Shelf(ModelShelf):
    """The platform's language models, scripted ones among them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.models: Callable[[Llm], LanguageModel] = self.own_model_for

    def own_model_for(self, choice: Llm) -> LanguageModel:
        """A model that is no scenario's."""
        return super().model_for(choice)

    def model_for(self, choice: Llm) -> LanguageModel:
        """As the present scenario has it."""
        return self.models(choice)


class _Tools:
    """What agents ask servers, as the present scenario answers."""

    def __init__(self) -> None:
        self.now: ScenarioTools | None = None

    async def run(self, tool: CustomFunctionTool, request: HttpRequest) -> ToolOutcome:
        """As the present scenario answers."""
        return failure("no scenario is played") if self.now is None else await self.now.run(tool, request)

    async def send(self, request: HttpRequest, limit_s: float) -> tuple[int, str]:
        """What a call context asks. Raises ToolError."""
        if self.now is None:
            raise ToolError("no scenario is played")
        return await self.now.send(request, limit_s)


def _audible(pcm: bytes | None) -> bool:
    if not pcm:
        return False
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    return bool(np.sqrt(np.mean(samples * samples)) > AUDIBLE)


def _hand_out(batch: Sequence[tuple[HasOwner, Frame]]) -> None:
    for leg, frame in batch:
        take = getattr(leg.owner, "on_frame", None)
        if take is not None:
            take(frame)
