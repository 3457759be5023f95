"""One call as an answer."""

from __future__ import annotations

from offhook.api.auth import Caller
from offhook.api.envelope import SuccessFrame
from offhook.api.resources import Resources
from offhook.errors import NotFoundError
from offhook.store.calls import StoredCall

_FRAME = SuccessFrame("Call retrieved successfully")


def shown(resources: Resources, stored: StoredCall) -> bytes:
    """A call's whole ``data``, with URLs that are good from now on."""
    if not stored.recorded:
        return stored.without_urls()
    links, secure = resources.links, bool(stored.secure)
    return stored.with_urls(
        links.mixed_url(stored.call_id, secure=secure), links.channels_url(stored.call_id, secure=secure)
    )


async def read_call(resources: Resources, caller: Caller, call_id: str) -> bytes:
    """The body of ``GET /v1/calls/{call_id}``. Raises NotFoundError for a call that isn't the caller's."""
    stored = await resources.reads.call(caller.organization_id, call_id)
    if stored is None:
        raise NotFoundError(f"no call {call_id}")
    return _FRAME.around(shown(resources, stored))
