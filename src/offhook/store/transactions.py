"""The number of the transaction that writes, where the database has transactions at once.

PostgreSQL gives row numbers before it commits, so a reader who goes on from the highest number it saw can miss rows
that commit later with lower ones. Transaction numbers tell when nothing older can come any more.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


class TransactionId(FunctionElement[int]):
    """The number of the present transaction; 0 on SQLite, where one follows the other."""

    type = BigInteger()
    inherit_cache = True


class Horizon(FunctionElement[int]):
    """Every transaction with a lower number is over; a number above all on SQLite."""

    type = BigInteger()
    inherit_cache = True


class Ceiling(FunctionElement[int]):
    """No transaction has this number or a higher one yet; a number above all on SQLite."""

    type = BigInteger()
    inherit_cache = True


@compiles(TransactionId, "sqlite")
def _sqlite_id(*_: Any, **__: Any) -> str:  # noqa: ANN401 - the compiler's own objects
    return "0"


@compiles(TransactionId)
def _id(*_: Any, **__: Any) -> str:  # noqa: ANN401 - the compiler's own objects
    # The 64-bit number has no direct cast to a number.
    return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"


@compiles(Ceiling, "sqlite")
@compiles(Horizon, "sqlite")
def _sqlite_most(*_: Any, **__: Any) -> str:  # noqa: ANN401 - the compiler's own objects
    return "9223372036854775807"


@compiles(Horizon)
def _horizon(*_: Any, **__: Any) -> str:  # noqa: ANN401 - the compiler's own objects
    return "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"


@compiles(Ceiling)
def _ceiling(*_: Any, **__: Any) -> str:  # noqa: ANN401 - the compiler's own objects
    return "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)"
