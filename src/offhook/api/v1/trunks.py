"""Trunks."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field, StringConstraints, model_validator
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, Text100, Text255
from offhook.api.envelope import RawResponse, success, success_body
from offhook.api.errors import invalid
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
Networks = Annotated[list[Network], Field(max_length=100, description="Addresses or networks that may call in by it.")]
Host = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9.\-:\[\]_]+$")]
Port = Annotated[int | None, Field(ge=1, le=65535, description="Absent: the transport's own.")]
Transport = Literal["udp", "tcp", "tls"]
Codecs = Annotated[list[Literal["PCMU", "PCMA"]], Field(max_length=10, description="In this order; empty: all.")]
AccountSid = Annotated[str, StringConstraints(pattern="^AC[0-9a-fA-F]{32}$", max_length=34)]

_SIP_ONLY = frozenset(
    {"host", "port", "transport", "srtp", "username", "password", "register", "allowed_sources", "codecs"}
)
_TWILIO_ONLY = frozenset({"account_sid", "auth_token"})
_NULLABLE = frozenset({"port", "username", "password"})


class TrunkData(Answer):
    """A trunk; its password or token is never shown."""

    id: UUID
    name: str
    type: Literal["sip", "twilio"]
    created_at: datetime
    host: str | None
    port: int | None
    transport: Transport
    srtp: bool
    username: str | None
    has_password: bool
    register_: bool = Field(alias="register")
    allowed_sources: list[str]
    codecs: list[str]
    account_sid: str | None
    has_auth_token: bool


class NewTrunk(Body):
    """A trunk to add: ``sip`` with a host, or ``twilio`` with an account and its token."""

    name: Text100
    type: Literal["sip", "twilio"] = "sip"
    host: Host | None = None
    port: Port = None
    transport: Transport = "udp"
    srtp: bool = False
    username: Text255 | None = None
    password: Text255 | None = Field(None, description="Never shown again.")
    register_: bool = Field(False, alias="register")
    allowed_sources: Networks = Field(default_factory=list)
    codecs: Codecs = Field(default_factory=list)
    account_sid: AccountSid | None = None
    auth_token: Text255 | None = Field(None, description="Never shown again.")

    @model_validator(mode="after")
    def _fits_its_type(self) -> NewTrunk:
        given = self.model_dump(by_alias=True, exclude_unset=True)
        if fault := _fault(self.type, self.model_dump(by_alias=True), given.keys()):
            raise ValueError(fault)
        return self


class ChangeTrunk(Body):
    """What to change; null takes a port, user name or password away. A trunk's type stays."""

    name: Text100 | None = None
    host: Host | None = None
    port: Port = None
    transport: Transport | None = None
    srtp: bool | None = None
    username: Text255 | None = None
    password: Text255 | None = Field(None, description="Never shown again.")
    register_: bool | None = Field(None, alias="register")
    allowed_sources: Networks | None = None
    codecs: Codecs | None = None
    account_sid: AccountSid | None = None
    auth_token: Text255 | None = Field(None, description="Never shown again.")

    def changes(self, trunk: Trunk) -> dict[str, Any]:
        """What was given. Raises the 422 of what doesn't fit the trunk."""
        given = self.model_dump(by_alias=True, exclude_unset=True)
        for name, value in given.items():
            if value is None and name not in _NULLABLE:
                raise invalid(name, "cannot be null")
        whole = {name: getattr(trunk, name) for name in (*_SIP_ONLY, *_TWILIO_ONLY)} | given
        if fault := _fault(trunk.type, whole, given.keys()):
            field, _, text = fault.partition(": ")
            raise invalid(field, text)
        return given


def _fault(kind: str, whole: Mapping[str, Any], given: Any) -> str | None:  # noqa: ANN401 - a set of names
    """What keeps a trunk from being one of its kind: ``field: why``."""
    foreign = given & (_SIP_ONLY if kind == "twilio" else _TWILIO_ONLY)
    if foreign:
        return f"{min(foreign)}: a {kind} trunk has none"
    needed = ("account_sid", "auth_token") if kind == "twilio" else ("host",)
    for name in needed:
        if whole[name] is None:
            return f"{name}: a {kind} trunk needs one"
    if kind == "sip" and whole["register"] and not (whole["username"] and whole["password"]):
        return "register: needs a username and a password"
    return None


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


@router.patch("/v1/trunks/{trunk_id}", responses=answers(200, Success[TrunkData], 404))
def change_trunk(trunk_id: UUID, body: ChangeTrunk, caller: Admin, shared: Shared) -> Response:
    """Change a trunk."""
    changes = body.changes(shared.trunks.get(caller.organization_id, str(trunk_id)))
    trunk = shared.trunks.update(caller.organization_id, str(trunk_id), changes)
    return success(_shown(trunk), "Trunk updated successfully")


@router.delete("/v1/trunks/{trunk_id}", responses=answers(200, Success[None], 404))
def delete_trunk(trunk_id: UUID, caller: Admin, shared: Shared) -> Response:
    """Take a trunk away; numbers that used it have none from then on."""
    shared.trunks.delete(caller.organization_id, str(trunk_id))
    return RawResponse(success_body(b"null", "Trunk deleted successfully"))


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
        "account_sid": trunk.account_sid,
        "has_auth_token": trunk.auth_token is not None,
    }
