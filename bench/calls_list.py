"""What reading the list of calls takes on a million of them: each filter, late pages, and the search.

    python bench/calls_list.py            a million calls in PostgreSQL: some minutes to fill, 6 GB of disk
    python bench/calls_list.py --quick    20,000, a smoke run
    python bench/calls_list.py --sqlite   in SQLite

A figure is the median of several reads of a page of 50 with their documents, by the store itself, in ms. Reads by page
number count all that fits.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from figures import Figure, show
from offhook.store.calls import CallFilter, Calls
from offhook.store.database import Database, sqlite_url
from offhook.testing import many_calls
from offhook.testing.postgres import PostgresServer

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
LIMIT, REPEATS = 50, 7
FILTER_TARGET_MS, SEARCH_TARGET_MS, PAGES_TARGET = 50.0, 200.0, 1.5
# As a small server has them; what is measured should not hang on a large one's memory.
SETTINGS = ("shared_buffers=512MB", "work_mem=16MB", "maintenance_work_mem=512MB", "max_wal_size=8GB")


def filters(count: int) -> dict[str, CallFilter]:
    """What is asked for: common and rare of each."""
    middle = many_calls.FIRST_US + count // 2 * many_calls.APART_US
    return {
        "all": CallFilter(),
        "agent": CallFilter(agent_id=many_calls.agent_id(0)),
        "rare_agent": CallFilter(agent_id=many_calls.agent_id(9)),
        "type": CallFilter(type="web_call"),
        "status": CallFilter(status="completed"),
        "rare_status": CallFilter(status="canceled"),
        "direction": CallFilter(direction="outbound"),
        "from_number": CallFilter(from_number="+3310000007"),
        "to_number": CallFilter(to_number="+33900000007"),
        "answer_type": CallFilter(answer_type="human"),
        "rare_answer_type": CallFilter(answer_type="fax"),
        "end_reason": CallFilter(end_reason="busy"),
        "started_after": CallFilter(start_gt_us=middle),
        "started_before": CallFilter(start_lt_us=middle),
        "started_long_ago": CallFilter(start_lt_us=many_calls.FIRST_US + 1000 * many_calls.APART_US),
        "started_within": CallFilter(start_gt_us=middle, start_lt_us=middle + 3_600_000_000),
        "duration_over": CallFilter(duration_gt_s=600),
        "duration_under": CallFilter(duration_lt_s=30),
        "metadata": CallFilter(metadata={"env": "live"}),
        "rare_metadata": CallFilter(metadata={"order": "A-777"}),
        "no_metadata": CallFilter(metadata={"order": "none"}),
        "number_in_metadata": CallFilter(metadata={"n": "500"}),
        "variable": CallFilter(variables={"day": "Monday"}),
        "rare_variable": CallFilter(variables={"name": "Name 77"}),
        "two_filters": CallFilter(agent_id=many_calls.agent_id(2), status="failed"),
    }


def searches() -> dict[str, CallFilter]:
    """What is looked for."""
    return {
        "common_word": CallFilter(text="word0"),
        "word_of_one_in_ten": CallFilter(text="word99"),
        "rare_word": CallFilter(text="word9999"),
        "word_said_once": CallFilter(text="only777"),
        "word_never_said": CallFilter(text="nonsense"),
        "two_common_words": CallFilter(text="word0 word1"),
        "words_rarely_together": CallFilter(text="word500 word600 word700"),
        "phrase": CallFilter(text='"word0 word3"'),
        "beginning": CallFilter(text="only777*"),
        "word_of_one_agent": CallFilter(text="word99", agent_id=many_calls.agent_id(9)),
    }


@contextmanager
def empty_database(*, sqlite: bool) -> Iterator[Database]:
    """A database of one's own."""
    if sqlite:
        with tempfile.TemporaryDirectory() as folder:
            database = Database.open(sqlite_url(Path(folder) / "offhook.db"))
            yield database
            database.close()
        return
    server = PostgresServer(*SETTINGS)
    try:
        server.start()
        database = Database.open(server.url(server.make_database()))
        yield database
        database.close()
    finally:
        server.close()


def median_ms(read: Callable[[], object]) -> float:
    """How long it takes when it was asked before."""
    took = []
    for _ in range(REPEATS):
        before = time.perf_counter()
        read()
        took.append((time.perf_counter() - before) * 1000)
    return round(statistics.median(took), 2)


def measure(database: Database, count: int, kind: str) -> Iterator[Figure]:
    """One figure after the other."""
    calls, note = Calls(database), f"{count:,} calls, {kind}"

    def figure(name: str, read: Callable[[], object], target: float | None) -> Figure:
        value = median_ms(read)
        return Figure(f"calls_list.{name}_ms", value, "ms", target, target is None or value <= target, REPEATS, note)

    for name, wanted in filters(count).items():
        yield figure(name, partial(calls.after, ORGANIZATION, wanted, limit=LIMIT), FILTER_TARGET_MS)
    for name, wanted in searches().items():
        yield figure(f"q_{name}", partial(calls.after, ORGANIZATION, wanted, limit=LIMIT), SEARCH_TARGET_MS)
    late = many_calls.FIRST_US + max(100, count - 10_000 * LIMIT) * many_calls.APART_US
    every = partial(calls.after, ORGANIZATION, CallFilter(), limit=LIMIT)
    pages = [median_ms(partial(every, before_us=at)) for at in (None, late)]
    ratio = round(pages[1] / pages[0], 2)
    told = f"page 1 {pages[0]} ms, page 10,000 {pages[1]} ms, {note}"
    yield Figure("calls_list.late_page_ratio", ratio, "x", PAGES_TARGET, ratio <= PAGES_TARGET, REPEATS, told)
    last = max(1, min(10_000, count // LIMIT))
    yield figure("numbered_first", partial(calls.page, ORGANIZATION, CallFilter(), limit=LIMIT, page=1), None)
    yield figure("numbered_late", partial(calls.page, ORGANIZATION, CallFilter(), limit=LIMIT, page=last), None)
    common = CallFilter(text="word0")
    yield figure("numbered_q_common_word", partial(calls.page, ORGANIZATION, common, limit=LIMIT, page=1), None)


def main() -> None:
    """Fill, read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--calls", type=int, default=1_000_000)
    options = parser.parse_args()
    count = 20_000 if options.quick else options.calls
    with empty_database(sqlite=options.sqlite) as database:
        before = time.perf_counter()
        many_calls.load(database, ORGANIZATION, count, said=20 if options.quick else 120)
        filled = round(time.perf_counter() - before, 1)
        kind = "SQLite" if options.sqlite else "PostgreSQL"
        show([Figure("calls_list.fill_s", filled, "s", None, True, count, kind)])
        for figure in measure(database, count, kind):
            show([figure])


if __name__ == "__main__":
    main()
