"""Phone numbers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import E164, Body, Party, Text100, Text255
from offhook.api.envelope import RawResponse, success, success_body
from offhook.api.errors import invalid
from offhook.api.paging import ByPage, paginate
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.record.times import iso_us
from offhook.store.keys import Scope
from offhook.store.numbers import PhoneNumber

router = APIRouter(tags=["phone numbers"])
Reader = Annotated[Caller, Depends(requires(Scope.AGENTS_READ))]
Writer = Annotated[Caller, Depends(requires(Scope.AGENTS_WRITE))]

# The contract has this message of calls here; clients may compare it.
_RETRIEVED = "Calls retrieved successfully"
_NOWHERE = "redirect_phone_number: a number that redirects needs one"


class PhoneNumberData(Answer):
    """A phone number."""

    id: UUID
    number: str
    name: str
    created_at: datetime
    type: Literal["pstn", "sip"]
    inbound_agent_id: UUID | None
    redirect: bool
    redirect_phone_number: str | None
    trunk_id: UUID | None


class NewNumber(Body):
    """A number to add. Type ``pstn``: E.164 with +; type ``sip``: any user name or address."""

    number: Text255
    name: Text100 | None = None
    type: Literal["pstn", "sip"] = "pstn"
    inbound_agent_id: UUID | None = None
    redirect: bool = Field(False, description="Whether its calls go on to redirect_phone_number.")
    redirect_phone_number: Party | None = Field(None, description="E.164 with +, or a sip: URI.")
    trunk_id: UUID | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> NewNumber:
        if self.type == "pstn" and re.fullmatch(E164, self.number) is None:
            raise ValueError("number: a pstn number is E.164 with +, such as +33123456789")
        if re.search(r"\s", self.number):
            raise ValueError("number: holds a space")
        if self.redirect and self.redirect_phone_number is None:
            raise ValueError(_NOWHERE)
        return self


class ChangeNumber(Body):
    """What to change; null takes a link away."""

    name: Text100 | None = None
    inbound_agent_id: UUID | None = None
    redirect: bool | None = None
    redirect_phone_number: Party | None = Field(None, description="E.164 with +, or a sip: URI.")
    trunk_id: UUID | None = None

    def changes(self, before: PhoneNumber) -> dict[str, Any]:
        """What was given. Raises the 422 of what can't be."""
        given = self.model_dump(exclude_unset=True)
        for name in ("name", "redirect"):
            if name in given and given[name] is None:
                raise invalid(name, "cannot be null")
        redirect = given.get("redirect", before.redirect)
        if redirect and given.get("redirect_phone_number", before.redirect_phone_number) is None:
            raise invalid(*_NOWHERE.split(": "))
        return {name: str(value) if isinstance(value, UUID) else value for name, value in given.items()}


@router.get("/v1/phone-numbers", responses=answers(200, Listing[PhoneNumberData]))
def list_numbers(paging: ByPage, caller: Reader, shared: Shared) -> Response:
    """Numbers of the organization, newest first; by page unless asked otherwise."""
    rows = shared.numbers.all(caller.organization_id)
    return paginate(rows, paging, _RETRIEVED, lambda row: row.created_us, _shown)


@router.post("/v1/phone-numbers", status_code=201, responses=answers(201, Success[PhoneNumberData], 404, 409))
def add_number(body: NewNumber, caller: Writer, shared: Shared) -> Response:
    """Add a number."""
    number = shared.numbers.create(
        caller.organization_id,
        body.number,
        name=body.name,
        type=body.type,
        inbound_agent_id=str(body.inbound_agent_id) if body.inbound_agent_id else None,
        trunk_id=str(body.trunk_id) if body.trunk_id else None,
        redirect=body.redirect,
        redirect_phone_number=body.redirect_phone_number,
    )
    return success(_shown(number), "Phone number created successfully", 201)


@router.get("/v1/phone-numbers/{number_id}", responses=answers(200, Success[PhoneNumberData], 404))
def get_number(number_id: UUID, caller: Reader, shared: Shared) -> Response:
    """One number."""
    number = shared.numbers.get(caller.organization_id, str(number_id))
    return success(_shown(number), "Phone number retrieved successfully")


@router.patch("/v1/phone-numbers/{number_id}", responses=answers(200, Success[PhoneNumberData], 404))
def change_number(number_id: UUID, body: ChangeNumber, caller: Writer, shared: Shared) -> Response:
    """Change who answers a number, or where it goes on to."""
    changes = body.changes(shared.numbers.get(caller.organization_id, str(number_id)))
    number = shared.numbers.update(caller.organization_id, str(number_id), changes)
    return success(_shown(number), "Phone number updated successfully")


@router.delete("/v1/phone-numbers/{number_id}", responses=answers(200, Success[None], 404))
def delete_number(number_id: UUID, caller: Writer, shared: Shared) -> Response:
    """Give a number up."""
    shared.numbers.delete(caller.organization_id, str(number_id))
    return RawResponse(success_body(b"null", "Phone number deleted successfully"))


def _shown(number: PhoneNumber) -> dict[str, Any]:
    return {
        "id": number.id,
        "number": number.number,
        "name": number.name,
        "created_at": iso_us(number.created_us),
        "type": number.type,
        "inbound_agent_id": number.inbound_agent_id,
        "redirect": number.redirect,
        "redirect_phone_number": number.redirect_phone_number,
        "trunk_id": number.trunk_id,
    }
