"""The whole platform in one process: opened in order, recovered, closed in the reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog

from offhook.agents.config import AgentConfig
from offhook.agents.load import agent_dict, load_agent
from offhook.audio.turn_model import TurnModel
from offhook.audio.vad import BatchedVad
from offhook.calls.directory import Directory
from offhook.calls.library import OrganizationLibrary
from offhook.calls.manager import CallManager
from offhook.calls.services import Services
from offhook.calls.tools.custom_function import HttpFunctions
from offhook.calls.tools.http import ToolHttp, tool_guard
from offhook.calls.tools.mcp import McpServers
from offhook.calls.voice_hub import VoiceHub
from offhook.errors import ProviderError
from offhook.files import open_files
from offhook.knowledge.service import Knowledge
from offhook.lines.media.engine import MediaEngine
from offhook.lines.sip.endpoint import SipEndpoint
from offhook.recordings import Recordings
from offhook.review.worker import ReviewWorker
from offhook.server import capacity
from offhook.server.erasing import Eraser, Retainer
from offhook.server.http import HttpServer
from offhook.server.memory import give_back
from offhook.server.node import Node
from offhook.server.providers import Providers, local_providers
from offhook.server.recovery import Recovery
from offhook.server.sweeper import Sweeper
from offhook.server.warming import Warmer
from offhook.server.web import build_app
from offhook.settings import Settings, ensure_secret_key
from offhook.store.agents import Agents
from offhook.store.bootstrap import FirstStart, bootstrap
from offhook.store.calls import Calls
from offhook.store.database import Database, database_url
from offhook.store.keys import ApiKeys
from offhook.store.numbers import PhoneNumbers
from offhook.store.organizations import Organizations
from offhook.store.sealing import Sealer
from offhook.store.trunks import Trunks
from offhook.store.workers import Workers
from offhook.store.writer import CallWriter
from offhook.webhooks.service import Webhooks

log = structlog.get_logger(__name__)


class Platform:
    """``open`` it, use ``calls``, ``close`` it."""

    def __init__(self, settings: Settings, first: FirstStart, database: Database) -> None:
        self.settings, self._first, self._database = settings, first, database
        self._stack = AsyncExitStack()
        self._background: set[asyncio.Task[None]] = set()
        self.calls: CallManager
        self.recordings: Recordings
        self.knowledge: Knowledge
        self.warmer: Warmer
        self.webhooks: Webhooks
        self._writer: CallWriter
        self._http: HttpServer
        self._sip: SipEndpoint

    @classmethod
    async def open(cls, settings: Settings, providers: Providers | None = None) -> Platform:
        """Start everything; calls are taken when this returns. Raises OffhookError with what to do."""
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = await asyncio.to_thread(Database.open, database_url(settings))
        platform = cls(settings, await asyncio.to_thread(bootstrap, database), database)
        platform._stack.callback(database.close)
        try:
            await platform._start(providers)
            give_back()
        except BaseException:
            await platform.close()
            raise
        return platform

    @property
    def url(self) -> str:
        """Base of the API as clients reach it."""
        return self.settings.public_url or f"http://{self._http.host}:{self._http.port}"

    @property
    def sip_address(self) -> str:
        """host:port of SIP."""
        host, port = self._sip.address
        return f"{host}:{port}"

    @property
    def new_key(self) -> str | None:
        """The first API key, on the first start only."""
        return self._first.api_key

    # ------------------------------------------------------------------ what the demo and tests set up

    async def make_key(self) -> str:
        """An API key: the first start's own, else a new one."""
        if self._first.api_key is not None:
            return self._first.api_key
        _, secret = await asyncio.to_thread(ApiKeys(self._database).create, self._first.organization.id, "demo")
        return secret

    @property
    def organization_id(self) -> str:
        """The first organization."""
        return self._first.organization.id

    async def publish_agent(self, agent: Path | AgentConfig, *, llm: str | None = None) -> str:
        """Publish an agent or an agent file as it is, or with another language model provider; the agent's id."""
        configuration = agent_dict(agent if isinstance(agent, AgentConfig) else load_agent(agent))
        if llm is not None:
            configuration["llm"] = {"provider": llm}
        create = Agents(self._database).create
        made = await asyncio.to_thread(create, self._first.organization.id, configuration, deploy=True)
        return made.id

    async def add_number(self, number: str, agent_id: str) -> None:
        """Have an agent answer a number."""
        create = PhoneNumbers(self._database).create
        await asyncio.to_thread(create, self._first.organization.id, number, inbound_agent_id=agent_id)

    async def recording_path(self, call_id: str) -> Path | None:
        """The mixed recording's file; None while there is none."""
        record = await asyncio.to_thread(Calls(self._database).load_record, call_id)
        recorded = record.recording if record else None
        return self.recordings.store.path(recorded.mixed) if recorded else None

    # ------------------------------------------------------------------ start and end

    async def _start(self, providers: Providers | None) -> None:
        settings, stack, database = self.settings, self._stack, self._database
        node_id, worker_id = await self._enlist()
        secret = ensure_secret_key(settings)
        sealer = Sealer(secret)
        await self._open_keepers(secret)
        providers = providers or local_providers(settings)
        # Closing comes before starting in this list: a start that fails half-way leaves no process behind.
        stack.push_async_callback(providers.close)
        services, hub = await self._load(providers)
        review = ReviewWorker(database, self._writer, providers.shelf.model_for)
        stack.push_async_callback(review.close)
        self.calls = CallManager(services, Directory(database, sealer), self._capacity(providers))
        sweeper = Sweeper(
            Workers(database), self._writer, worker_id, node_id,
            prices_of=lambda owner: Organizations(database).get(owner).prices,
            has_sound=self.recordings.has_sound,
        )  # fmt: skip
        await sweeper.sweep_own()
        review.start()
        await self._listen(hub, sealer)
        self._spawn(sweeper.run(), "sweeper")
        self.warmer = Warmer(database, providers.synthesizer, providers.shelf.load, lambda: self.calls.active > 0)
        self._spawn(self.warmer.run(), "warm-voice")
        self._keep_house(sealer)
        if providers.local and settings.max_calls is None:
            self._spawn(self._measure(providers), "measure-capacity")

    async def _open_keepers(self, secret: str) -> None:
        """What keeps something beside the database's rows: recordings, what consumers are owed, knowledge."""
        settings, stack = self.settings, self._stack
        self.recordings = Recordings(settings.data_dir, open_files(settings, "recordings", under=""), secret, "")
        stack.push_async_callback(self.recordings.close)
        self.webhooks = Webhooks(self._database, secret, settings.webhook_allow, links=self.recordings)
        await asyncio.to_thread(self.webhooks.outbox.settle_in)
        stack.push_async_callback(self.webhooks.close)
        await self.recordings.watch.first()
        self.knowledge = Knowledge(self._database, settings, secret)
        stack.push_async_callback(self.knowledge.close)

    async def _load(self, providers: Providers) -> tuple[Services, VoiceHub]:
        """What all calls share, its models in memory."""
        stack = self._stack
        pool = ThreadPoolExecutor(1, thread_name_prefix="turn-model")
        stack.callback(pool.shutdown, wait=False)
        turn_model, vad, _, _ = await asyncio.gather(
            asyncio.to_thread(TurnModel),
            asyncio.to_thread(BatchedVad),
            providers.recognizer.start(),
            providers.synthesizer.start(),
        )
        hub, guard = VoiceHub(vad), tool_guard(self.settings.tool_allow)
        http, servers = ToolHttp(guard), McpServers(guard)
        stack.push_async_callback(http.close)
        stack.push_async_callback(servers.close)
        services = Services(
            providers.recognizer, providers.synthesizer, providers.shelf.model_for,
            providers.functions or HttpFunctions(http), turn_model, pool, hub, self._writer, self.recordings,
            http=providers.http or http, servers=servers, library=partial(OrganizationLibrary, self.knowledge),
        )  # fmt: skip
        return services, hub

    def _keep_house(self, sealer: Sealer) -> None:
        """The work that goes on beside calls."""
        recovery = Recovery(self._database, self._writer, self.recordings)
        retainer = Retainer(self._database, self._writer, event_days=self.settings.event_retention_days)
        self._spawn(self.knowledge.start(), "start-knowledge")
        self._spawn(_seal_plain(Trunks(self._database, sealer)), "seal-trunks")
        self._spawn(recovery.keep_recordings(), "keep-recordings")
        self._spawn(self.recordings.watch.run(), "watch-storage")
        self._spawn(Eraser(self._database, self.recordings).run(), "erase-files")
        self._spawn(retainer.run(), "retention")

    async def _enlist(self) -> tuple[str | None, str]:
        """Be a worker of the database, under the data directory's identity where that is ours alone; both ids."""
        node, workers = Node.take(self.settings.data_dir), Workers(self._database)
        self._stack.callback(node.close)
        worker_id = await asyncio.to_thread(workers.register, node.id)
        self._stack.callback(workers.remove, worker_id)
        self._writer = CallWriter(self._database, worker_id=worker_id)
        self._stack.push_async_callback(self._writer.close)
        return node.id, worker_id

    async def _listen(self, hub: VoiceHub, sealer: Sealer) -> None:
        settings, stack = self.settings, self._stack
        media = MediaEngine(
            asyncio.get_running_loop(), hub.frames, settings.sip_host, settings.rtp_port_min, settings.rtp_port_max
        )
        media.start()
        stack.callback(media.close)
        self._sip = SipEndpoint(
            host=settings.sip_host, port=settings.sip_port, public_host=settings.public_host, media=media,
            on_call=self.calls.incoming, allow=settings.sip_allow,
        )  # fmt: skip
        app = build_app(
            settings, self._database, writer=self._writer, calls=self.calls, recordings=self.recordings,
            knowledge=self.knowledge, webhooks=self.webhooks, sealer=sealer,
        )  # fmt: skip
        self._http = HttpServer(app, settings.http_host, settings.http_port)
        await self._http.start()
        stack.push_async_callback(self._http.close)
        stack.push_async_callback(self.webhooks.live.close)  # streams end before the server waits for its requests
        self.recordings.public_url = self.knowledge.public_url = self.url
        self.webhooks.start(self._writer)
        self.calls.attach(self._sip)
        await self._sip.start()
        stack.push_async_callback(self._sip.close)
        stack.push_async_callback(self.calls.close)

    def _capacity(self, providers: Providers) -> int:
        if self.settings.max_calls is not None:
            return self.settings.max_calls
        if not providers.local:
            return capacity.REMOTE
        found = capacity.remembered(self.settings.data_dir)
        return found.calls if found else capacity.CAUTIOUS

    async def _measure(self, providers: Providers) -> None:
        if capacity.remembered(self.settings.data_dir) is None:
            try:
                found = await capacity.measure(providers.synthesizer, self.settings.data_dir)
            except ProviderError as error:
                log.warning("capacity_not_measured", error=str(error))
            else:
                self.calls.capacity = found.calls

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_work_failed", task=task.get_name(), error=repr(error))

    async def close(self) -> None:
        """End calls properly, then close what they used, in the reverse order of opening."""
        for task in tuple(self._background):
            task.cancel()
        await self._stack.aclose()


async def _seal_plain(trunks: Trunks) -> None:
    if sealed := await asyncio.to_thread(trunks.seal_plain):
        log.info("trunk_secrets_sealed", trunks=sealed)
