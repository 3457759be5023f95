"""The first start: an organization to own things, and a key to come in with."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.store.database import Database
from offhook.store.keys import ApiKeys
from offhook.store.organizations import Organization, Organizations


@dataclass(frozen=True, slots=True)
class FirstStart:
    """The default organization; ``api_key`` is set only by the start that made it, to be shown once."""

    organization: Organization
    api_key: str | None


def bootstrap(database: Database) -> FirstStart:
    """Make the default organization and its first API key where there is none yet."""
    organizations, keys = Organizations(database), ApiKeys(database)
    # Commands on the data directory may have made the organization before the first start.
    organization = organizations.ensure_default()
    if keys.all(organization.id):
        return FirstStart(organization, None)
    _, secret = keys.create(organization.id, "first key")
    return FirstStart(organization, secret)
