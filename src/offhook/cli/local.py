"""The local data directory as the commands' backend: its database, its recordings, and the server that runs on it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from pydantic import BaseModel, ValidationError

from offhook.cli.backend import CallFilter, Data, ExportFilter, NewCall, NewTrunk
from offhook.errors import AgentConfigError, ConfigurationError, Fault, NotFoundError
from offhook.files import open_files
from offhook.record.times import iso_us, parse_iso_us
from offhook.recordings import Recordings
from offhook.recordings.content import open_wav
from offhook.settings import Settings, ensure_secret_key
from offhook.store import calls as stored_calls
from offhook.store.agents import Agents, Version
from offhook.store.audit import ACTOR
from offhook.store.database import Database, database_url
from offhook.store.ids import now_us
from offhook.store.keys import ApiKey, ApiKeys, Scope
from offhook.store.numbers import PhoneNumber, PhoneNumbers
from offhook.store.organizations import Organizations
from offhook.store.questions import PostCallQuestions
from offhook.store.sealing import Sealer
from offhook.store.trunks import Trunk, Trunks

DAY_US = 86_400 * 1_000_000
MINUTE_US = 60 * 1_000_000
# Decimals keep their digits, as in the API's own JSON.
_DOCUMENT = msgspec.json.Decoder(Data, float_hook=Decimal)


class LocalBackend:
    """Acts for the default organization, which the first command or start makes."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        ACTOR.set("cli")
        self._owner = Organizations(database).ensure_default().id
        self._agents, self._numbers = Agents(database), PhoneNumbers(database)
        self._questions = PostCallQuestions(database)
        secret_key = ensure_secret_key(settings)
        self._trunks, self._keys = Trunks(database, Sealer(secret_key)), ApiKeys(database)
        self._calls = stored_calls.Calls(database)
        self._recordings = Recordings(
            settings.data_dir,
            open_files(settings, "recordings", under=""),
            secret_key,
            server_url(settings),
        )

    @classmethod
    def open(cls, settings: Settings) -> LocalBackend:
        """Open the database that the settings mean; it is made, or brought up to date, when it must be."""
        return cls(settings, Database.open(database_url(settings)))

    async def close(self) -> None:
        """Close the database."""
        await self._recordings.close()
        self._database.close()

    async def list_agents(self) -> list[Data]:
        """All agents, each by its newest version."""
        return [_agent(self._agents.latest(self._owner, agent.id)) for agent in self._agents.all(self._owner)]

    async def apply_agent(self, config: Data, *, deploy: bool) -> Data:
        """Make a draft of the agent of that name, or a new agent."""
        known = self._agents.by_name(self._owner, config["name"])
        if known is None:
            made = self._agents.create(self._owner, config, deploy=deploy)
            return _agent(self._agents.latest(self._owner, made.id))
        draft = self._agents.save_draft(self._owner, known.id, config)
        return _agent(self._agents.deploy(self._owner, known.id, draft.version) if deploy else draft)

    async def get_agent(self, agent_id: str) -> Data:
        """The published configuration, else the draft."""
        published = self._agents.get(self._owner, agent_id).published_version
        if published is None:
            return _agent(self._agents.latest(self._owner, agent_id))
        return _agent(self._agents.version(self._owner, agent_id, published))

    async def list_numbers(self) -> list[Data]:
        """All phone numbers."""
        return [_number(number) for number in self._numbers.all(self._owner)]

    async def add_number(self, number: str, kind: str, agent_id: str | None, trunk_id: str | None) -> Data:
        """Add a number, checked as the API checks it."""
        from offhook.api.v1.numbers import NewNumber  # noqa: PLC0415 - the framework costs 300 ms

        _check(NewNumber, number=number, type=kind, inbound_agent_id=agent_id, trunk_id=trunk_id)
        made = self._numbers.create(self._owner, number, type=kind, inbound_agent_id=agent_id, trunk_id=trunk_id)
        return _number(made)

    async def list_trunks(self) -> list[Data]:
        """All trunks."""
        return [_trunk(trunk) for trunk in self._trunks.all(self._owner)]

    async def add_trunk(self, trunk: NewTrunk) -> Data:
        """Add a SIP trunk, checked as the API checks it."""
        from offhook.api.v1 import trunks  # noqa: PLC0415 - as above

        values = _check(trunks.NewTrunk, **dataclasses.asdict(trunk))
        return _trunk(self._trunks.create(self._owner, **values))

    async def list_keys(self) -> list[Data]:
        """All API keys."""
        return [_key(key) for key in self._keys.all(self._owner)]

    async def create_key(self, name: str, scopes: Sequence[str], expires_days: int | None) -> Data:
        """Make a key."""
        expires_us = None if expires_days is None else now_us() + expires_days * DAY_US
        granted = tuple(Scope(scope) for scope in scopes)
        key, secret = self._keys.create(self._owner, name, scopes=granted, expires_us=expires_us)
        return {**_key(key), "key": secret}

    async def revoke_key(self, key_id: str) -> None:
        """Make a key useless."""
        self._keys.revoke(self._owner, key_id)

    async def list_calls(self, wanted: CallFilter) -> list[Data]:
        """Calls, newest first."""
        rows = stored_calls.CallFilter(agent_id=wanted.agent_id, status=wanted.status)
        page = self._calls.after(self._owner, rows, limit=wanted.limit)
        return [self._shown(call.without(transcript=b"[]", transcript_string=b'""')) for call in page.items]

    async def get_call(self, call_id: str) -> Data:
        """The whole record."""
        return self._shown(self._stored(call_id))

    async def export_calls(self, wanted: ExportFilter) -> AsyncIterator[bytes]:
        """Calls as a file, in chunks."""
        from offhook.review.export import BATCH, Batch, Format, columns_of, export  # noqa: PLC0415 - only this needs it

        rows = stored_calls.CallFilter(
            agent_id=wanted.agent_id,
            status=wanted.status,
            start_gt_us=_us(wanted.since),
            start_lt_us=_us(wanted.until),
        )
        kind = Format(wanted.format)
        known = wanted.agent_id and kind is Format.CSV
        columns = columns_of(self._agents, self._questions, self._owner, wanted.agent_id or "") if known else None

        def read(before_us: int | None) -> Batch:
            page = self._calls.after(self._owner, rows, limit=BATCH, before_us=before_us)
            return [self._with_urls(call) for call in page.items], page.next_before_us

        async for chunk in export(read, kind, columns, bom=wanted.bom):
            yield chunk

    async def start_call(self, call: NewCall) -> str:
        """Place a call by the server that runs on this data, with a key made for it."""
        from offhook.cli.remote import RemoteBackend, UnreachableError  # noqa: PLC0415 - only this needs HTTP

        url = server_url(self._settings)
        scopes = (Scope.CALLS_WRITE,)
        key, secret = self._keys.create(self._owner, "offhook call", scopes=scopes, expires_us=now_us() + MINUTE_US)
        server = RemoteBackend(url, secret)
        try:
            return await server.start_call(call)
        except ConfigurationError as error:
            raise ConfigurationError(f"the server at {url} runs on other data: {error}") from error
        except UnreachableError as error:
            raise UnreachableError(f"a running server places calls, and none is at {url}: `offhook serve`") from error
        finally:
            await server.close()
            self._keys.revoke(self._owner, key.id)

    async def recording(self, call_id: str, *, channels: bool, wav: bool) -> AsyncIterator[bytes]:
        """Stream a call's recording out of the store."""
        self._stored(call_id)
        record = self._calls.load_record(call_id)
        if record is None or record.recording is None:
            raise NotFoundError(f"call {call_id} has no recording (yet)")
        key = record.recording.channels if channels else record.recording.mixed
        store = self._recordings.store
        if wav:
            view = await open_wav(store, key)
            parts = view.stream(0, view.size)
        else:
            parts = store.stream(key, 0, (await store.find(key)).size)
        async for part in parts:
            yield part

    def _stored(self, call_id: str) -> stored_calls.StoredCall:
        found = self._calls.get(self._owner, call_id)
        if found is None:
            raise NotFoundError(f"no call {call_id}")
        return found

    def _shown(self, call: stored_calls.StoredCall) -> Data:
        return _DOCUMENT.decode(self._with_urls(call))

    def _with_urls(self, call: stored_calls.StoredCall) -> bytes:
        make = self._recordings.mixed_url, self._recordings.channels_url
        urls = [url(call.call_id, secure=call.secure) if call.recorded else None for url in make]
        return call.with_urls(*urls)


