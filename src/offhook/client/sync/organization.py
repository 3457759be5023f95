"""Operations on organization.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offhook.client import shapes
from offhook.client.request import UNSET, Unset, build, read_data
from offhook.client.transport import Transport


class OrganizationMethods(Transport):
    """What can be done with organization."""

    def get_organization(self) -> shapes.Organization:
        """The key's organization, with what its calls cost."""
        request = build("GET", "/v1/organization")
        return read_data(self.send(request), shapes.Organization)

    def change_organization(
        self,
        *,
        name: str | Unset | None = UNSET,
        currency: str | Unset | None = UNSET,
        price_list: Mapping[str, Any] | Unset | None = UNSET,
        limits: Mapping[str, Any] | Unset | None = UNSET,
    ) -> shapes.Organization:
        """Change the key's organization; of prices and limits the entries given, null sets one back to its default."""
        request = build(
            "PATCH",
            "/v1/organization",
            body={"name": name, "currency": currency, "price_list": price_list, "limits": limits},
        )
        return read_data(self.send(request), shapes.Organization)
