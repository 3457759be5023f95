"""Tools of MCP servers over streamable HTTP, by the ``mcp`` package; loaded when the first agent needs it."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import structlog

from offhook.agents.dialogue import Dialogue
from offhook.agents.functions import MAX_RESULT_CHARS, ToolOutcome, failure, filled_headers, filled_url
from offhook.agents.model import ToolSpec
from offhook.agents.offer import RemoteTool
from offhook.agents.tools import McpTool
from offhook.agents.using import json_object
from offhook.egress.guard import Guard, GuardedTransport
from offhook.errors import ForbiddenAddressError, OffhookError, ToolError

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

log = structlog.get_logger(__name__)

LIST_KEPT_S = 300.0  # a server's tools change with its deployments, not with calls
IDLE_S = 60.0  # a conversation comes back to its tools within a minute; longer and a server may have forgotten us
CONNECT_LIMIT_S = 5.0
MAX_LISTS = 256
MAX_TOOLS = 64  # more, and no model chooses well
MAX_TOOL_CHARS = 20_000  # of one tool's description and schema
MAX_ANSWER_BYTES = 2_000_000  # a result in its envelope, or a list of tools


class McpServers:
    """Lists and calls tools. Connections are kept between calls of the same address and headers."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._connections: dict[_Address, _Connection] = {}
        self._listed: dict[_Address, tuple[float, tuple[ToolSpec, ...]]] = {}

    async def tools(self, tool: McpTool, dialogue: Dialogue) -> tuple[ToolSpec, ...]:
        """The server's tools that the agent may use. Raises ToolError, ForbiddenAddressError."""
        address, now_s = _address(tool, dialogue), asyncio.get_running_loop().time()
        known = self._listed.get(address)
        if known is None or now_s - known[0] > LIST_KEPT_S:
            known = self._listed[address] = (now_s, await self._list(address))
            while len(self._listed) > MAX_LISTS:
                self._listed.pop(next(iter(self._listed)))
        allowed = tool.allowed_tools
        return tuple(spec for spec in known[1] if allowed is None or spec.name in allowed)[:MAX_TOOLS]

    async def call(self, tool: RemoteTool, arguments: str, dialogue: Dialogue) -> ToolOutcome:
        """Call a tool with the model's arguments; whatever goes wrong is a failed outcome."""
        given = json_object(arguments)
        if (fault := misfit(given, tool.parameters)) is not None:
            return failure(fault)
        address = _address(tool.server, dialogue)
        try:
            async with self._connection(address).use() as client:
                return read_result(await client.call_tool(tool.name, given))
        except (ToolError, ForbiddenAddressError) as error:
            return failure(str(error))

    async def close(self) -> None:
        """Close connections."""
        connections = list(self._connections.values())
        self._connections.clear()
        for connection in connections:
            await connection.close()

    async def _list(self, address: _Address) -> tuple[ToolSpec, ...]:
        found: list[ToolSpec] = []
        async with self._connection(address).use() as client:
            cursor: str | None = None
            while len(found) < 4 * MAX_TOOLS:
                page = await client.list_tools(cursor=cursor)
                found += [ToolSpec(tool.name, tool.description or tool.name, tool.input_schema) for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
        return tuple(spec for spec in found if _fits(spec))

    def _connection(self, address: _Address) -> _Connection:
        connection = self._connections.get(address)
        if connection is None or connection.over:
            # Headers may name the call itself, so that there are as many addresses as calls.
            self._connections = {other: held for other, held in self._connections.items() if not held.over}
            connection = self._connections[address] = _Connection(address, self._guard)
        return connection


@dataclass(frozen=True, slots=True)
class _Address:
    url: str
    headers: tuple[tuple[str, str], ...]


def _address(tool: McpTool, dialogue: Dialogue) -> _Address:
    return _Address(filled_url(tool.url, dialogue.values), filled_headers(tool.headers, dialogue.values))


def _fits(spec: ToolSpec) -> bool:
    return len(spec.name) + len(spec.description) + len(json.dumps(spec.parameters)) <= MAX_TOOL_CHARS


@dataclass(slots=True)
class _Use:
    """``async with``: the client of a connection, for one request. Its failures become ToolError."""

    connection: _Connection

    async def __aenter__(self) -> Client:
        return await self.connection.open()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.connection.used()
        if error is None or isinstance(error, ToolError | asyncio.CancelledError):
            return
        from mcp import MCPError  # noqa: PLC0415 - loaded when it is needed
        from mcp_types import CONNECTION_CLOSED  # noqa: PLC0415 - likewise

        if isinstance(error, MCPError) and error.code != CONNECTION_CLOSED:
            raise ToolError(f"the server refused: {error}") from error
        self.connection.end()
        raise ToolError(f"the server failed: {_reason(error)}") from error


@dataclass(slots=True)
class _Connection:
    """One session with a server, held by a task of its own: its cancel scopes must open and close in the same one."""

    address: _Address
    guard: Guard
    over: bool = False
    _ready: asyncio.Future[Client] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _idle: asyncio.TimerHandle | None = None

    def use(self) -> _Use:
        """The client, for one request."""
        if self._idle is not None:
            self._idle.cancel()
        return _Use(self)

    async def open(self) -> Client:
        """The client, as soon as the session is there. Raises ToolError, ForbiddenAddressError."""
        if self._task is None:
            self._task = asyncio.create_task(self._hold(), name=f"mcp-{self.address.url}")
        return await asyncio.shield(self._ready)

    def used(self) -> None:
        """A request is over; without another the session ends."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.end)

    def end(self) -> None:
        """Let the session go."""
        self.over = True
        self._ended.set()
        if self._idle is not None:
            self._idle.cancel()

    async def close(self) -> None:
        """Let the session go and wait until it has."""
        self.end()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=1.0)
            for task in late:
                task.cancel()

    async def _hold(self) -> None:
        try:
            # A second of imports: in a thread, or the audio of every call would wait for it.
            await asyncio.to_thread(importlib.import_module, "mcp.client")
            await self._session()
        except Exception as error:  # noqa: BLE001 - whatever breaks in it is told as this server's failure
            self._fail(error)
        finally:
            self.over = True

    async def _session(self) -> None:
        from mcp import Client  # noqa: PLC0415 - loaded when it is needed
        from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - likewise

        headers = {"Accept-Encoding": "identity", **dict(self.address.headers)}
        timeout = httpx2.Timeout(30.0, connect=CONNECT_LIMIT_S)
        transport = _Bounded(self.guard)
        async with (
            httpx2.AsyncClient(transport=transport, headers=headers, timeout=timeout) as http,
            Client(streamable_http_client(self.address.url, http_client=http), cache=None) as client,
        ):
            self._ready.set_result(client)
            await self._ended.wait()

    def _fail(self, error: Exception) -> None:
        if self._ready.done():
            log.warning("mcp_session_failed", url=self.address.url, error=_reason(error))
            return
        inner = _innermost(error)
        known = inner if isinstance(inner, OffhookError) else ToolError(f"it can't be reached: {_reason(error)}")
        self._ready.set_exception(known)
        self._ready.exception()  # nobody may be waiting any longer


class _Bounded(GuardedTransport):
    """Answers of no more than MAX_ANSWER_BYTES: the package reads a JSON answer whole, whatever its length."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and cut what is too long."""
        response = await super().handle_async_request(request)
        response.stream = _Cut(response.stream)
        return response


class _Cut(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - httpx2 types it for both of its clients
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def misfit(arguments: Mapping[str, Any], schema: dict[str, Any]) -> str | None:
    """What of the arguments doesn't fit a tool's schema, as a sentence for the model; None when all fits."""
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - loaded with the package
    from jsonschema.exceptions import UnknownType  # noqa: PLC0415 - likewise
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415 - likewise
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - likewise

    try:
        # With this registry a reference to another document is an error, and never a request.
        validator = Draft202012Validator(schema, registry=REGISTRY)
        fault = next(iter(sorted(validator.iter_errors(arguments), key=lambda error: list(map(str, error.path)))), None)
    except (SchemaError, UnknownType, Unresolvable, ValueError, TypeError, RecursionError) as error:
        return f"the tool's own description is broken: {_reason(error)}"
    if fault is None:
        return None
    where = ".".join(map(str, fault.path))
    return f"{where}: {fault.message}"[:300] if where else fault.message[:300]


def read_result(result: CallToolResult) -> ToolOutcome:
    """A tool's result as the model is told it: its data, else its text."""
    texts = [getattr(part, "text", None) or f"[{part.type}]" for part in result.content]
    text = "\n".join(texts)
    if result.is_error:
        return failure(text[:MAX_RESULT_CHARS] or "the tool failed")
    told = result.structured_content if result.structured_content is not None else text
    return ToolOutcome(True, json.dumps(told, ensure_ascii=False)[:MAX_RESULT_CHARS])


def _innermost(error: BaseException) -> BaseException:
    """The cause inside groups of exceptions."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _reason(error: BaseException) -> str:
    inner = _innermost(error)
    return (str(inner).splitlines() or [""])[0][:200] or type(inner).__name__
