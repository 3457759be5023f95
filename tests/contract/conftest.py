"""The application on a real database of each kind, calls only written down, and every route of its document."""

from __future__ import annotations

import contextvars
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from offhook.api.app import create_app
from offhook.api.control import ApiDeps
from offhook.api.limits import RateLimits
from offhook.calls.request import PhoneCallRequest, StageRequest
from offhook.errors import CapacityError
from offhook.knowledge.service import Knowledge
from offhook.record.events import CallCreated, MetadataChanged, PostCall, Recorded, StatusChanged, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.settings import Settings
from offhook.store.bootstrap import bootstrap
from offhook.store.database import Database
from offhook.store.deliveries import DeliveryStatus, Result, note
from offhook.store.keys import ApiKeys, Scope
from offhook.store.organizations import Organizations
from offhook.store.sealing import Sealer
from offhook.store.tables import outbox, webhook_deliveries
from offhook.store.writer import CallWriter
from offhook.webhooks.service import Webhooks

AGENT = {
    "name": "Desk",
    "language": "en",
    "initial_message": "Hello",
    "states": [{"name": "start", "prompt": "Be kind."}],
    "initial_state_name": "start",
}


@dataclass
class Desk:
    """Calls that are placed here are only noted; live ones have their record here."""

    writer: CallWriter
    placed: list[PhoneCallRequest] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    live: dict[str, CallRecord] = field(default_factory=dict)
    full: bool = False
    breaks: str = ""  # when a call breaks: "early" before it is stored, "late" between that and dialling
    slow: bool = False
    staged: list[StageRequest] = field(default_factory=list)
    trouble: dict[str, str | None] = field(default_factory=dict)

    async def start_phone_call(self, request: PhoneCallRequest) -> str:
        if self.full:
            raise CapacityError("all 3 places for calls are taken", 7)
        if self.breaks == "early":
            raise RuntimeError("secret detail")
        call_id = await self.store(request, "outbound")
        if self.breaks == "late":
            raise RuntimeError("secret detail")
        self.placed.append(request)
        return call_id

    async def stage(self, request: StageRequest, *, wait: bool) -> str:
        if wait and self.slow:
            raise TimeoutError("The call was not ready within 10 s")
        self.staged.append(request)
        return await self.store(request, "inbound")

    async def store(self, request: PhoneCallRequest | StageRequest, direction: str) -> str:
        """Its record, as calls have one before they act."""
        created = CallCreated(
            at=time.time(), call_id=request.call_id or str(uuid.uuid4()), organization_id=request.organization_id,
            agent_id=request.agent_id, direction=direction, from_number=request.from_number,
            to_number=request.to_number, metadata=request.metadata,
        )  # fmt: skip
        await self.writer.append(created.call_id, [created], CallRecord.create(created))
        return created.call_id

    async def terminate(self, call_id: str) -> bool:
        self.ended.append(call_id)
        return call_id in self.live

    async def update_metadata(self, call_id: str, metadata: dict[str, Any]) -> bool:
        record = self.live.get(call_id)
        if record is None:
            return False
        event = MetadataChanged(at=time.time(), metadata=metadata)
        record.apply(event)
        await self.writer.append(call_id, [event], record)
        return True

    def record(self, call_id: str) -> CallRecord | None:
        return self.live.get(call_id)

    def readiness(self) -> dict[str, str | None]:
        return self.trouble


class Links:
    def mixed_url(self, call_id: str, *, secure: bool) -> str:
        return f"http://files/{call_id}.ogg" + ("?X-Offhook-Signature=1" if secure else "")

    def channels_url(self, call_id: str, *, secure: bool) -> str:
        return f"http://files/{call_id}-channels.ogg" + ("?X-Offhook-Signature=1" if secure else "")


@dataclass
class Site:
    """One server: its stores, a client with an admin key, and ways to put calls in."""

    database: Database
    writer: CallWriter
    desk: Desk
    knowledge: Knowledge
    webhooks: Webhooks
    app: Any
    organization_id: str
    http: httpx2.AsyncClient

    def key(self, *scopes: Scope, organization_id: str | None = None, **options: Any) -> str:
        # In a context of its own: the application's last caller did not make this key.
        return contextvars.Context().run(
            ApiKeys(self.database).create,
            organization_id or self.organization_id, "test", scopes=scopes or (Scope.ADMIN,), **options,
        )[1]  # fmt: skip

    def other_organization(self) -> str:
        return Organizations(self.database).create("Other").id

    def failed_delivery(self, call_id: str, endpoint: dict[str, Any]) -> str:
        """The id of a delivery of the call's first event, which nobody wanted."""
        with self.database.write() as connection:
            event = connection.execute(select(outbox).where(outbox.c.call_id == call_id).limit(1)).one()
            result = Result(
                event=event, endpoint_id=endpoint["id"], url=endpoint["url"], status=DeliveryStatus.FAILED, at_us=1,
                response_code=404, latency_ms=3, error="the receiver answered 404",
            )  # fmt: skip
            note(connection, result)
            return connection.execute(select(webhook_deliveries.c.id)).scalars().one()

    async def call(self, **values: Any) -> CallRecord:
        """A call that was answered, spoken on and ended, unless ``ended=False``; CallCreated's fields by name."""
        ended, said = values.pop("ended", True), values.pop("said", "Hello")
        recorded = values.pop("recorded", False)
        at = values.pop("at", 1_700_000_000.0)
        defaults = {
            "call_id": str(uuid.uuid4()),
            "organization_id": self.organization_id,
            "agent_id": str(uuid.uuid4()),
            "direction": "inbound",
            "from_number": "+33123456789",
            "to_number": "+33987654321",
        }
        created = CallCreated(at=at, **{**defaults, **values})
        events: list[Any] = [
            StatusChanged(at=at + 1, status=Status.RINGING),
            StatusChanged(at=at + 2, status=Status.IN_PROGRESS),
            TranscriptAdded(at=at + 3, item_id=1, role="agent", content=said),
        ]
        if ended:
            reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
            events.append(StatusChanged(at=at + 12.5, status=Status.COMPLETED, end_reason=reason))
        if recorded:
            events.append(Recorded(at=at + 20, mixed="m", channels="c", duration_ms=10_000))
        record = CallRecord.create(created)
        for event in events:
            record.apply(event)
        await self.writer.append(record.call_id, [created, *events], record)
        return record


