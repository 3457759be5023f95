"""The two paginations, for lists short enough to be read whole, and the queries that ask for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from offhook.api.envelope import PageInfo, listing
from offhook.api.errors import invalid
from offhook.record.fold import encode
from offhook.record.times import iso_us, parse_iso_us

T = TypeVar("T")


def time_us(moment: datetime | None) -> int | None:
    """A time of a query as Unix microseconds; without an offset it is UTC."""
    return None if moment is None else parse_iso_us(moment.isoformat())


class Paging(BaseModel):
    """Which part of a list."""

    use_cursor: bool = True
    cursor: Annotated[str | None, Field(max_length=40, description="`next_cursor` of the page before.")] = None
    page: Annotated[int, Field(ge=1, le=10_000_000)] = 1
    limit: Annotated[int, Field(ge=1, le=1000)] = 50

    def before_us(self) -> int | None:
        """The cursor as Unix microseconds."""
        if not self.cursor:
            return None
        try:
            # A client that doesn't escape its query turns the + of an offset into a space.
            return parse_iso_us(self.cursor.replace(" ", "+"))
        except (ValueError, OverflowError):
            raise invalid("cursor", "not an ISO 8601 time; give next_cursor of the page before") from None


class NumberedPaging(Paging):
    """The same where pages by number are the default."""

    use_cursor: bool = False


ByCursor = Annotated[Paging, Query()]
ByPage = Annotated[NumberedPaging, Query()]


def paginate(
    rows: Sequence[T], paging: Paging, message: str, created_us: Callable[[T], int], show: Callable[[T], dict[str, Any]]
) -> Response:
    """Answer with a part of ``rows`` (newest first)."""
    if not paging.use_cursor:
        first = (paging.page - 1) * paging.limit
        shown = rows[first : first + paging.limit]
        info = PageInfo.numbered(paging.page, paging.limit, len(rows))
        return listing([encode(show(row)) for row in shown], message, info)
    before = paging.before_us()
    placed = _places(rows, created_us)
    rest = [(place, row) for place, row in placed if before is None or place < before]
    more = iso_us(rest[paging.limit - 1][0]) if len(rest) > paging.limit else None
    return listing([encode(show(row)) for _, row in rest[: paging.limit]], message, PageInfo(next_cursor=more))


def _places(rows: Sequence[T], created_us: Callable[[T], int]) -> list[tuple[int, T]]:
    """Rows with a time that no two share: of those made in one microsecond, later ones move on by one each."""
    placed: list[tuple[int, T]] = []
    last = -1
    for row in reversed(rows):
        last = max(created_us(row), last + 1)
        placed.append((last, row))
    return placed[::-1]