def server_url(settings: Settings) -> str:
    """Where the server of these settings is to be found."""
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.http_host, settings.http_host)  # noqa: S104 - compared
    return f"http://[{host}]:{settings.http_port}" if ":" in host else f"http://{host}:{settings.http_port}"


def _check(model: type[BaseModel], **values: object) -> Data:
    """The values as the model has them, defaults and all. Raises AgentConfigError with each fault."""
    try:
        return model.model_validate(values).model_dump(by_alias=True)
    except ValidationError as error:
        faults = [Fault(".".join(map(str, row["loc"])), row["msg"]) for row in error.errors()]
        raise AgentConfigError(faults) from error


def _agent(version: Version) -> Data:
    return {
        "id": version.agent_id,
        **version.configuration,
        "version": version.version,
        "configuration_id": version.configuration_id,
        "active": version.active,
        "created_at": iso_us(version.created_us),
    }


def _number(number: PhoneNumber) -> Data:
    return {
        "id": number.id,
        "number": number.number,
        "name": number.name,
        "created_at": iso_us(number.created_us),
        "type": number.type,
        "inbound_agent_id": number.inbound_agent_id,
        "redirect": number.redirect,
        "redirect_phone_number": number.redirect_phone_number,
        "trunk_id": number.trunk_id,
    }


def _trunk(trunk: Trunk) -> Data:
    return {
        "id": trunk.id,
        "name": trunk.name,
        "type": trunk.type,
        "host": trunk.host,
        "port": trunk.port,
        "transport": trunk.transport,
        "username": trunk.username,
        "register": trunk.register,
        "allowed_sources": list(trunk.allowed_sources),
        "created_at": iso_us(trunk.created_us),
    }


def _key(key: ApiKey) -> Data:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": [scope.value for scope in key.scopes],
        "created_at": iso_us(key.created_us),
        "expires_at": _moment(key.expires_us),
        "revoked_at": _moment(key.revoked_us),
        "last_used_at": _moment(key.last_used_us),
    }


def _moment(at_us: int | None) -> str | None:
    return None if at_us is None else iso_us(at_us)


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else parse_iso_us(moment.isoformat())
