"""Operations on knowledge bases, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from offhook.client import shapes
from offhook.client.request import UNSET, FileSource, Page, TextSource, Unset, build, read_data, read_page, segment
from offhook.client.transport import AsyncTransport


class KnowledgeBasesMethods(AsyncTransport):
    """What can be done with knowledge bases."""

    async def list_knowledge_bases(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.KnowledgeBase]:
        """Bases of the organization, newest first."""
        request = build(
            "GET",
            "/v1/knowledge-bases",
            query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit},
        )
        return read_page(await self.send(request), shapes.KnowledgeBase)

    async def iter_knowledge_bases(self, *, limit: int | None = None) -> AsyncIterator[shapes.KnowledgeBase]:
        """All of ``list_knowledge_bases``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_knowledge_bases(limit=limit, use_cursor=True, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def create_knowledge_base(self, *, name: str) -> shapes.KnowledgeBase:
        """Make an empty base."""
        request = build("POST", "/v1/knowledge-bases", body={"name": name})
        return read_data(await self.send(request), shapes.KnowledgeBase)

    async def get_knowledge_base(self, knowledge_base_id: str) -> shapes.KnowledgeBase:
        """One base with its sources."""
        request = build("GET", f"/v1/knowledge-bases/{segment(knowledge_base_id)}")
        return read_data(await self.send(request), shapes.KnowledgeBase)

    async def delete_knowledge_base(self, knowledge_base_id: str) -> None:
        """Delete a base with its sources and their files; 409 while a published agent uses it."""
        request = build("DELETE", f"/v1/knowledge-bases/{segment(knowledge_base_id)}")
        await self.send(request)

    async def add_knowledge_sources(
        self, knowledge_base_id: str, *, files: Sequence[FileSource] = (), texts: Sequence[TextSource] = ()
    ) -> shapes.KnowledgeBase:
        """Add files and texts, which are then read in the background; all of them, or none."""
        request = build("POST", f"/v1/knowledge-bases/{segment(knowledge_base_id)}/sources", files=files, texts=texts)
        return read_data(await self.send(request), shapes.KnowledgeBase)

    async def delete_knowledge_sources(
        self, knowledge_base_id: str, *, source_ids: Sequence[str]
    ) -> shapes.KnowledgeBase:
        """Remove sources with their files."""
        request = build(
            "DELETE", f"/v1/knowledge-bases/{segment(knowledge_base_id)}/sources", body={"source_ids": source_ids}
        )
        return read_data(await self.send(request), shapes.KnowledgeBase)

    async def search_knowledge_base(
        self, knowledge_base_id: str, *, query: str, limit: int | Unset = UNSET
    ) -> shapes.KnowledgeFound:
        """The passages that fit best, as an agent would get them."""
        request = build(
            "POST", f"/v1/knowledge-bases/{segment(knowledge_base_id)}/search", body={"query": query, "limit": limit}
        )
        return read_data(await self.send(request), shapes.KnowledgeFound)
