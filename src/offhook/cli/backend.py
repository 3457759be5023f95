"""What the commands work on: the local data directory or a server; they don't know which."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

Data = dict[str, Any]  # shaped like ``data`` of the API's answers


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to list, newest first."""

    limit: int = 20
    agent_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which calls to export, as ``csv``, ``json`` or ``jsonl``; ``since`` and ``until`` are when they were answered."""

    format: str
    agent_id: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    bom: bool = False


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call to place."""

    to_number: str
    from_number: str
    agent_id: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewTrunk:
    """A SIP trunk as the API takes it."""

    name: str
    host: str
    port: int | None = None
    transport: str = "udp"
    username: str | None = None
    password: str | None = None
    register: bool = False
    allowed_sources: tuple[str, ...] = ()


class Backend(Protocol):
    """Raises OffhookError with a sentence for the user; AgentConfigError with faults by path."""

    async def list_agents(self) -> list[Data]:
        """All agents: id, name, version, active, language."""

    async def apply_agent(self, config: Data, *, deploy: bool) -> Data:
        """Make a draft of the agent of that name (a new agent when there is none); publish it with ``deploy``."""

    async def get_agent(self, agent_id: str) -> Data:
        """The whole configuration of the published version (the draft, where none is published)."""

    async def list_numbers(self) -> list[Data]:
        """All phone numbers."""

    async def add_number(self, number: str, kind: str, agent_id: str | None, trunk_id: str | None) -> Data:
        """Add a number, answered by an agent."""

    async def list_trunks(self) -> list[Data]:
        """All trunks, without passwords."""

    async def add_trunk(self, trunk: NewTrunk) -> Data:
        """Add a SIP trunk."""

    async def list_keys(self) -> list[Data]:
        """All API keys, without their secrets."""

    async def create_key(self, name: str, scopes: Sequence[str], expires_days: int | None) -> Data:
        """Make a key; ``key`` in the answer is shown this once."""

    async def revoke_key(self, key_id: str) -> None:
        """Make a key useless."""

    async def list_calls(self, wanted: CallFilter) -> list[Data]:
        """Calls, newest first, without transcripts."""

    async def get_call(self, call_id: str) -> Data:
        """The whole record."""

    def export_calls(self, wanted: ExportFilter) -> AsyncIterator[bytes]:
        """Calls as a file, in chunks."""

    async def start_call(self, call: NewCall) -> str:
        """Place a call; answers its id."""

    def recording(self, call_id: str, *, channels: bool, wav: bool) -> AsyncIterator[bytes]:
        """A call's recording, mixed or a channel per party, Ogg Opus or WAV, in chunks."""

    async def close(self) -> None:
        """Let go of connections."""
