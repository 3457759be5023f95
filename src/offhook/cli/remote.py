"""A server as the commands' backend, over its REST API."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx2
import msgspec

from offhook.cli.backend import CallFilter, Data, ExportFilter, NewCall, NewTrunk
from offhook.errors import (
    AgentConfigError,
    CapacityError,
    ConfigurationError,
    ConflictError,
    Fault,
    NotFoundError,
    OffhookError,
)

PAGE = 200
# Decimals keep their digits, as in the server's JSON.
_ENVELOPE = msgspec.json.Decoder(Data, float_hook=Decimal)
TIMEOUT_S = 30.0  # nothing the commands ask for takes seconds; a server that is gone should not hold a script
_ERRORS: Final[Mapping[int, type[OffhookError]]] = {
    401: ConfigurationError,
    403: ConfigurationError,
    404: NotFoundError,
    409: ConflictError,
    503: CapacityError,
}


class UnreachableError(OffhookError):
    """No server answers at the URL."""


class RemoteBackend:
    """A server at ``url``, with a key of it."""

    def __init__(self, url: str, api_key: str | None, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"--url: {url!r} must begin with http:// or https://")
        if not api_key:
            raise ConfigurationError("a server needs a key: --api-key KEY, or OFFHOOK_API_KEY in the environment")
        self._url = url.rstrip("/")
        headers = {"X-Api-Key": api_key}
        self._http = httpx2.AsyncClient(base_url=self._url, headers=headers, timeout=TIMEOUT_S, transport=transport)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def list_agents(self) -> list[Data]:
        """All agents."""
        return await self._pages("/v1/agents")

    async def apply_agent(self, config: Data, *, deploy: bool) -> Data:
        """Make a draft of the agent of that name, or a new agent."""
        known = next((agent for agent in await self.list_agents() if agent["name"] == config["name"]), None)
        if known is None:
            applied = await self._data("POST", "/v1/agents", json=config)
        else:
            applied = await self._data("PATCH", f"/v1/agents/{known['id']}", json=config)
        if deploy:
            version = applied["version"]
            await self._data("POST", f"/v1/agents/{applied['id']}/deploy", params={"version": version})
            applied["active"] = True
        return dict(applied)

    async def get_agent(self, agent_id: str) -> Data:
        """The whole configuration."""
        return dict(await self._data("GET", f"/v1/agents/{agent_id}"))

    async def list_numbers(self) -> list[Data]:
        """All phone numbers."""
        return await self._pages("/v1/phone-numbers", use_cursor="true")

    async def add_number(self, number: str, kind: str, agent_id: str | None, trunk_id: str | None) -> Data:
        """Add a number."""
        body = {"number": number, "type": kind, "inbound_agent_id": agent_id, "trunk_id": trunk_id}
        return dict(await self._data("POST", "/v1/phone-numbers", json=_given(body)))

    async def list_trunks(self) -> list[Data]:
        """All trunks."""
        return await self._pages("/v1/trunks")

    async def add_trunk(self, trunk: NewTrunk) -> Data:
        """Add a SIP trunk."""
        body = dataclasses.asdict(trunk)
        return dict(await self._data("POST", "/v1/trunks", json=_given(body)))

    async def list_keys(self) -> list[Data]:
        """All API keys."""
        return await self._pages("/v1/api-keys")

    async def create_key(self, name: str, scopes: Sequence[str], expires_days: int | None) -> Data:
        """Make a key."""
        expires = None if expires_days is None else datetime.now(UTC) + timedelta(days=expires_days)
        expires_at = None if expires is None else expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"name": name, "scopes": list(scopes), "expires_at": expires_at}
        return dict(await self._data("POST", "/v1/api-keys", json=_given(body)))

    async def revoke_key(self, key_id: str) -> None:
        """Make a key useless."""
        await self._data("DELETE", f"/v1/api-keys/{key_id}")

    async def list_calls(self, wanted: CallFilter) -> list[Data]:
        """Calls, newest first."""
        query = {
            "agent_id": wanted.agent_id,
            "status": wanted.status,
            "include_transcript": "false",
            "include_variable_values": "false",
        }
        return await self._pages("/v1/calls", wanted.limit, **_given(query))

    async def get_call(self, call_id: str) -> Data:
        """The whole record."""
        return dict(await self._data("GET", f"/v1/calls/{call_id}"))

    async def export_calls(self, wanted: ExportFilter) -> AsyncIterator[bytes]:
        """Calls as a file, in chunks."""
        query = {
            "format": wanted.format,
            "agent_id": wanted.agent_id,
            "status": wanted.status,
            "start_time_gt": wanted.since and wanted.since.isoformat(),
            "start_time_lt": wanted.until and wanted.until.isoformat(),
            "bom": "true" if wanted.bom else None,
        }
        request = self._http.build_request("GET", "/v1/calls/export", params=_given(query))
        async for chunk in self._stream(request):
            yield chunk

    async def start_call(self, call: NewCall) -> str:
        """Place a call."""
        body = {
            "from_number": call.from_number,
            "to_number": call.to_number,
            "agent_id": call.agent_id,
            "dynamic_variables_values": dict(call.variables) or None,
        }
        return str((await self._data("POST", "/v1/calls/phone", json=_given(body)))["call_id"])

    async def recording(self, call_id: str, *, channels: bool, wav: bool) -> AsyncIterator[bytes]:
        """Stream a call's recording, wherever the server keeps it."""
        query = {"format": "wav" if wav else "ogg", "channels": "split" if channels else "mixed"}
        request = self._http.build_request("GET", f"/v1/calls/{call_id}/recording", params=query)
        async for chunk in self._stream(request):
            yield chunk

    async def _stream(self, request: httpx2.Request) -> AsyncIterator[bytes]:
        answer = await self._send(request, stream=True)
        try:
            async for chunk in answer.aiter_bytes():
                yield chunk
        except httpx2.TransportError as error:
            raise OffhookError(f"{self._url} broke off in the middle of its answer; try again") from error
        finally:
            await answer.aclose()

    async def _pages(self, path: str, limit: int | None = None, **query: str) -> list[Data]:
        """Items of all pages, or the first ``limit``."""
        items: list[Data] = []
        cursor: str | None = None
        while limit is None or len(items) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(items))
            params = {**query, "limit": str(size), **({"cursor": cursor} if cursor else {})}
            page = await self._envelope("GET", path, params=params)
            items += page["data"]
            cursor = page.get("next_cursor")
            if not cursor or not page["data"]:
                break
        return items

    async def _data(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - any JSON
        return (await self._envelope(method, path, **options))["data"]

    async def _envelope(self, method: str, path: str, **options: Any) -> Data:  # noqa: ANN401 - httpx's options
        answer = await self._send(self._http.build_request(method, path, **options))
        try:
            return _ENVELOPE.decode(answer.content)
        except msgspec.DecodeError as error:
            raise OffhookError(f"{self._url} did not answer with JSON: is it an Offhook server?") from error

    async def _send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        try:
            answer = await self._http.send(request, stream=stream)
            if answer.is_success:
                return answer
            await answer.aread()
            await answer.aclose()
        except httpx2.TimeoutException as error:
            raise OffhookError(f"{self._url} did not answer in {TIMEOUT_S:.0f} s") from error
        except httpx2.TransportError as error:
            raise UnreachableError(f"{self._url} cannot be reached: {error or type(error).__name__}") from error
        raise _refusal(answer)


def _refusal(answer: httpx2.Response) -> OffhookError:
    try:
        error = answer.json()["error"]
        message, details = error["message"], error.get("details") or []
    except (ValueError, KeyError, TypeError):
        return OffhookError(f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase}")
    if answer.status_code in (400, 422) and details:
        return AgentConfigError([Fault(row["field"], row["message"]) for row in details])
    return _ERRORS.get(answer.status_code, OffhookError)(f"{message} ({answer.status_code})")


def _given(values: Data) -> Data:
    return {name: value for name, value in values.items() if value is not None}
