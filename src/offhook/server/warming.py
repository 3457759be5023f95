"""Load the models of published agents and render what they say word for word, so that callers don't wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import and_, select

from offhook.agents.config import AgentConfig
from offhook.agents.fixed_phrases import fixed_phrases
from offhook.agents.load import parse_agent
from offhook.agents.providers import Llm
from offhook.calls.live import voice_of
from offhook.conversation.clauses import ClauseSplitter
from offhook.conversation.phrases import phrases
from offhook.errors import AgentConfigError, ConfigurationError, ModelFilesError, ProviderError
from offhook.models.speech import Synthesizer
from offhook.store.agents import Agents
from offhook.store.database import Database
from offhook.store.tables import agent_versions, agents

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 3.0  # a newly published agent is noticed this soon, whoever published it
RATE_HZ = 8000


class Warmer:
    """``run`` looks for published versions not yet prepared; ``warm`` prepares them now."""

    def __init__(
        self,
        database: Database,
        synthesizer: Synthesizer,
        load: Callable[[Llm], Awaitable[None]],
        busy: Callable[[], bool],
    ) -> None:
        self._database, self._synthesizer, self._load, self._busy = database, synthesizer, load, busy
        self._done: set[str] = set()
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.warm()
            await asyncio.sleep(LOOK_EVERY_S)

    async def warm(self) -> None:
        """Prepare every published version that isn't."""
        async with self._lock:
            for organization_id, agent_id, configuration_id in await asyncio.to_thread(self._published):
                if configuration_id not in self._done:
                    self._done.add(configuration_id)
                    await self._prepare(organization_id, agent_id)

    async def _prepare(self, organization_id: str, agent_id: str) -> None:
        try:
            version = await asyncio.to_thread(Agents(self._database).version, organization_id, agent_id)
            config = parse_agent(version.configuration)
            for llm in (config.llm, *(state.llm for state in config.states if state.llm), config.fallback_llm):
                if llm is not None:
                    await self._load(llm)
            for clause in clauses_of(config):
                # A clause under way would delay a caller's by a second: rehearse only while nobody calls.
                while self._busy():  # noqa: ASYNC110 - the end of the last call is nobody's event
                    await asyncio.sleep(LOOK_EVERY_S)
                await self._synthesizer.prepare([clause], voice_of(config), RATE_HZ)
        except (AgentConfigError, ConfigurationError, ModelFilesError, ProviderError) as error:
            log.warning("agent_not_prepared", agent_id=agent_id, error=str(error))

    def _published(self) -> list[tuple[str, str, str]]:
        published = and_(
            agent_versions.c.agent_id == agents.c.id, agent_versions.c.version == agents.c.published_version
        )
        query = select(agents.c.organization_id, agents.c.id, agent_versions.c.configuration_id).join(
            agent_versions, published
        )
        with self._database.read() as connection:
            rows = connection.execute(query.where(agents.c.deleted_us.is_(None))).all()
        return [(row.organization_id, row.id, row.configuration_id) for row in rows]


def clauses_of(config: AgentConfig) -> list[str]:
    """The clauses of all fixed phrases, as a conversation would cut them at the start of an answer or later in it."""
    own = phrases(config.language)
    found: list[str] = []
    for text in [*fixed_phrases(config), own.goodbye, own.repeat, own.presence]:
        for opening in ("", "A word. "):
            splitter = ClauseSplitter()
            found += [*splitter.feed(opening + text), *splitter.end()][1 if opening else 0 :]
    return [clause for clause in dict.fromkeys(found) if "{{" not in clause and "}}" not in clause]
