"""The client.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from offhook.client.sync.agents import AgentsMethods
from offhook.client.sync.audit_log import AuditLogMethods
from offhook.client.sync.calls import CallsMethods
from offhook.client.sync.events import EventsMethods
from offhook.client.sync.keys import KeysMethods
from offhook.client.sync.knowledge_bases import KnowledgeBasesMethods
from offhook.client.sync.operations import OperationsMethods
from offhook.client.sync.organization import OrganizationMethods
from offhook.client.sync.phone_numbers import PhoneNumbersMethods
from offhook.client.sync.post_call_questions import PostCallQuestionsMethods
from offhook.client.sync.trunks import TrunksMethods
from offhook.client.sync.usage import UsageMethods
from offhook.client.sync.webhooks import WebhooksMethods

__all__ = ["Client"]


class Client(
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