@pytest.fixture
async def site(database_url, tmp_path):
    database = Database(database_url)
    writer = CallWriter(database, gather_s=0.001)
    first = bootstrap(database)
    desk = Desk(writer)
    knowledge = Knowledge(database, Settings(data_dir=tmp_path, models_dir=tmp_path / "models"), "secret")
    webhooks = Webhooks(database, "secret", ["127.0.0.0/8"], links=Links())
    limits = RateLimits(failures=100_000)
    deps = ApiDeps(database, writer, desk, Links(), knowledge, webhooks, Sealer("secret"), knowledge.routes(), limits)
    app = create_app(deps)
    transport = httpx2.ASGITransport(app=app)
    headers = {"X-Api-Key": first.api_key, "Authorization": f"Bearer {first.api_key}"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http,
    ):
        yield Site(database, writer, desk, knowledge, webhooks, app, first.organization.id, http)
    await webhooks.close()
    await knowledge.close()
    await writer.close()
    database.close()


@pytest.fixture
def agent() -> dict[str, Any]:
    return {**AGENT, "states": [dict(AGENT["states"][0])]}


# ---------------------------------------------------------------------- every route

_PARAMETER = re.compile(r"\{(\w+)\}")
KEYED = ("/v1/", "/api/v0/")


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the document has it."""

    method: str
    path: str
    spec: dict[str, Any]
    document: dict[str, Any]

    @property
    def keyed(self) -> bool:
        return self.path.startswith(KEYED)

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    def filled(self, ids: dict[str, str] | None = None) -> str:
        """The path with these ids, else with ids of nothing."""
        return _PARAMETER.sub(lambda match: (ids or {}).get(match[1]) or str(uuid.uuid4()), self.path)

    @property
    def body_types(self) -> set[str]:
        return set(self.spec.get("requestBody", {}).get("content", {}))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(site: Any) -> list[Operation]:
    document = site.app.openapi()
    return [
        Operation(method.upper(), path, spec, document)
        for path, methods in document["paths"].items()
        for method, spec in methods.items()
    ]


@pytest.fixture
async def ids(site: Site, agent: dict[str, Any]) -> dict[str, str]:
    """An object of the first organization for every id a path can hold: who adds a resource adds it here."""

    async def made(path, **body):
        answer = await site.http.post(path, json=body)
        assert answer.status_code in {200, 201}, answer.text
        data = answer.json()["data"]
        return (data[0] if isinstance(data, list) else data)["id"]

    call = await site.call()
    # Told to its end, so that its stream of events has one.
    await site.writer.amend(call.call_id, site.organization_id, lambda _: [PostCall(at=1_700_000_020.0)])
    agent_id = await made("/v1/agents", **agent)
    question = {"name": "Why", "description": "Why did they call?", "type": "text"}
    await site.http.patch(f"/v1/agents/{agent_id}", json={"webhook_url": "https://hooks.example.com/"})
    (endpoint,) = (await site.http.get("/v1/webhooks/endpoints")).json()["data"]
    return {
        "endpoint_id": endpoint["id"],
        "delivery_id": site.failed_delivery(call.call_id, endpoint),
        "call_id": call.call_id,
        "agent_id": agent_id,
        "question_id": await made(f"/v1/agents/{agent_id}/post-call-questions", questions=[question]),
        "number_id": await made("/v1/phone-numbers", number="+33123456789"),
        "trunk_id": await made("/v1/trunks", name="t", host="sip.example.com"),
        "key_id": await made("/v1/api-keys", name="another"),
        "knowledge_base_id": await made("/v1/knowledge-bases", name="rules"),
    }


@pytest.fixture
def routes(site: Site) -> list[Operation]:
    """Every route of the document."""
    return operations(site)


@pytest.fixture
def keyed(routes: list[Operation]) -> list[Operation]:
    """Those that need a key."""
    return [route for route in routes if route.keyed]
