"""What can go wrong between a client and a server.

* OffhookError
    * ClientError
        * ConnectionFailedError   no answer: the server can't be reached, or broke off
        * ApiStatusError          an answer that is no success, with the server's own words
"""

from __future__ import annotations

from offhook.errors import Fault, OffhookError


class ClientError(OffhookError):
    """Base of every error that the client raises."""

    code = "client_error"


class ConnectionFailedError(ClientError):
    """The server can't be reached, was too slow, or broke off. Whether the request acted is not known."""

    code = "connection_failed"


class ApiStatusError(ClientError):
    """An answer that is no success.

    ``type`` is the server's (``not_found``, ``validation_error``, ``rate_limited``, …), ``details`` name the fields at
    fault, ``request_id`` finds the request in the server's log, ``retry_after_s`` says when to ask again (or None).
    """

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002 - the contract's name
        message: str,
        *,
        details: tuple[Fault, ...] = (),
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.status, self.type, self.message = status, type, message
        self.details, self.request_id, self.retry_after_s = details, request_id, retry_after_s
        named = "; ".join(f"{fault.field}: {fault.message}" for fault in details)
        super().__init__(f"{message} ({named})" if named else message)
