"""What an agent's knowledge bases say to a caller's words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Protocol

from offhook.agents.dialogue import Dialogue, Passage
from offhook.errors import OffhookError

MAX_PASSAGES = 4
MAX_PASSAGE_CHARS = 1500  # with four of them about 1,500 tokens: a tenth of a second of most models' reading
SEARCH_LIMIT_S = 0.3  # a search takes 50 ms; a caller waits for it, so a slow one is done without


class Library(Protocol):
    """Knowledge bases, searched for one call."""

    async def search(self, base_ids: Sequence[str], query: str, limit: int) -> tuple[Passage, ...]:
        """The best passages, the best first. Raises OffhookError."""


def bases_of(dialogue: Dialogue) -> tuple[str, ...]:
    """Bases of the state; without a list of its own the agent's."""
    own = dialogue.state.knowledge_base_ids
    return tuple(str(base) for base in (dialogue.config.knowledge_base_ids if own is None else own))


async def consult(library: Library, bases: tuple[str, ...], query: str) -> tuple[tuple[Passage, ...], str | None]:
    """The passages for a caller's words, and why there are none if the search failed."""
    if len(re.findall(r"\w+", query)) < 2:  # "Yes." asks for nothing
        return (), None
    try:
        async with asyncio.timeout(SEARCH_LIMIT_S):
            return await library.search(bases, query, MAX_PASSAGES), None
    except TimeoutError:
        return (), f"the search took longer than {SEARCH_LIMIT_S:g} s"
    except OffhookError as error:
        return (), str(error)


def passages_block(passages: Sequence[Passage]) -> str:
    """Passages as the model reads them."""
    rows = [f"[{number}] {_title(each)}\n{each.text[:MAX_PASSAGE_CHARS]}" for number, each in enumerate(passages, 1)]
    told = "What the knowledge base says that may concern the caller's last words. Use only what answers them."
    return "\n\n".join([told, *rows])


def _title(passage: Passage) -> str:
    return f"{passage.source} – {passage.headings}" if passage.headings else passage.source
