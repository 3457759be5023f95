"""The client for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from offhook.client.aio.agents import AgentsMethods
from offhook.client.aio.audit_log import AuditLogMethods
from offhook.client.aio.calls import CallsMethods
from offhook.client.aio.events import EventsMethods
from offhook.client.aio.keys import KeysMethods
from offhook.client.aio.knowledge_bases import KnowledgeBasesMethods
from offhook.client.aio.operations import OperationsMethods
from offhook.client.aio.organization import OrganizationMethods
from offhook.client.aio.phone_numbers import PhoneNumbersMethods
from offhook.client.aio.post_call_questions import PostCallQuestionsMethods
from offhook.client.aio.trunks import TrunksMethods
from offhook.client.aio.usage import UsageMethods
from offhook.client.aio.webhooks import WebhooksMethods

__all__ = ["AsyncClient"]


class AsyncClient(
    AgentsMethods,
    AuditLogMethods,
    CallsMethods,
    EventsMethods,
    KeysMethods,
    KnowledgeBasesMethods,
    OperationsMethods,
    OrganizationMethods,
    PhoneNumbersMethods,
    PostCallQuestionsMethods,
    TrunksMethods,
    UsageMethods,
    WebhooksMethods,
):
    """A method for each operation of the API. All raise ApiStatusError and ConnectionFailedError."""
