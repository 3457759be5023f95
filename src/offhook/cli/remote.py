"""A server as the commands' backend, by the API's client."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from offhook.cli.backend import CallFilter, Data, ExportFilter, NewCall, NewTrunk
from offhook.client import ApiStatusError, AsyncClient, ConnectionFailedError
from offhook.client.request import build, segment
from offhook.errors import (
    AgentConfigError,
    CapacityError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    OffhookError,
)

T = TypeVar("T")
PAGE = 200
# Decimals keep their digits, as in the server's JSON.
_ENVELOPE = msgspec.json.Decoder(Data, float_hook=Decimal)
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
        self._client = AsyncClient(self._url, api_key, transport=transport)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def list_agents(self) -> list[Data]:
        """All agents."""
        return await self._all(self._client.iter_agents(limit=PAGE))

    async def apply_agent(self, config: Data, *, deploy: bool) -> Data:
        """Make a draft of the agent of that name, or a new agent."""
        known = next((agent for agent in await self.list_agents() if agent["name"] == config["name"]), None)
        if known is None:
            applied = await self._told(self._client.create_agent(config))
        else:
            applied = await self._told(self._client.change_agent(known["id"], config))
        if deploy:
            await self._told(self._client.deploy_agent(applied["id"], version=applied["version"]))
            applied["active"] = True
        return dict(applied)

    async def get_agent(self, agent_id: str) -> Data:
        """The whole configuration."""
        return dict(await self._told(self._client.get_agent(agent_id)))

    async def list_numbers(self) -> list[Data]:
        """All phone numbers."""
        return await self._all(self._client.iter_numbers(limit=PAGE))

    async def add_number(self, number: str, kind: str, agent_id: str | None, trunk_id: str | None) -> Data:
        """Add a number."""
        given = _given({"inbound_agent_id": agent_id, "trunk_id": trunk_id})
        return _data(await self._told(self._client.add_number(number=number, type=_any(kind), **given)))

    async def list_trunks(self) -> list[Data]:
        """All trunks."""
        return await self._all(self._client.iter_trunks(limit=PAGE))

    async def add_trunk(self, trunk: NewTrunk) -> Data:
        """Add a SIP trunk."""
        return _data(await self._told(self._client.add_trunk(**_given(dataclasses.asdict(trunk)))))

    async def list_keys(self) -> list[Data]:
        """All API keys."""
        return await self._all(self._client.iter_keys(limit=PAGE))

    async def create_key(self, name: str, scopes: Sequence[str], expires_days: int | None) -> Data:
        """Make a key."""
        expires = None if expires_days is None else datetime.now(UTC) + timedelta(days=expires_days)
        return _data(
            await self._told(self._client.create_key(name=name, scopes=_any(list(scopes)), expires_at=expires))
        )

    async def revoke_key(self, key_id: str) -> None:
        """Make a key useless."""
        await self._told(self._client.revoke_key(key_id))

    async def list_calls(self, wanted: CallFilter) -> list[Data]:
        """Calls, newest first."""
        found = self._client.iter_calls(
            agent_id=wanted.agent_id, status=_any(wanted.status), limit=min(PAGE, wanted.limit),
            include_transcript=False, include_variable_values=False,
        )  # fmt: skip
        return await self._all(found, wanted.limit)

    async def get_call(self, call_id: str) -> Data:
        """The whole record, to the letter as the server gives it."""
        return dict(await self._told(self._exactly(f"/v1/calls/{segment(call_id)}")))

    async def export_calls(self, wanted: ExportFilter) -> AsyncIterator[bytes]:
        """Calls as a file, in chunks."""
        chunks = self._client.export_calls(
            format=_any(wanted.format), agent_id=wanted.agent_id, status=_any(wanted.status),
            start_time_gt=wanted.since, start_time_lt=wanted.until, bom=True if wanted.bom else None,
        )  # fmt: skip
        async for chunk in self._each(chunks):
            yield chunk

    async def start_call(self, call: NewCall) -> str:
        """Place a call."""
        started = await self._told(
            self._client.start_phone_call(
                from_number=call.from_number, to_number=call.to_number, agent_id=call.agent_id,
                dynamic_variables_values=dict(call.variables) or None,
            )
        )  # fmt: skip
        return started.call_id

    async def recording(self, call_id: str, *, channels: bool, wav: bool) -> AsyncIterator[bytes]:
        """Stream a call's recording, wherever the server keeps it."""
        chunks = self._client.get_recording(
            call_id, format="wav" if wav else "ogg", channels="split" if channels else "mixed"
        )
        async for chunk in self._each(chunks):
            yield chunk

    async def _exactly(self, path: str) -> Data:
        found: Data = _ENVELOPE.decode(await self._client.send(build("GET", path)))["data"]
        return found

    async def _all(self, found: AsyncIterator[T], limit: int | None = None) -> list[Data]:
        """What a list gives, or the first ``limit`` of it."""
        items: list[Data] = []
        async for item in self._each(found):
            items.append(_data(item))
            if len(items) == limit:
                break
        return items

    async def _each(self, found: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - an iterator of anything
        async with aclosing(found) as items:
            while (item := await self._told(anext(items, None))) is not None:
                yield item

    async def _told(self, answer: Awaitable[T]) -> T:
        """The answer; what went wrong as an error that the commands know."""
        try:
            return await answer
        except ApiStatusError as error:
            raise _refusal(error) from error
        except ConnectionFailedError as error:
            raise UnreachableError(f"{self._url} cannot be reached: {error.__cause__ or error}") from error
        except msgspec.DecodeError as error:
            raise OffhookError(f"{self._url} did not answer with JSON: is it an Offhook server?") from error


def _refusal(error: ApiStatusError) -> OffhookError:
    if error.status in {400, 422} and error.details:
        return AgentConfigError(list(error.details))
    return _ERRORS.get(error.status, OffhookError)(f"{error.message} ({error.status})")


def _data(shape: object) -> Data:
    found: Data = msgspec.to_builtins(shape, builtin_types=(Decimal,))
    return found


def _any(value: object) -> Any:  # noqa: ANN401 - a text from the command line, which the server checks
    return value


def _given(values: Data) -> Data:
    return {name: value for name, value in values.items() if value is not None}
