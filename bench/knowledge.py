"""How well and how fast knowledge bases answer: recall on questions as callers ask them, and time at size.

``offhook bench knowledge``; ``python bench/knowledge.py [--quick] [--show]``. Recall@3 is the share of questions whose
passage is among the first three, by words alone and as the server answers. The questions are paraphrases on purpose.
Times are on SQLite with 50,000 passages in one base, 5,000 with ``--quick``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from figures import Figure, show
from offhook.knowledge.embedding import DIMENSIONS, MODEL, Embedding
from offhook.knowledge.reading.blocks import Kind
from offhook.knowledge.service import Found, Knowledge, Upload
from offhook.knowledge.terms import index_terms
from offhook.knowledge.vectors import Vectors
from offhook.settings import Settings
from offhook.store.bootstrap import bootstrap
from offhook.store.database import Database, sqlite_url
from offhook.store.ids import new_id
from offhook.store.knowledge import NewSource, SourceType
from offhook.store.passages import Passages, changed
from offhook.store.tables import knowledge_sources

DATA = Path(__file__).parent / "data"
TARGETS = {("en", "hybrid"): 90.0, ("en", "lexical"): None, ("fr", "hybrid"): 75.0, ("fr", "lexical"): None}
SEARCH_TARGET_MS = 50.0  # within a turn
PASSAGES, QUICK_PASSAGES = 50_000, 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--show", action="store_true", help="tell every question that was missed on stderr")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models_dir = Path(os.environ.get("OFFHOOK_MODELS_DIR", Path(__file__).parents[1] / ".models")).expanduser()
        show(asyncio.run(measure(Path(folder), models_dir, quick=arguments.quick, tell=arguments.show)))


async def measure(folder: Path, models_dir: Path, *, quick: bool, tell: bool) -> list[Figure]:
    database = Database.open(sqlite_url(folder / "offhook.db"))
    organization = bootstrap(database).organization.id
    knowledge = Knowledge(database, Settings(data_dir=folder, models_dir=models_dir), "secret")
    wordy = Knowledge(database, Settings(data_dir=folder, models_dir=folder / "none"), "secret")
    if missing := Embedding(models_dir).missing:
        sys.exit(missing)
    await knowledge.start()
    figures = []
    for language, questions in json.loads((DATA / "knowledge.json").read_text(encoding="utf-8")).items():
        base_id = await filled(knowledge, organization, DATA / f"knowledge.{language}.md")
        for mode, service in (("lexical", wordy), ("hybrid", knowledge)):
            missed = [
                question
                for question, heading in questions
                if heading not in headings(await service.search(organization, [base_id], question, 3))
            ]
            if tell:
                print(f"{language} {mode}: {missed}", file=sys.stderr)
            recall = 100 * (1 - len(missed) / len(questions))
            target = TARGETS[language, mode]
            ok = target is None or recall >= target
            figures.append(
                Figure(f"knowledge.recall3_{language}_{mode}_pct", round(recall, 1), "%", target, ok, len(questions))
            )
    figures += await times(knowledge, database, organization, QUICK_PASSAGES if quick else PASSAGES)
    await knowledge.close()
    database.close()
    return figures


def headings(found: Found) -> list[str]:
    return [hit.passage.headings.rpartition(" › ")[2] for hit in found.hits]


async def filled(knowledge: Knowledge, organization: str, path: Path) -> str:
    base = knowledge.bases.create(organization, path.stem)
    with path.open("rb") as content:
        await knowledge.add(organization, base.id, [Upload(path.name, SourceType.FILE, Kind.MARKDOWN, content)])
    while knowledge.bases.get(organization, base.id).status == "ingesting":  # noqa: ASYNC110 - as any client does
        await asyncio.sleep(0.05)
    return base.id


async def times(knowledge: Knowledge, database: Database, organization: str, count: int) -> list[Figure]:
    """Searching a base of ``count`` passages: the first time, and from then on."""
    base_id = await asyncio.to_thread(large_base, knowledge, database, organization, count)
    questions = ["Where can I leave my car?", "What does a room cost on Sundays?", "Is there a bus to the airport?"]

    async def search(question: str, limit_s: float = 2.0) -> Found:
        return await knowledge.search(organization, [base_id], question, 5, limit_s)

    first_ms = await timed(search, questions[0])
    all_ms = [await timed(search, question) for question in questions * 10]
    words_ms = [await timed(search, question, 0.0) for question in questions * 10]
    exact_ms = exact(Passages(database), {base_id: 1})
    note = f"{count} passages, SQLite"

    def figure(name: str, values: list[float], target: float | None = None) -> Figure:
        value = round(statistics.median(values), 1)
        return Figure(
            f"knowledge.{name}_p50_ms", value, "ms", target, target is None or value <= target, len(values), note
        )

    return [
        figure("search", all_ms, SEARCH_TARGET_MS),
        figure("search_lexical", words_ms),
        figure("exact_vectors", exact_ms),
        figure("first_search", [first_ms]),
    ]


def exact(passages: Passages, revisions: dict[str, int]) -> list[float]:
    """The vector half alone, after a first time that reads it into memory."""
    vectors, taken = Vectors(passages), []
    question = np.full(DIMENSIONS, DIMENSIONS**-0.5, dtype="<f4").tobytes()
    for _ in range(31):
        began = time.perf_counter()
        vectors.nearest(revisions, question, 50, 0.05)  # a bound that a fifth of random vectors pass
        taken.append((time.perf_counter() - began) * 1000)
    return taken[1:]


async def timed(work: Callable[..., Awaitable[Any]], *arguments: object) -> float:
    began = time.perf_counter()
    await work(*arguments)
    return (time.perf_counter() - began) * 1000


def large_base(knowledge: Knowledge, database: Database, organization: str, count: int) -> str:
    """A base of passages made of common words (Zipf's law) and of random vectors."""
    base = knowledge.bases.create(organization, "large")
    source = NewSource(id=new_id(), type=SourceType.FILE, name="x.md", kind="markdown", file_key="x", size_bytes=1)
    knowledge.bases.add_sources(organization, base.id, [source])
    numbers, chance = np.random.default_rng(1), random.Random(1)
    words = sorted({word for path in DATA.glob("knowledge.*.md") for word in path.read_text(encoding="utf-8").split()})
    words += [f"word{number}" for number in range(20_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    chance.shuffle(words)
    for at in range(0, count, 1000):
        rows = []
        for position in range(at, min(at + 1000, count)):
            text = " ".join(chance.choices(words, weights, k=120))
            vector = numbers.normal(size=DIMENSIONS)
            vector = (vector / np.linalg.norm(vector)).astype("<f4")
            rows.append({
                "base_id": base.id, "source_id": source.id, "position": position, "page": None, "headings": "",
                "text": text, "terms": index_terms(text), "vector": vector.tobytes(),
            })  # fmt: skip
        with database.write() as connection:
            Passages.add(connection, rows)
    with database.write() as connection:
        ready = {"status": "ready", "embedded_by": MODEL, "due_us": None}
        connection.execute(knowledge_sources.update().where(knowledge_sources.c.id == source.id).values(ready))
        changed(connection, base.id)
    return base.id


if __name__ == "__main__":
    main()
