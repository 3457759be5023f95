"""Operations on calls.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import Transport


class CallsMethods(Transport):
    """What can be done with calls."""

    def list_calls(
        self,
        *,
        agent_id: str | None = None,
        call_type: Literal["phone_call", "web_call"] | None = None,
        from_number: str | None = None,
        to_number: str | None = None,
        start_time_gt: datetime | None = None,
        start_time_lt: datetime | None = None,
        status: shapes.Status | None = None,
        direction: Literal["inbound", "outbound"] | None = None,
        answer_type: Literal["human", "voicemail", "machine_ivr", "call_screening", "fax", "unknown"] | None = None,
        end_reason: shapes.EndCode | None = None,
        duration_gt: int | None = None,
        duration_lt: int | None = None,
        q: str | None = None,
        include_transcript: bool | None = None,
        include_variable_values: bool | None = None,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
        metadata: Mapping[str, object] | None = None,
        variable: Mapping[str, object] | None = None,
    ) -> Page[shapes.Call]:
        """Calls of the organization, newest first."""
        request = build(
            "GET",
            "/v1/calls",
            query={
                "agent_id": agent_id,
                "call_type": call_type,
                "from_number": from_number,
                "to_number": to_number,
                "start_time_gt": start_time_gt,
                "start_time_lt": start_time_lt,
                "status": status,
                "direction": direction,
                "answer_type": answer_type,
                "end_reason": end_reason,
                "duration_gt": duration_gt,
                "duration_lt": duration_lt,
                "q": q,
                "include_transcript": include_transcript,
                "include_variable_values": include_variable_values,
                "use_cursor": use_cursor,
                "cursor": cursor,
                "page": page,
                "limit": limit,
                "metadata": metadata,
                "variable": variable,
            },
        )
        return read_page(self.send(request), shapes.Call)

    def iter_calls(
        self,
        *,
        agent_id: str | None = None,
        call_type: Literal["phone_call", "web_call"] | None = None,
        from_number: str | None = None,
        to_number: str | None = None,
        start_time_gt: datetime | None = None,
        start_time_lt: datetime | None = None,
        status: shapes.Status | None = None,
        direction: Literal["inbound", "outbound"] | None = None,
        answer_type: Literal["human", "voicemail", "machine_ivr", "call_screening", "fax", "unknown"] | None = None,
        end_reason: shapes.EndCode | None = None,
        duration_gt: int | None = None,
        duration_lt: int | None = None,
        q: str | None = None,
        include_transcript: bool | None = None,
        include_variable_values: bool | None = None,
        limit: int | None = None,
        metadata: Mapping[str, object] | None = None,
        variable: Mapping[str, object] | None = None,
    ) -> Iterator[shapes.Call]:
        """All of ``list_calls``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_calls(
                agent_id=agent_id,
                call_type=call_type,
                from_number=from_number,
                to_number=to_number,
                start_time_gt=start_time_gt,
                start_time_lt=start_time_lt,
                status=status,
                direction=direction,
                answer_type=answer_type,
                end_reason=end_reason,
                duration_gt=duration_gt,
                duration_lt=duration_lt,
                q=q,
                include_transcript=include_transcript,
                include_variable_values=include_variable_values,
                limit=limit,
                metadata=metadata,
                variable=variable,
                use_cursor=True,
                cursor=cursor,
            )
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def export_calls(
        self,
        *,
        agent_id: str | None = None,
        call_type: Literal["phone_call", "web_call"] | None = None,
        from_number: str | None = None,
        to_number: str | None = None,
        start_time_gt: datetime | None = None,
        start_time_lt: datetime | None = None,
        status: shapes.Status | None = None,
        direction: Literal["inbound", "outbound"] | None = None,
        answer_type: Literal["human", "voicemail", "machine_ivr", "call_screening", "fax", "unknown"] | None = None,
        end_reason: shapes.EndCode | None = None,
        duration_gt: int | None = None,
        duration_lt: int | None = None,
        q: str | None = None,
        include_transcript: bool | None = None,
        include_variable_values: bool | None = None,
        format: shapes.Format | None = None,
        bom: bool | None = None,
        metadata: Mapping[str, object] | None = None,
        variable: Mapping[str, object] | None = None,
    ) -> Iterator[bytes]:
        """All calls that fit, newest first, as CSV, a JSON array or JSON lines; streamed, however many there are."""
        request = build(
            "GET",
            "/v1/calls/export",
            query={
                "agent_id": agent_id,
                "call_type": call_type,
                "from_number": from_number,
                "to_number": to_number,
                "start_time_gt": start_time_gt,
                "start_time_lt": start_time_lt,
                "status": status,
                "direction": direction,
                "answer_type": answer_type,
                "end_reason": end_reason,
                "duration_gt": duration_gt,
                "duration_lt": duration_lt,
                "q": q,
                "include_transcript": include_transcript,
                "include_variable_values": include_variable_values,
                "format": format,
                "bom": bom,
                "metadata": metadata,
                "variable": variable,
            },
        )
        with self._stream(request) as answer:
            yield from answer.iter_bytes()

    def start_phone_call(
        self,
        *,
        from_number: str,
        to_number: str,
        agent_id: str,
        dynamic_variables_values: Mapping[str, Any] | Unset | None = UNSET,
        custom_headers: Mapping[str, Any] | Unset | None = UNSET,
        metadata: Mapping[str, Any] | Unset | None = UNSET,
        agent_version: int | Unset | None = UNSET,
        max_ring_seconds: int | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> shapes.StartedCall:
        """Place a call."""
        request = build(
            "POST",
            "/v1/calls/phone",
            body={
                "from_number": from_number,
                "to_number": to_number,
                "agent_id": agent_id,
                "dynamic_variables_values": dynamic_variables_values,
                "custom_headers": custom_headers,
                "metadata": metadata,
                "agent_version": agent_version,
                "max_ring_seconds": max_ring_seconds,
            },
            idempotent=True,
            idempotency_key=idempotency_key,
        )
        return read_data(self.send(request), shapes.StartedCall)

    def stage_call(
        self,
        *,
        from_number: str,
        to_number: str,
        agent_id: str,
        sync: bool | None = None,
        dynamic_variables_values: Mapping[str, Any] | Unset | None = UNSET,
        metadata: Mapping[str, Any] | Unset | None = UNSET,
        agent_version: int | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> shapes.StartedCall:
        """Make an inbound call ready: within 60 s its INVITE names it in X-Rounded-Call-Id or X-Offhook-Call-Id."""
        request = build(
            "POST",
            "/v1/calls/stage",
            query={"sync": sync},
            body={
                "from_number": from_number,
                "to_number": to_number,
                "agent_id": agent_id,
                "dynamic_variables_values": dynamic_variables_values,
                "metadata": metadata,
                "agent_version": agent_version,
            },
            idempotent=True,
            idempotency_key=idempotency_key,
        )
        return read_data(self.send(request), shapes.StartedCall)

    def get_call(self, call_id: str) -> shapes.Call:
        """The whole record of a call, also while it lives."""
        request = build("GET", f"/v1/calls/{segment(call_id)}")
        return read_data(self.send(request), shapes.Call)

    def change_call(
        self, call_id: str, *, metadata: Mapping[str, Any] | Unset | None = UNSET, override: bool | Unset = UNSET
    ) -> shapes.Call:
        """Change a call's metadata, while it lives or later."""
        request = build("PATCH", f"/v1/calls/{segment(call_id)}", body={"metadata": metadata, "override": override})
        return read_data(self.send(request), shapes.Call)

    def delete_call(self, call_id: str) -> None:
        """Delete a call that is over: record, transcript and events at once, its recording's files soon after."""
        request = build("DELETE", f"/v1/calls/{segment(call_id)}")
        self.send(request)

    def terminate_call(self, call_id: str) -> None:
        """End a call; the answer is the same when it had ended."""
        request = build("POST", f"/v1/calls/{segment(call_id)}/terminate")
        self.send(request)

    def get_recording(
        self,
        call_id: str,
        *,
        format: Literal["ogg", "wav"] | None = None,
        channels: Literal["mixed", "split"] | None = None,
    ) -> Iterator[bytes]:
        """A call's recording: Opus in Ogg or 16-bit WAV, both parties mixed, or left the caller and right the agent."""
        request = build(
            "GET", f"/v1/calls/{segment(call_id)}/recording", query={"format": format, "channels": channels}
        )
        with self._stream(request) as answer:
            yield from answer.iter_bytes()
