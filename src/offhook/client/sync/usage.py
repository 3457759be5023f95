"""Operations on usage.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from offhook.client import shapes
from offhook.client.request import build, read_data
from offhook.client.transport import Transport


class UsageMethods(Transport):
    """What can be done with usage."""

    def get_usage(
        self,
        *,
        from_: datetime | None = None,
        to: datetime | None = None,
        group_by: Literal["day", "month", "agent", "day,agent", "month,agent", "none"] | None = None,
    ) -> shapes.Usage:
        """Calls, minutes and cost, by day or month and agent."""
        request = build("GET", "/v1/usage", query={"from": from_, "to": to, "group_by": group_by})
        return read_data(self.send(request), shapes.Usage)
