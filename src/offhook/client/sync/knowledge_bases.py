"""Operations on knowledge bases.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offhook.client import shapes
from offhook.client.request import UNSET, FileSource, Page, TextSource, Unset, build, read_data, read_page, segment
from offhook.client.transport import Transport


class KnowledgeBasesMethods(Transport):
    """What can be done with knowledge bases."""

    def list_knowledge_bases(
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
        return read_page(self.send(request), shapes.KnowledgeBase)

    def iter_knowledge_bases(self, *, limit: int | None = None) -> Iterator[shapes.KnowledgeBase]:
        """All of ``list_knowledge_bases``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_knowledge_bases(limit=limit, use_cursor=True, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def create_knowledge_base(self, *, name: str) -> shapes.KnowledgeBase:
        """Make an empty base."""
        request = build("POST", "/v1/knowledge-bases", body={"name": name})
        return read_data(self.send(request), shapes.KnowledgeBase)

    def get_knowledge_base(self, knowledge_base_id: str) -> shapes.KnowledgeBase:
        """One base with its sources."""
        request = build("GET", f"/v1/knowledge-bases/{segment(knowledge_base_id)}")
        return read_data(self.send(request), shapes.KnowledgeBase)

    def delete_knowledge_base(self, knowledge_base_id: str) -> None:
        """Delete a base with its sources and their files; 409 while a published agent uses it."""
        request = build("DELETE", f"/v1/knowledge-bases/{segment(knowledge_base_id)}")
        self.send(request)

    def add_knowledge_sources(
        self, knowledge_base_id: str, *, files: Sequence[FileSource] = (), texts: Sequence[TextSource] = ()
    ) -> shapes.KnowledgeBase:
        """Add files and texts, which are then read in the background; all of them, or none."""
        request = build("POST", f"/v1/knowledge-bases/{segment(knowledge_base_id)}/sources", files=files, texts=texts)
        return read_data(self.send(request), shapes.KnowledgeBase)

    def delete_knowledge_sources(self, knowledge_base_id: str, *, source_ids: Sequence[str]) -> shapes.KnowledgeBase:
        """Remove sources with their files."""
        request = build(
            "DELETE", f"/v1/knowledge-bases/{segment(knowledge_base_id)}/sources", body={"source_ids": source_ids}
        )
        return read_data(self.send(request), shapes.KnowledgeBase)

    def search_knowledge_base(
        self, knowledge_base_id: str, *, query: str, limit: int | Unset = UNSET
    ) -> shapes.KnowledgeFound:
        """The passages that fit best, as an agent would get them."""
        request = build(
            "POST", f"/v1/knowledge-bases/{segment(knowledge_base_id)}/search", body={"query": query, "limit": limit}
        )
        return read_data(self.send(request), shapes.KnowledgeFound)
