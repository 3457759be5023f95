"""``GET /v1/calls/{call_id}``: the route that is asked most, straight from a prepared read to the socket."""

from __future__ import annotations

import re
from uuid import UUID

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from offhook.api.auth import CALLER, Caller
from offhook.api.envelope import ApiError, success_body
from offhook.api.errors import invalid
from offhook.api.resources import Resources
from offhook.api.v1.call_schemas import PhoneCallGetApiResponseData, WebCallGetApiResponseData
from offhook.api.v1.envelopes import Success, answers
from offhook.store.calls import StoredCall
from offhook.store.keys import Scope as KeyScope

RETRIEVED = "Call retrieved successfully"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def uuid_text(name: str, text: str) -> str:
    """An id from a path in its canonical form. Raises the 422 that names the parameter."""
    if _UUID.fullmatch(text) is None:
        raise invalid(name, f"{text[:50]!r} is not a UUID")
    return text.lower()


def shown(resources: Resources, stored: StoredCall) -> bytes:
    """A call's whole ``data``, with URLs that are good from now on."""
    if not stored.recorded:
        return stored.with_urls(None, None)
    links, secure = resources.links, bool(stored.secure)
    return stored.with_urls(
        links.mixed_url(stored.call_id, secure=secure), links.channels_url(stored.call_id, secure=secure)
    )


async def read_call(resources: Resources, caller: Caller, call_id: str) -> bytes:
    """The answer's body. Raises the 404 of a call that isn't the caller's."""
    stored = await resources.reads.call(caller.organization_id, call_id)
    if stored is None:
        raise ApiError(404, "not_found", f"No call {call_id}")
    return success_body(shown(resources, stored), RETRIEVED)


class HotRoute(APIRoute):
    """Stands in the OpenAPI document by its endpoint's signature, and is served without solving dependencies."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve GET; what else comes here gets the framework's 405."""
        if scope["method"] == "GET":
            await _serve(scope, send)
        else:
            await super().handle(scope, receive, send)


async def _serve(scope: Scope, send: Send) -> None:
    caller: Caller = scope[CALLER]
    caller.must(KeyScope.CALLS_READ)
    call_id = uuid_text("call_id", scope["path_params"]["call_id"])
    body = await read_call(scope["app"].state.resources, caller, call_id)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


router = APIRouter(route_class=HotRoute, tags=["calls"])


@router.get(
    "/v1/calls/{call_id}",
    responses=answers(200, Success[PhoneCallGetApiResponseData | WebCallGetApiResponseData], 404),
)
async def get_call(call_id: UUID) -> None:
    """The whole record of a call, also while it lives."""
