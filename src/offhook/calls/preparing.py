"""Before the first word: what the agent asks other systems, and which tools its MCP servers have."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

import structlog

from offhook.agents.config import AgentConfig, ContextRequest
from offhook.agents.context import build_context_request, read_context
from offhook.agents.dialogue import Dialogue
from offhook.agents.events import Problem, VariableChanged
from offhook.agents.functions import HttpRequest
from offhook.agents.model import ToolSpec
from offhook.agents.tools import McpTool
from offhook.errors import ForbiddenAddressError, ToolError

log = structlog.get_logger(__name__)

LISTING_LIMIT_S = 3.0  # as long as a context request has by default: the caller hears it ring meanwhile


class Http(Protocol):
    """Sends a request of an agent."""

    async def send(self, request: HttpRequest, limit_s: float) -> tuple[int, str]:
        """Status and text of the answer. Raises ToolError, ForbiddenAddressError."""


class ToolServers(Protocol):
    """Knows the tools of MCP servers."""

    async def tools(self, tool: McpTool, dialogue: Dialogue) -> tuple[ToolSpec, ...]:
        """Those that the agent may use. Raises ToolError, ForbiddenAddressError."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The dialogue to begin with, and what the record is told of how it came about."""

    dialogue: Dialogue
    events: tuple[VariableChanged | Problem, ...]


def needs_preparing(config: AgentConfig) -> bool:
    """Whether there is anything to do before the first word."""
    return bool(config.call_context or _servers(config))


async def prepare(dialogue: Dialogue, http: Http | None, servers: ToolServers | None) -> Prepared:
    """Do all of it at once; what fails or is late is told, and the call begins without it."""
    config = dialogue.config
    mcp = _servers(config)
    answers, listed = await asyncio.gather(
        asyncio.gather(*(_ask(request, dialogue, http) for request in config.call_context)),
        asyncio.gather(*(_list(tool, dialogue, servers) for tool in mcp)),
    )
    events: list[VariableChanged | Problem] = []
    for request, answer in zip(config.call_context, answers, strict=True):
        dialogue, told = read_context(dialogue, request, answer)
        events += told
    remote = {}
    for tool, found in zip(mcp, listed, strict=True):
        if isinstance(found, ToolError):
            events.append(Problem("mcp_unavailable", f"{tool.url}: {found}"))
        else:
            remote[tool] = found
    return Prepared(replace(dialogue, remote=MappingProxyType(remote)), tuple(events))


def _servers(config: AgentConfig) -> tuple[McpTool, ...]:
    tools = (tool for state in config.states for tool in state.tools if isinstance(tool, McpTool))
    return tuple(dict.fromkeys(tools))


async def _ask(request: ContextRequest, dialogue: Dialogue, http: Http | None) -> tuple[int, str] | ToolError:
    if http is None:
        return ToolError("requests can't be sent here")
    try:
        return await http.send(build_context_request(request, dialogue.values), request.timeout_seconds)
    except (ToolError, ForbiddenAddressError) as error:
        log.warning("call_context_failed", name=request.name, error=str(error))
        return error if isinstance(error, ToolError) else ToolError(str(error))


async def _list(tool: McpTool, dialogue: Dialogue, servers: ToolServers | None) -> tuple[ToolSpec, ...] | ToolError:
    if servers is None:
        return ToolError("MCP servers can't be reached here")
    try:
        async with asyncio.timeout(LISTING_LIMIT_S):
            return await servers.tools(tool, dialogue)
    except TimeoutError:
        return ToolError(f"its tools were not listed within {LISTING_LIMIT_S:g} s")
    except (ToolError, ForbiddenAddressError) as error:
        return error if isinstance(error, ToolError) else ToolError(str(error))
