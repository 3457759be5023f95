"""Operations on webhooks.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import Transport


class WebhooksMethods(Transport):
    """What can be done with webhooks."""

    def list_deliveries(
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
        return read_page(self.send(request), shapes.Delivery)

    def iter_deliveries(
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
    ) -> Iterator[shapes.Delivery]:
        """All of ``list_deliveries``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_deliveries(
                limit=limit,
                call_id=call_id,
                agent_id=agent_id,
                status=status,
                type=type,
                use_cursor=True,
                cursor=cursor,
            )
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_delivery(self, delivery_id: str) -> shapes.Delivery:
        """One delivery with every attempt."""
        request = build("GET", f"/v1/webhooks/deliveries/{segment(delivery_id)}")
        return read_data(self.send(request), shapes.Delivery)

    def resend_delivery(self, delivery_id: str) -> shapes.Delivery:
        """Send the event once more, at once, to where its agent's events go now; the answer has what came of it."""
        request = build("POST", f"/v1/webhooks/deliveries/{segment(delivery_id)}/resend")
        return read_data(self.send(request), shapes.Delivery)

    def list_endpoints(
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
        return read_page(self.send(request), shapes.Endpoint)

    def iter_endpoints(self, *, limit: int | None = None) -> Iterator[shapes.Endpoint]:
        """All of ``list_endpoints``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_endpoints(limit=limit, use_cursor=True, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_endpoint(self, endpoint_id: str) -> shapes.Endpoint:
        """One endpoint."""
        request = build("GET", f"/v1/webhooks/endpoints/{segment(endpoint_id)}")
        return read_data(self.send(request), shapes.Endpoint)

    def list_secrets(self, endpoint_id: str) -> list[shapes.Secret]:
        """The secrets that sign for an endpoint now, oldest first."""
        request = build("GET", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/secrets")
        return read_data(self.send(request), list[shapes.Secret])

    def rotate_secret(self, endpoint_id: str, *, grace_seconds: int | Unset = UNSET) -> list[shapes.Secret]:
        """Make a new secret; until their grace is over, those of before sign beside it."""
        request = build(
            "POST",
            f"/v1/webhooks/endpoints/{segment(endpoint_id)}/rotate-secret",
            body={"grace_seconds": grace_seconds},
        )
        return read_data(self.send(request), list[shapes.Secret])

    def enable_endpoint(self, endpoint_id: str) -> shapes.Endpoint:
        """Send again to an endpoint that was stopped; what it missed can be resent or read from `/v1/events`."""
        request = build("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/enable")
        return read_data(self.send(request), shapes.Endpoint)

    def test_endpoint(self, endpoint_id: str) -> shapes.TestOutcome:
        """Send a signed event of type `event_test` and tell what came of it; also to a stopped endpoint."""
        request = build("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/test")
        return read_data(self.send(request), shapes.TestOutcome)
