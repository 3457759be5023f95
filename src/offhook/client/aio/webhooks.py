"""Operations on webhooks, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import AsyncTransport


class WebhooksMethods(AsyncTransport):
    """What can be done with webhooks."""

    async def list_deliveries(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
        call_id: str | None = None,
        agent_id: str | None = None,
        status: shapes.DeliveryStatus | None = None,
        type: Literal[
            "event_call_status_updated",
            "event_call_answer_type_updated",
            "event_transcript",
            "event_tool",
            "event_task_transition",
            "event_variable_value_updated",
            "event_all_variables_resolved",
            "event_post_call",
        ]
        | None = None,
    ) -> Page[shapes.Delivery]:
        """Events that went, go or failed to go to webhooks, newest first, with every attempt."""
        request = build(
            "GET",
            "/v1/webhooks/deliveries",
            query={
                "use_cursor": use_cursor,
                "cursor": cursor,
                "page": page,
                "limit": limit,
                "call_id": call_id,
                "agent_id": agent_id,
                "status": status,
                "type": type,
            },
        )
        return read_page(await self.send(request), shapes.Delivery)

    async def iter_deliveries(
        self,
        *,
        limit: int | None = None,
        call_id: str | None = None,
        agent_id: str | None = None,
        status: shapes.DeliveryStatus | None = None,
        type: Literal[
            "event_call_status_updated",
            "event_call_answer_type_updated",
            "event_transcript",
            "event_tool",
            "event_task_transition",
            "event_variable_value_updated",
            "event_all_variables_resolved",
            "event_post_call",
        ]
        | None = None,
    ) -> AsyncIterator[shapes.Delivery]:
        """All of ``list_deliveries``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_deliveries(
                limit=limit,
                call_id=call_id,
                agent_id=agent_id,
                status=status,
                type=type,
                use_cursor=True,
                cursor=cursor,
            )
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_delivery(self, delivery_id: str) -> shapes.Delivery:
        """One delivery with every attempt."""
        request = build("GET", f"/v1/webhooks/deliveries/{segment(delivery_id)}")
        return read_data(await self.send(request), shapes.Delivery)

    async def resend_delivery(self, delivery_id: str) -> shapes.Delivery:
        """Send the event once more, at once, to where its agent's events go now; the answer has what came of it."""
        request = build("POST", f"/v1/webhooks/deliveries/{segment(delivery_id)}/resend")
        return read_data(await self.send(request), shapes.Delivery)

    async def list_endpoints(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.Endpoint]:
        """Webhook URLs of the organization's agents, newest first; those of before are kept for their log."""
        request = build(
            "GET",
            "/v1/webhooks/endpoints",
            query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit},
        )
        return read_page(await self.send(request), shapes.Endpoint)

    async def iter_endpoints(self, *, limit: int | None = None) -> AsyncIterator[shapes.Endpoint]:
        """All of ``list_endpoints``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_endpoints(limit=limit, use_cursor=True, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_endpoint(self, endpoint_id: str) -> shapes.Endpoint:
        """One endpoint."""
        request = build("GET", f"/v1/webhooks/endpoints/{segment(endpoint_id)}")
        return read_data(await self.send(request), shapes.Endpoint)

    async def list_secrets(self, endpoint_id: str) -> list[shapes.Secret]:
        """The secrets that sign for an endpoint now, oldest first."""
        request = build("GET", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/secrets")
        return read_data(await self.send(request), list[shapes.Secret])

    async def rotate_secret(self, endpoint_id: str, *, grace_seconds: int | Unset = UNSET) -> list[shapes.Secret]:
        """Make a new secret; until their grace is over, those of before sign beside it."""
        request = build(
            "POST",
            f"/v1/webhooks/endpoints/{segment(endpoint_id)}/rotate-secret",
            body={"grace_seconds": grace_seconds},
        )
        return read_data(await self.send(request), list[shapes.Secret])

    async def enable_endpoint(self, endpoint_id: str) -> shapes.Endpoint:
        """Send again to an endpoint that was stopped; what it missed can be resent or read from `/v1/events`."""
        request = build("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/enable")
        return read_data(await self.send(request), shapes.Endpoint)

    async def test_endpoint(self, endpoint_id: str) -> shapes.TestOutcome:
        """Send a signed event of type `event_test` and tell what came of it; also to a stopped endpoint."""
        request = build("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/test")
        return read_data(await self.send(request), shapes.TestOutcome)
