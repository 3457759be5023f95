"""Operations on keys.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import Transport


class KeysMethods(Transport):
    """What can be done with keys."""

    def list_keys(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.ApiKey]:
        """Keys of the organization, newest first, revoked ones too."""
        request = build(
            "GET", "/v1/api-keys", query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit}
        )
        return read_page(self.send(request), shapes.ApiKey)

    def iter_keys(self, *, limit: int | None = None) -> Iterator[shapes.ApiKey]:
        """All of ``list_keys``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_keys(limit=limit, use_cursor=True, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def create_key(
        self, *, name: str, scopes: Sequence[shapes.Scope] | Unset = UNSET, expires_at: datetime | Unset | None = UNSET
    ) -> shapes.NewApiKey:
        """Make a key; the answer is the only one that has it."""
        request = build("POST", "/v1/api-keys", body={"name": name, "scopes": scopes, "expires_at": expires_at})
        return read_data(self.send(request), shapes.NewApiKey)

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key: the next request with it is refused."""
        request = build("DELETE", f"/v1/api-keys/{segment(key_id)}")
        self.send(request)
