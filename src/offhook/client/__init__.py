"""The typed Python client of the API, sync and async.

    from offhook.client import Client

    with Client("http://127.0.0.1:8000", api_key) as offhook:
        started = offhook.start_phone_call(from_number="+33123456789", to_number="+33612345678", agent_id=agent_id)
        call = offhook.get_call(started.call_id)

Requests that act on the world carry an idempotency key, so a lost answer is asked for again and nothing is done twice.
"""

from __future__ import annotations

from offhook.client.aio import AsyncClient
from offhook.client.errors import ApiStatusError, ClientError, ConnectionFailedError
from offhook.client.events import ServerEvent
from offhook.client.request import UNSET, FileSource, Page, TextSource, Unset
from offhook.client.sync import Client

__all__ = [
    "UNSET",
    "ApiStatusError",
    "AsyncClient",
    "Client",
    "ClientError",
    "ConnectionFailedError",
    "FileSource",
    "Page",
    "ServerEvent",
    "TextSource",
    "Unset",
]
