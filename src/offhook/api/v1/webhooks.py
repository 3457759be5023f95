"""Webhooks: endpoints and their secrets, and the log of deliveries."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from offhook.agents.config import WebhookEvent
from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body
from offhook.api.envelope import PageInfo, listing, success
from offhook.api.paging import ByCursor, Paging, paginate
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.record.fold import encode
from offhook.record.times import iso_us
from offhook.store.deliveries import Attempt, Delivery, DeliveryFilter, DeliveryStatus
from offhook.store.keys import Scope
from offhook.store.webhooks import Endpoint, Secret
from offhook.webhooks.sender import Outcome

router = APIRouter(tags=["webhooks"])
CallReader = Annotated[Caller, Depends(requires(Scope.CALLS_READ))]
CallWriter = Annotated[Caller, Depends(requires(Scope.CALLS_WRITE))]
AgentReader = Annotated[Caller, Depends(requires(Scope.AGENTS_READ))]
AgentWriter = Annotated[Caller, Depends(requires(Scope.AGENTS_WRITE))]
Admin = Annotated[Caller, Depends(requires(Scope.ADMIN))]

DAY_S = 24 * 3600


class AttemptData(Answer):
    """One request and what came of it."""

    number: int
    time: datetime
    url: str
    delivered: bool
    resend: bool = Field(description="Asked for by `resend`, not by the schedule.")
    response_code: int | None = Field(description="Null when there was no answer: `error` says why.")
    latency_ms: int
    error: str | None


class DeliveryData(Answer):
    """An event on its way to an agent's webhook. Code, latency and error are those of the last attempt."""

    id: UUID
    event_id: UUID
    call_id: UUID
    agent_id: UUID
    sequence: int
    type: WebhookEvent
    endpoint_id: UUID
    url: str
    status: DeliveryStatus
    response_code: int | None
    latency_ms: int | None
    error: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    attempts: list[AttemptData]


class EndpointData(Answer):
    """An agent's webhook URL. `current` is false for one that the agent had before."""

    id: UUID
    agent_id: UUID
    url: str
    current: bool
    status: Literal["enabled", "stopped"]
    stopped_at: datetime | None
    stop_reason: str | None
    created_at: datetime


class SecretData(Answer):
    """A secret that signs now; `expires_at` is set once a newer one has been made."""

    id: UUID
    secret: str
    created_at: datetime
    expires_at: datetime | None


class TestOutcome(Answer):
    """What a test event came to."""

    delivered: bool
    response_code: int | None
    latency_ms: int
    error: str | None


class DeliveriesQuery(Paging):
    """Which deliveries."""

    call_id: UUID | None = None
    agent_id: UUID | None = None
    status: DeliveryStatus | None = None
    type: WebhookEvent | None = None

    def filter(self) -> DeliveryFilter:
        """As the store takes it."""
        return DeliveryFilter(
            call_id=str(self.call_id) if self.call_id else None,
            agent_id=str(self.agent_id) if self.agent_id else None,
            status=self.status.value if self.status else None,
            type=self.type,
        )


class Rotation(Body):
    """How long the secrets of before go on signing beside the new one."""

    grace_seconds: int = Field(DAY_S, ge=0, le=30 * DAY_S)


# ---------------------------------------------------------------------- deliveries


@router.get("/v1/webhooks/deliveries", responses=answers(200, Listing[DeliveryData]))
def list_deliveries(query: Annotated[DeliveriesQuery, Query()], caller: CallReader, shared: Shared) -> Response:
    """Events that went, go or failed to go to webhooks, newest first, with every attempt."""
    found, wanted = shared.webhooks.deliveries, query.filter()
    if query.use_cursor:
        page = found.after(caller.organization_id, wanted, limit=query.limit, before_us=query.before_us())
        info = PageInfo(next_cursor=None if page.next_before_us is None else iso_us(page.next_before_us))
    else:
        page = found.page(caller.organization_id, wanted, limit=query.limit, page=query.page)
        info = PageInfo.numbered(query.page, query.limit, page.total_items or 0)
    items = [encode(_delivery(each)) for each in page.items]
    return listing(items, "Webhook deliveries retrieved successfully", info)


@router.get("/v1/webhooks/deliveries/{delivery_id}", responses=answers(200, Success[DeliveryData], 404))
def get_delivery(delivery_id: UUID, caller: CallReader, shared: Shared) -> Response:
    """One delivery with every attempt."""
    found = shared.webhooks.deliveries.get(caller.organization_id, str(delivery_id))
    return success(_delivery(found), "Webhook delivery retrieved successfully")


@router.post("/v1/webhooks/deliveries/{delivery_id}/resend", responses=answers(200, Success[DeliveryData], 404, 409))
async def resend_delivery(delivery_id: UUID, caller: CallWriter, shared: Shared) -> Response:
    """Send the event once more, at once, to where its agent's events go now; the answer has what came of it."""
    found = await shared.webhooks.resend(caller.organization_id, str(delivery_id))
    return success(_delivery(found), "Webhook delivery resent")


