"""The organization that a key belongs to: name, currency, prices, limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field, StringConstraints
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, Text100
from offhook.api.envelope import success
from offhook.api.errors import invalid
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Success, answers
from offhook.record.cost import plain
from offhook.record.currency import CURRENCIES
from offhook.record.times import iso_us
from offhook.store.keys import Scope
from offhook.store.organizations import Organization

router = APIRouter(tags=["organization"])
Admin = Annotated[Caller, Depends(requires(Scope.ADMIN))]


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("not a currency of ISO 4217, such as EUR")
    return code


Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), AfterValidator(_currency)]
Price = Annotated[
    Decimal | None,
    Field(ge=0, le=10**6, decimal_places=12, description="Of one unit; null: the default. Send decimals as strings."),
]
PerMinute = Annotated[int | None, Field(ge=1, le=10**9, description="null: what the server's settings say.")]


class OrganizationLimits(Answer):
    """Requests a minute; null: what the server's settings say."""

    requests_per_minute: int | None
    requests_per_minute_per_key: int | None


class OrganizationData(Answer):
    """The organization that the key belongs to; prices are decimals as strings."""

    id: UUID
    name: str
    currency: str
    price_list: dict[str, str]
    limits: OrganizationLimits
    created_at: datetime


class ChangePrices(Body):
    """Prices to change; the others stay."""

    telephony_minute: Price = None
    stt_minute: Price = None
    llm_input_token: Price = None
    llm_output_token: Price = None
    tts_character: Price = None
    platform_minute: Price = None


class ChangeLimits(Body):
    """Limits to change; the others stay."""

    requests_per_minute: PerMinute = None
    requests_per_minute_per_key: PerMinute = None


class ChangeOrganization(Body):
    """What to change. Prices and the currency hold for calls that end from now on."""

    name: Text100 | None = None
    currency: Currency | None = None
    price_list: ChangePrices | None = None
    limits: ChangeLimits | None = None

    def changes(self) -> dict[str, Any]:
        """What was given. Raises the 422 of a field that can't be null."""
        given = self.model_dump(exclude_unset=True)
        for name, value in given.items():
            if value is None:
                raise invalid(name, "cannot be null")
        if prices := given.get("price_list"):
            given["price_list"] = {name: None if price is None else plain(price) for name, price in prices.items()}
        return given


@router.get("/v1/organization", responses=answers(200, Success[OrganizationData]))
def get_organization(caller: Admin, shared: Shared) -> Response:
    """The key's organization, with what its calls cost."""
    return success(_shown(shared.organizations.get(caller.organization_id)), "Organization retrieved successfully")


@router.patch("/v1/organization", responses=answers(200, Success[OrganizationData]))
def change_organization(body: ChangeOrganization, caller: Admin, shared: Shared) -> Response:
    """Change the key's organization; of prices and limits the entries given, null sets one back to its default."""
    changed = shared.organizations.update(caller.organization_id, body.changes())
    return success(_shown(changed), "Organization updated successfully")


def _shown(organization: Organization) -> dict[str, Any]:
    limits = organization.limits
    return {
        "id": organization.id,
        "name": organization.name,
        "currency": organization.currency,
        "price_list": organization.prices.to_json(),
        "limits": {name: limits.get(name) for name in OrganizationLimits.model_fields},
        "created_at": iso_us(organization.created_us),
    }
