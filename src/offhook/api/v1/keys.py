"""API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, Text100
from offhook.api.envelope import RawResponse, success, success_body
from offhook.api.errors import invalid
from offhook.api.paging import ByCursor, paginate
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.record.times import iso_us, parse_iso_us
from offhook.store.ids import now_us
from offhook.store.keys import ApiKey, Scope

router = APIRouter(tags=["keys"])
Admin = Annotated[Caller, Depends(requires(Scope.ADMIN))]


class ApiKeyData(Answer):
    """A key as it may be shown."""

    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Exact to about a minute.")


class NewApiKeyData(ApiKeyData):
    """A key that was just made: ``key`` is shown this once."""

    key: str


class NewKey(Body):
    """A key to make."""

    name: Text100
    scopes: list[Scope] = Field(default_factory=lambda: [Scope.ADMIN], min_length=1, max_length=len(Scope))
    expires_at: AwareDatetime | None = None


@router.get("/v1/api-keys", responses=answers(200, Listing[ApiKeyData]))
def list_keys(paging: ByCursor, caller: Admin, shared: Shared) -> Response:
    """Keys of the organization, newest first, revoked ones too."""
    rows = shared.keys.all(caller.organization_id)
    return paginate(rows, paging, "API keys retrieved successfully", lambda row: row.created_us, _shown)


@router.post("/v1/api-keys", status_code=201, responses=answers(201, Success[NewApiKeyData]))
def create_key(body: NewKey, caller: Admin, shared: Shared) -> Response:
    """Make a key; the answer is the only one that has it."""
    expires_us = None if body.expires_at is None else parse_iso_us(body.expires_at.isoformat())
    if expires_us is not None and expires_us <= now_us():
        raise invalid("expires_at", "is in the past")
    scopes = tuple(dict.fromkeys(body.scopes))
    key, secret = shared.keys.create(caller.organization_id, body.name, scopes=scopes, expires_us=expires_us)
    return success({**_shown(key), "key": secret}, "API key created successfully", 201)


@router.delete("/v1/api-keys/{key_id}", responses=answers(200, Success[None], 404))
def revoke_key(key_id: UUID, caller: Admin, shared: Shared) -> Response:
    """Revoke a key: the next request with it is refused."""
    shared.keys.revoke(caller.organization_id, str(key_id))
    return RawResponse(success_body(b"null", "API key revoked successfully"))


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": [scope.value for scope in key.scopes],
        "created_at": iso_us(key.created_us),
        "expires_at": _time(key.expires_us),
        "revoked_at": _time(key.revoked_us),
        "last_used_at": _time(key.last_used_us),
    }


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else iso_us(at_us)
