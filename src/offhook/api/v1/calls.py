"""Calls: list, place, change, end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, Field
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, FreeJson, Party, Text255, json_size_fault
from offhook.api.envelope import ApiError, PageInfo, RawResponse, listing, success, success_body
from offhook.api.errors import invalid
from offhook.api.paging import Paging, time_us
from offhook.api.replay import Find, Key, once
from offhook.api.replay import Request as Acting
from offhook.api.resources import Resources, Shared
from offhook.api.v1.call_answer import read_call, shown
from offhook.api.v1.call_export import BATCH, EXPORT_ANSWERS, Batch, ExportForm, file_of
from offhook.api.v1.call_schemas import (
    AnswerType,
    Direction,
    PhoneCallGetApiResponseData,
    StartedCall,
    WebCallGetApiResponseData,
)
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.calls.request import PhoneCallRequest, StageRequest
from offhook.errors import ConflictError, NotFoundError
from offhook.record.events import CallEvent, MetadataChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL, EndCode, Status
from offhook.record.times import iso_us
from offhook.store.audit import ACTOR
from offhook.store.calls import CallFilter, CallPage, StoredCall
from offhook.store.keys import Scope

router = APIRouter(tags=["calls"])
Reader = Annotated[Caller, Depends(requires(Scope.CALLS_READ))]
Writer = Annotated[Caller, Depends(requires(Scope.CALLS_WRITE))]

AnyCall = PhoneCallGetApiResponseData | WebCallGetApiResponseData
# A whole call's write waits this long for a database that is away; then the client should ask again.
_WRITE_LIMIT_S = 10.0
_MAX_NAME = 100


def _number(text: str) -> str:
    # A client that doesn't escape its query turns the + of a number into a space.
    return "+" + text[1:] if text.startswith(" ") else text


PartyFilter = Annotated[str | None, Field(max_length=255), AfterValidator(lambda text: text and _number(text))]
Seconds = Annotated[int | None, Field(ge=0, le=10_000_000)]


class CallsWanted(BaseModel):
    """Which calls. Also ``metadata.<key>=<value>`` and ``variable.<name>=<value>``."""

    agent_id: UUID | None = None
    call_type: Literal["phone_call", "web_call"] | None = None
    from_number: PartyFilter = None
    to_number: PartyFilter = None
    start_time_gt: datetime | None = None
    start_time_lt: datetime | None = None
    status: Status | None = None
    direction: Direction | None = None
    answer_type: AnswerType | None = None
    end_reason: EndCode | None = None
    duration_gt: Seconds = None
    duration_lt: Seconds = None
    q: Annotated[str | None, Field(max_length=500, description="Words of the transcript.")] = None
    include_transcript: bool = True
    include_variable_values: bool = True

    def filter(self, request: Request) -> CallFilter:
        """As the store takes it."""
        return CallFilter(
            agent_id=str(self.agent_id) if self.agent_id else None,
            type=self.call_type,
            status=self.status.value if self.status else None,
            direction=self.direction,
            from_number=self.from_number,
            to_number=self.to_number,
            answer_type=self.answer_type,
            end_reason=self.end_reason.value if self.end_reason else None,
            start_gt_us=time_us(self.start_time_gt),
            start_lt_us=time_us(self.start_time_lt),
            duration_gt_s=self.duration_gt,
            duration_lt_s=self.duration_lt,
            metadata=_named(request, "metadata."),
            variables=_named(request, "variable."),
            text=self.q or None,
        )


class CallsQuery(Paging, CallsWanted):
    """A page of them."""


class ExportQuery(ExportForm, CallsWanted):
    """All of them, as a file."""


def _named(request: Request, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if not name.startswith(prefix):
            continue
        key = name.removeprefix(prefix)
        # The key becomes part of a JSON path, where a quote or a backslash would mean something else.
        if not key or len(key) > _MAX_NAME or not key.isprintable() or '"' in key or "\\" in key:
            raise invalid(name[:_MAX_NAME], "not a name that can be looked for")
        if "\x00" in value or len(value) > 1000:
            raise invalid(name, "not a value that can be looked for")
        found[key] = value
    return found


@router.get("/v1/calls", responses=answers(200, Listing[AnyCall]))
def list_calls(request: Request, query: Annotated[CallsQuery, Query()], caller: Reader, shared: Shared) -> Response:
    """Calls of the organization, newest first."""
    wanted = query.filter(request)
    if query.use_cursor:
        page = shared.calls.after(caller.organization_id, wanted, limit=query.limit, before_us=query.before_us())
        info = PageInfo(next_cursor=None if page.next_before_us is None else iso_us(page.next_before_us))
    else:
        page = shared.calls.page(caller.organization_id, wanted, limit=query.limit, page=query.page)
        info = PageInfo.numbered(query.page, query.limit, page.total_items or 0)
    return listing(_items(shared, page, query), "Calls retrieved successfully", info)


def _items(shared: Resources, page: CallPage, query: CallsWanted) -> list[bytes]:
    blanks: dict[str, bytes] = {}
    if not query.include_transcript:
        blanks |= {"transcript": b"[]", "transcript_string": b'""'}
    if not query.include_variable_values:
        blanks |= {"variable_values": b"[]"}
    items = [stored.without(**blanks) for stored in page.items] if blanks else page.items
    return [shown(shared, stored) for stored in items]


@router.get("/v1/calls/export", responses=EXPORT_ANSWERS, response_class=Response)
async def export_calls(
    request: Request, query: Annotated[ExportQuery, Query()], caller: Reader, shared: Shared
) -> Response:
    """All calls that fit, newest first, as CSV, a JSON array or JSON lines; streamed, however many there are."""
    wanted, owner = query.filter(request), caller.organization_id

    def read(before_us: int | None) -> Batch:
        page = shared.calls.after(owner, wanted, limit=BATCH, before_us=before_us)
        return _items(shared, page, query), page.next_before_us

    return await file_of(read, query, shared, owner, wanted.agent_id)


# ---------------------------------------------------------------------- placing


class StartPhoneCall(Body):
    """A call to place."""

    from_number: Text255 = Field(description="A number of the organization.")
    to_number: Party = Field(description="E.164 with +, or a sip: URI.")
    agent_id: UUID
    dynamic_variables_values: FreeJson | None = None
    custom_headers: dict[str, str] | None = Field(
        None, max_length=50, description="SIP headers of the INVITE; may override From, To, P-Asserted-Identity."
    )
    metadata: FreeJson | None = None
    agent_version: int | None = Field(None, ge=1, le=2**31 - 1)
    max_ring_seconds: int | None = Field(None, ge=1, le=600)

    def request(self, organization_id: str, call_id: str | None) -> PhoneCallRequest:
        """As those who place it take it."""
        return PhoneCallRequest(
            call_id=call_id,
            organization_id=organization_id,
            from_number=self.from_number,
            to_number=self.to_number,
            agent_id=str(self.agent_id),
            variables=self.dynamic_variables_values or {},
            custom_headers=_headers(self.custom_headers or {}),
            metadata=self.metadata or {},
            agent_version=self.agent_version,
            max_ring_s=self.max_ring_seconds,
        )


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        field = f"custom_headers.{name[:_MAX_NAME]}"
        # RFC 3261 §25.1: a header's name is a token; a line break in its value would begin another header.
        if not name or not name.isascii() or not all(char.isalnum() or char in "-.!%*_+`'~" for char in name):
            raise invalid(field, "not a SIP header's name")
        if len(value) > 1000 or not value.isprintable():
            raise invalid(field, "a header's value is at most 1000 printable characters")
    return headers


@router.post("/v1/calls/phone", status_code=201, responses=answers(201, Success[StartedCall], 404, 409))
async def start_phone_call(body: StartPhoneCall, caller: Writer, shared: Shared, key: Key = None) -> Response:
    """Place a call."""

    async def place(call_id: str | None) -> Response:
        return _started(await shared.control.start_phone_call(body.request(caller.organization_id, call_id)))

    acting = Acting(caller.organization_id, key, "phone", body.model_dump_json())
    return await once(shared.idempotency, acting, place, _finder(shared, caller, _started))


def _started(call_id: str) -> Response:
    return success({"call_id": call_id}, "Phone call started successfully", 201)


def _finder(shared: Resources, caller: Caller, answer: Callable[[str], Response]) -> Find:
    """Answers for a call that is stored."""

    async def find(call_id: str) -> Response | None:
        stored = await shared.reads.call(caller.organization_id, call_id)
        return None if stored is None else answer(call_id)

    return find


class LegacyPhoneCall(Body):
    """A call to place, in the older form."""

    from_number: Text255
    to_number: Party
    agent_id: UUID
    dynamic_variables_values: FreeJson | None = None


@router.post("/api/v0/calls/phone", responses=answers(200, StartedCall, 404, 409), deprecated=True)
async def start_phone_call_v0(body: LegacyPhoneCall, caller: Writer, shared: Shared, key: Key = None) -> Response:
    """Place a call; answered without an envelope."""
    wanted = StartPhoneCall(**body.model_dump())

    async def place(call_id: str | None) -> Response:
        return _started_v0(await shared.control.start_phone_call(wanted.request(caller.organization_id, call_id)))

    acting = Acting(caller.organization_id, key, "phone v0", body.model_dump_json())
    return await once(shared.idempotency, acting, place, _finder(shared, caller, _started_v0))


def _started_v0(call_id: str) -> Response:
    return RawResponse(b'{"call_id":"%b"}' % call_id.encode())


class StageCall(Body):
    """An inbound call to make ready."""

    from_number: Party = Field(description="Who will call: E.164 with +, or a sip: URI.")
    to_number: Text255 = Field(description="The number that will be called: one of the organization, or nobody's.")
    agent_id: UUID
    dynamic_variables_values: FreeJson | None = None
    metadata: FreeJson | None = None
    agent_version: int | None = Field(None, ge=1, le=2**31 - 1)

    def request(self, organization_id: str, call_id: str | None) -> StageRequest:
        """As those who stage it take it."""
        return StageRequest(
            organization_id=organization_id,
            from_number=self.from_number,
            to_number=self.to_number,
            agent_id=str(self.agent_id),
            variables=self.dynamic_variables_values or {},
            metadata=self.metadata or {},
            agent_version=self.agent_version,
            call_id=call_id,
        )


@router.post("/v1/calls/stage", status_code=201, responses=answers(201, Success[StartedCall], 404, 408, 409))
async def stage_call(
    body: StageCall,
    caller: Writer,
    shared: Shared,
    sync: Annotated[bool, Query(description="Answer only when the call is `staged`.")] = False,
    key: Key = None,
) -> Response:
    """Make an inbound call ready: within 60 s its INVITE names it in X-Rounded-Call-Id or X-Offhook-Call-Id."""

    async def stage(call_id: str | None) -> Response:
        try:
            made = await shared.control.stage(body.request(caller.organization_id, call_id), wait=sync)
        except TimeoutError as error:
            raise ApiError(408, "timeout", str(error)) from error
        return _staged(made)

    acting = Acting(caller.organization_id, key, f"stage {sync}", body.model_dump_json())
    return await once(shared.idempotency, acting, stage, _finder(shared, caller, _staged))


def _staged(call_id: str) -> Response:
    return success({"call_id": call_id}, "Call staged successfully", 201)


# ---------------------------------------------------------------------- one call


@router.get("/v1/calls/{call_id}", responses=answers(200, Success[AnyCall], 404))
async def get_call(call_id: UUID, caller: Reader, shared: Shared) -> Response:
    """The whole record of a call, also while it lives."""
    return RawResponse(await read_call(shared, caller, str(call_id)))


class ChangeCall(Body):
    """New metadata: merged into what is there, or with ``override`` in its place."""

    metadata: FreeJson | None = None
    override: bool = False

    def applied(self, before: dict[str, Any]) -> dict[str, Any]:
        """What the metadata becomes. Raises the 422 of one that grew too large."""
        given = self.metadata or {}
        after = given if self.override else {**before, **given}
        if fault := json_size_fault(after):
            raise invalid("metadata", f"{fault} once merged")
        return after


@router.patch("/v1/calls/{call_id}", responses=answers(200, Success[AnyCall], 404))
async def change_call(call_id: UUID, body: ChangeCall, caller: Writer, shared: Shared) -> Response:
    """Change a call's metadata, while it lives or later."""
    await _must_exist(shared, caller, str(call_id))
    if body.metadata is not None or body.override:
        await asyncio.wait_for(_change(shared, caller, str(call_id), body), _WRITE_LIMIT_S)
    return RawResponse(await read_call(shared, caller, str(call_id)))


