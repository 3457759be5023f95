"""Trunks."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, Text100, Text255
from offhook.api.envelope import success
from offhook.api.paging import ByCursor, paginate
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.record.times import iso_us
from offhook.store.keys import Scope
from offhook.store.trunks import Trunk

router = APIRouter(tags=["trunks"])
Reader = Annotated[Caller, Depends(requires(Scope.AGENTS_READ))]
# A trunk decides who may call in and where calls go out: more than what an agent says.
Admin = Annotated[Caller, Depends(requires(Scope.ADMIN))]


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


Network = Annotated[str, Field(max_length=50), AfterValidator(_network)]


class TrunkData(Answer):
    """A trunk; its password is never shown."""

    id: UUID
    name: str
    type: Literal["sip"]
    created_at: datetime
    host: str | None
    port: int | None
    transport: Literal["udp", "tcp", "tls"]
    srtp: bool
    username: str | None
    has_password: bool
    register_: bool = Field(alias="register")
    allowed_sources: list[str]
    codecs: list[str]


class NewTrunk(Body):
    """A SIP trunk to add."""

    name: Text100
    type: Literal["sip"] = "sip"
    host: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9.\-:\[\]_]+$")]
    port: int | None = Field(None, ge=1, le=65535, description="Absent: the transport's own.")
    transport: Literal["udp", "tcp", "tls"] = "udp"
    srtp: bool = False
    username: Text255 | None = None
    password: Text255 | None = None
    register_: bool = Field(False, alias="register")
    allowed_sources: list[Network] = Field(default_factory=list, max_length=100)
    codecs: list[Literal["PCMU", "PCMA"]] = Field(default_factory=list, max_length=10)


@router.get("/v1/trunks", responses=answers(200, Listing[TrunkData]))
def list_trunks(paging: ByCursor, caller: Reader, shared: Shared) -> Response:
    """Trunks of the organization, newest first."""
    rows = shared.trunks.all(caller.organization_id)
    return paginate(rows, paging, "Trunks retrieved successfully", lambda row: row.created_us, _shown)


@router.post("/v1/trunks", status_code=201, responses=answers(201, Success[TrunkData]))
def add_trunk(body: NewTrunk, caller: Admin, shared: Shared) -> Response:
    """Add a trunk."""
    values = body.model_dump(by_alias=True, exclude={"name"})
    trunk = shared.trunks.create(caller.organization_id, body.name, **values)
    return success(_shown(trunk), "Trunk created successfully", 201)


@router.get("/v1/trunks/{trunk_id}", responses=answers(200, Success[TrunkData], 404))
def get_trunk(trunk_id: UUID, caller: Reader, shared: Shared) -> Response:
    """One trunk."""
    return success(_shown(shared.trunks.get(caller.organization_id, str(trunk_id))), "Trunk retrieved successfully")


def _shown(trunk: Trunk) -> dict[str, Any]:
    return {
        "id": trunk.id,
        "name": trunk.name,
        "type": trunk.type,
        "created_at": iso_us(trunk.created_us),
        "host": trunk.host,
        "port": trunk.port,
        "transport": trunk.transport,
        "srtp": trunk.srtp,
        "username": trunk.username,
        "has_password": trunk.password is not None,
        "register": trunk.register,
        "allowed_sources": list(trunk.allowed_sources),
        "codecs": list(trunk.codecs),
    }
