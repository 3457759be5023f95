"""Envelopes as shapes, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from offhook.api.v1.call_schemas import Answer

T = TypeVar("T")


class Success(Answer, Generic[T]):
    """An answer."""

    data: T
    message: str
    error: None = None
    status: int


class Listing(Answer, Generic[T]):
    """A page of a list, newest first."""

    data: list[T]
    message: str
    error: None = None
    status: int
    next_cursor: str | None
    current_page: int | None
    total_pages: int | None
    total_items: int | None


class ErrorDetail(Answer):
    """One field and what is wrong with it."""

    field: str
    message: str


class ErrorBody(Answer):
    """What went wrong."""

    details: list[ErrorDetail]
    message: str
    status: int
    type: str


class ApiResponseError(Answer):
    """Every answer that is no success."""

    data: None = None
    message: str
    error: ErrorBody
    status: int


def answers(status: int, model: type[BaseModel], *errors: int) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: its success, the errors every route can give, and its own."""
    common = (400, 401, 403, 413, 422, 429, 500, 503)
    described: dict[int | str, dict[str, Any]] = {
        code: {"model": ApiResponseError} for code in sorted({*common, *errors})
    }
    return {status: {"model": model}, **described}
