"""Who answers a number, and whom a call may be placed as: what the stores say, ready for a call.

Reads block for a moment, so the manager asks in a thread. Parsed configurations are kept by their id: a version never
changes, and parsing a large agent takes longer than all else that a call needs.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import structlog

from offhook.agents.config import AgentConfig
from offhook.agents.load import parse_agent
from offhook.errors import AgentConfigError, ConfigurationError, NotFoundError
from offhook.record.cost import PriceList
from offhook.store.agents import Agents, Version
from offhook.store.database import Database
from offhook.store.numbers import PhoneNumber, PhoneNumbers
from offhook.store.organizations import Organizations
from offhook.store.sealing import Sealer
from offhook.store.trunks import Trunk, Trunks

log = structlog.get_logger(__name__)

KEPT = 256  # parsed agents; a large one takes about a megabyte


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """A version of an agent that can take calls."""

    agent_id: str
    version: int
    configuration_id: str
    config: AgentConfig


@dataclass(frozen=True, slots=True)
class Route:
    """Where an inbound call goes; no agent: it can't be answered now."""

    number: PhoneNumber
    agent: AgentVersion | None
    prices: PriceList


@dataclass(frozen=True, slots=True)
class Origin:
    """What an outbound call is placed with."""

    number: PhoneNumber
    agent: AgentVersion
    trunk: Trunk | None
    prices: PriceList


@dataclass(frozen=True, slots=True)
class Expected:
    """What an inbound call that was announced is held with."""

    agent: AgentVersion
    prices: PriceList


class Phonebook(Protocol):
    """Who answers which number, and as whom calls are placed."""

    def route(self, to_number: str) -> Route | None:
        """Where a call to a number goes; None when nobody owns the number."""

    def origin(self, organization_id: str, from_number: str, agent_id: str, version: int | None) -> Origin:
        """What a call from a number by an agent takes. Raises NotFoundError, ConfigurationError."""

    def expected(self, organization_id: str, to_number: str, agent_id: str, version: int | None) -> Expected:
        """What an announced call takes. Raises NotFoundError, ConfigurationError."""


class Directory:
    """Reads of numbers, agents, trunks and prices."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._numbers, self._agents = PhoneNumbers(database), Agents(database)
        self._trunks, self._organizations = Trunks(database, sealer), Organizations(database)
        self._parsed: OrderedDict[str, AgentConfig] = OrderedDict()

    def route(self, to_number: str) -> Route | None:
        """Where a call to a number goes; None when nobody owns the number."""
        number = self._numbers.find(to_number)
        if number is None:
            return None
        return Route(number, self._inbound_agent(number), self._prices(number.organization_id))

    def origin(self, organization_id: str, from_number: str, agent_id: str, version: int | None) -> Origin:
        """What a call from a number by an agent takes. Raises NotFoundError, ConfigurationError."""
        number = self._numbers.find(from_number)
        if number is None or number.organization_id != organization_id:
            raise NotFoundError(f"from_number: {from_number} is no number of this organization; add it first")
        agent = self._agent(organization_id, agent_id, version)
        trunk = self._trunks.get(organization_id, number.trunk_id) if number.trunk_id else None
        return Origin(number, agent, trunk, self._prices(organization_id))

    def expected(self, organization_id: str, to_number: str, agent_id: str, version: int | None) -> Expected:
        """What an announced call takes. Raises NotFoundError, ConfigurationError."""
        number = self._numbers.find(to_number)
        if number is not None and number.organization_id != organization_id:
            raise NotFoundError(f"to_number: {to_number} is no number of this organization")
        return Expected(self._agent(organization_id, agent_id, version), self._prices(organization_id))

    def _agent(self, organization_id: str, agent_id: str, version: int | None) -> AgentVersion:
        try:
            return self._load(self._agents.version(organization_id, agent_id, version))
        except NotFoundError as error:
            raise NotFoundError(f"agent_id: {error}") from error
        except AgentConfigError as error:
            raise ConfigurationError(f"agent_id: its configuration is no longer valid: {error}") from error

    def _inbound_agent(self, number: PhoneNumber) -> AgentVersion | None:
        if number.inbound_agent_id is None:
            return None
        try:
            return self._load(self._agents.version(number.organization_id, number.inbound_agent_id))
        except (NotFoundError, AgentConfigError) as error:
            log.warning("agent_cannot_answer", number=number.number, error=str(error))
            return None

    def _load(self, version: Version) -> AgentVersion:
        # Global settings change without a new version, so they are part of what is kept.
        key = f"{version.configuration_id}:{version.configuration.get('secure_recording_urls')}"
        config = self._parsed.get(key)
        if config is None:
            config = self._parsed[key] = parse_agent(version.configuration)
            while len(self._parsed) > KEPT:
                self._parsed.popitem(last=False)
        return AgentVersion(version.agent_id, version.version, version.configuration_id, config)

    def _prices(self, organization_id: str) -> PriceList:
        return self._organizations.get(organization_id).prices