# ---------------------------------------------------------------------- endpoints


@router.get("/v1/webhooks/endpoints", responses=answers(200, Listing[EndpointData]))
def list_endpoints(paging: ByCursor, caller: AgentReader, shared: Shared) -> Response:
    """Webhook URLs of the organization's agents, newest first; those of before are kept for their log."""
    rows = shared.webhooks.endpoints.all(caller.organization_id)
    message = "Webhook endpoints retrieved successfully"
    return paginate(rows, paging, message, lambda row: row.created_us, _endpoint)


@router.get("/v1/webhooks/endpoints/{endpoint_id}", responses=answers(200, Success[EndpointData], 404))
def get_endpoint(endpoint_id: UUID, caller: AgentReader, shared: Shared) -> Response:
    """One endpoint."""
    found = shared.webhooks.endpoints.get(caller.organization_id, str(endpoint_id))
    return success(_endpoint(found), "Webhook endpoint retrieved successfully")


@router.get("/v1/webhooks/endpoints/{endpoint_id}/secrets", responses=answers(200, Success[list[SecretData]], 404))
def list_secrets(endpoint_id: UUID, caller: Admin, shared: Shared) -> Response:
    """The secrets that sign for an endpoint now, oldest first."""
    found = shared.webhooks.endpoints.secrets(caller.organization_id, str(endpoint_id))
    return success([_secret(each) for each in found], "Webhook secrets retrieved successfully")


@router.post(
    "/v1/webhooks/endpoints/{endpoint_id}/rotate-secret",
    responses=answers(200, Success[list[SecretData]], 404, 409),
)
def rotate_secret(endpoint_id: UUID, body: Rotation, caller: Admin, shared: Shared) -> Response:
    """Make a new secret; until their grace is over, those of before sign beside it."""
    found = shared.webhooks.endpoints.rotate(caller.organization_id, str(endpoint_id), grace_s=body.grace_seconds)
    return success([_secret(each) for each in found], "Webhook secret rotated successfully")


@router.post("/v1/webhooks/endpoints/{endpoint_id}/enable", responses=answers(200, Success[EndpointData], 404))
def enable_endpoint(endpoint_id: UUID, caller: AgentWriter, shared: Shared) -> Response:
    """Send again to an endpoint that was stopped; what it missed can be resent or read from `/v1/events`."""
    found = shared.webhooks.endpoints.enable(caller.organization_id, str(endpoint_id))
    return success(_endpoint(found), "Webhook endpoint enabled successfully")


@router.post("/v1/webhooks/endpoints/{endpoint_id}/test", responses=answers(200, Success[TestOutcome], 404))
async def test_endpoint(endpoint_id: UUID, caller: AgentWriter, shared: Shared) -> Response:
    """Send a signed event of type `event_test` and tell what came of it; also to a stopped endpoint."""
    endpoint = await asyncio.to_thread(shared.webhooks.endpoints.get, caller.organization_id, str(endpoint_id))
    return success(_outcome(await shared.webhooks.test(endpoint)), "Test event sent")


def _delivery(found: Delivery) -> dict[str, Any]:
    return {
        "id": found.id,
        "event_id": found.event_id,
        "call_id": found.call_id,
        "agent_id": found.agent_id,
        "sequence": found.sequence,
        "type": found.type,
        "endpoint_id": found.endpoint_id,
        "url": found.url,
        "status": found.status.value,
        "response_code": found.response_code,
        "latency_ms": found.latency_ms,
        "error": found.error,
        "created_at": iso_us(found.position),
        "last_attempt_at": _time(found.last_attempt_us),
        "next_attempt_at": _time(found.next_attempt_us),
        "delivered_at": _time(found.delivered_us),
        "attempts": [_attempt(each) for each in found.attempts],
    }


def _attempt(each: Attempt) -> dict[str, Any]:
    return {
        "number": each.number,
        "time": iso_us(each.at_us),
        "url": each.url,
        "delivered": each.delivered,
        "resend": each.resend,
        "response_code": each.response_code,
        "latency_ms": each.latency_ms,
        "error": each.error,
    }


def _endpoint(found: Endpoint) -> dict[str, Any]:
    return {
        "id": found.id,
        "agent_id": found.agent_id,
        "url": found.url,
        "current": found.current,
        "status": "enabled" if found.stopped_us is None else "stopped",
        "stopped_at": _time(found.stopped_us),
        "stop_reason": found.stop_reason,
        "created_at": iso_us(found.created_us),
    }


def _secret(each: Secret) -> dict[str, Any]:
    return {
        "id": each.id,
        "secret": each.value,
        "created_at": iso_us(each.created_us),
        "expires_at": _time(each.expires_us),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "delivered": outcome.delivered,
        "response_code": outcome.response_code,
        "latency_ms": outcome.latency_ms,
        "error": outcome.error,
    }


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else iso_us(at_us)
