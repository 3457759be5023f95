"""Knowledge bases of one organization, as agents consult them."""

from __future__ import annotations

from collections.abc import Sequence

from offhook.agents.dialogue import Passage
from offhook.knowledge.service import Knowledge

# A caller waits: the meaning of a question is waited for this long, then its words alone count.
QUESTION_LIMIT_S = 0.1


class OrganizationLibrary:
    """A ``Library``."""

    def __init__(self, knowledge: Knowledge, organization_id: str) -> None:
        self._knowledge, self._organization_id = knowledge, organization_id

    async def search(self, base_ids: Sequence[str], query: str, limit: int) -> tuple[Passage, ...]:
        """The best passages. Raises NotFoundError for a base that is gone."""
        found = await self._knowledge.search(self._organization_id, base_ids, query, limit, QUESTION_LIMIT_S)
        return tuple(
            Passage(
                base_id=hit.passage.base_id, source_id=hit.passage.source_id, source=hit.passage.source_name,
                text=hit.passage.text, score=hit.score, headings=hit.passage.headings, page=hit.passage.page,
            )
            for hit in found.hits
        )  # fmt: skip