async def _change(shared: Resources, caller: Caller, call_id: str, body: ChangeCall) -> None:
    live = shared.control.record(call_id)
    if live is not None:
        # Nothing is awaited between reading the live record and changing it, so no other change comes between.
        wanted = body.applied(live.metadata)
        if await shared.control.update_metadata(call_id, wanted):
            return

    def decide(record: CallRecord) -> list[CallEvent]:
        return [MetadataChanged(at=time.time(), metadata=body.applied(record.metadata))]

    await shared.writer.amend(call_id, caller.organization_id, decide)
    await shared.writer.note(caller.organization_id, "call.metadata_changed", call_id)


@router.delete("/v1/calls/{call_id}", responses=answers(200, Success[None], 404, 409))
async def delete_call(call_id: UUID, caller: Writer, shared: Shared) -> Response:
    """Delete a call that is over: record, transcript and events at once, its recording's files soon after."""
    await _must_exist(shared, caller, str(call_id))
    erased = shared.writer.erase(str(call_id), caller.organization_id, actor=ACTOR.get(), reason="request")
    await asyncio.wait_for(erased, _WRITE_LIMIT_S)
    return RawResponse(success_body(b"null", "Call deleted successfully"))


@router.post("/v1/calls/{call_id}/terminate", responses=answers(200, Success[None], 404, 409))
async def terminate_call(call_id: UUID, caller: Writer, shared: Shared) -> Response:
    """End a call; the answer is the same when it had ended."""
    await _must_exist(shared, caller, str(call_id))
    if not await shared.control.terminate(str(call_id)):
        record = await asyncio.to_thread(shared.calls.load_record, str(call_id))
        if record is not None and record.status not in FINAL:
            raise ConflictError("The call lives on another server; ask that one to end it")
    return RawResponse(success_body(b"null", "Call terminated successfully"))


async def _must_exist(shared: Resources, caller: Caller, call_id: str) -> StoredCall:
    stored = await shared.reads.call(caller.organization_id, call_id)
    if stored is None:
        raise NotFoundError(f"No call {call_id}")
    return stored
