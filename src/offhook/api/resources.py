"""What the routes share: the stores, opened once for the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from offhook.api.control import ApiDeps, CallControl, RecordingLinks
from offhook.knowledge.service import Knowledge
from offhook.store.agents import Agents
from offhook.store.audit import AuditLog
from offhook.store.calls import Calls
from offhook.store.hot import CallReads, open_reads
from offhook.store.idempotency import IdempotencyKeys
from offhook.store.keys import ApiKeys
from offhook.store.numbers import PhoneNumbers
from offhook.store.organizations import Organizations
from offhook.store.questions import PostCallQuestions
from offhook.store.trunks import Trunks
from offhook.store.writer import CallWriter
from offhook.webhooks.service import Webhooks


@dataclass(frozen=True, slots=True)
class Resources:
    """The stores and the rest of the house."""

    deps: ApiDeps
    reads: CallReads
    calls: Calls
    agents: Agents
    keys: ApiKeys
    numbers: PhoneNumbers
    organizations: Organizations
    trunks: Trunks
    idempotency: IdempotencyKeys
    questions: PostCallQuestions
    audit: AuditLog

    @classmethod
    def open(cls, deps: ApiDeps) -> Resources:
        """Open what the routes need."""
        database = deps.database
        return cls(
            deps,
            open_reads(database),
            Calls(database),
            Agents(database),
            ApiKeys(database),
            PhoneNumbers(database),
            Organizations(database),
            Trunks(database, deps.sealer),
            IdempotencyKeys(database),
            PostCallQuestions(database),
            AuditLog(database),
        )

    @property
    def control(self) -> CallControl:
        """The calls of this server."""
        return self.deps.control

    @property
    def links(self) -> RecordingLinks:
        """Makes URLs of recordings."""
        return self.deps.links

    @property
    def knowledge(self) -> Knowledge:
        """Knowledge bases."""
        return self.deps.knowledge

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks, their log, and live events."""
        return self.deps.webhooks

    @property
    def writer(self) -> CallWriter:
        """Writes calls."""
        return self.deps.writer


def _resources(request: Request) -> Resources:
    found: Resources = request.app.state.resources
    return found


Shared = Annotated[Resources, Depends(_resources)]
