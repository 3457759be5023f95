"""Requests and answers as values: what is sent, what an answer means, when to try again. No network here."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from offhook.client.errors import ApiStatusError
from offhook.errors import Fault

T = TypeVar("T")

ATTEMPTS = 3
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0
# Answers that say "not now": the limit of requests, a server that is full, restarting, or behind a proxy.
_LATER = frozenset({429, 502, 503, 504})


_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Unset:
    """An argument that was not given, where None would mean something."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


class FileSource(msgspec.Struct, frozen=True):
    """A file to upload."""

    name: str
    content: bytes


class TextSource(msgspec.Struct, frozen=True):
    """A text to upload."""

    title: str
    content: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, newest first. ``next_cursor`` goes on (None: that was all); by number, the totals are set."""

    items: list[T]
    next_cursor: str | None = None
    current_page: int | None = None
    total_pages: int | None = None
    total_items: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``repeatable``: sent twice it acts once, so it may be tried again."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    json: bytes | None = None
    files: tuple[tuple[str, tuple[str, bytes]], ...] = ()
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


class _Envelope(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    next_cursor: str | None = None
    current_page: int | None = None
    total_pages: int | None = None
    total_items: int | None = None


class _Detail(msgspec.Struct):
    field: str = ""
    message: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    type: str = "generic_error"
    details: list[_Detail] = []


class _Failure(msgspec.Struct):
    error: _Error | None = None


def build(
    method: str,
    path: str,
    *,
    query: Mapping[str, object] | None = None,
    body: Mapping[str, object] | None = None,
    idempotent: bool = False,
    idempotency_key: str | None = None,
    files: Sequence[FileSource] = (),
    texts: Sequence[TextSource] = (),
) -> Request:
    """A request out of a method's arguments; those that were not given are left out.

    ``idempotent``: the server takes an Idempotency-Key here, so that one is sent with each call, and it can be tried
    again without acting twice.
    """
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())} if idempotent else {}
    given = None if body is None else {name: value for name, value in body.items() if value is not UNSET}
    return Request(
        method,
        path,
        tuple(_query(query or {})),
        None if given is None else _ENCODER.encode(given),
        tuple(("file_sources[]", (file.name, file.content)) for file in files),
        {"text_sources": msgspec.json.encode(list(texts)).decode()} if texts else {},
        headers,
        repeatable=idempotent or method in {"GET", "PUT", "DELETE"},
    )


def segment(value: object) -> str:
    """A value as a part of a path."""
    return quote(str(value), safe="")


def read_data(content: bytes, kind: type[T]) -> T:
    """The ``data`` of an answer."""
    envelope = msgspec.json.decode(content, type=_Envelope)
    found: T = msgspec.json.decode(envelope.data, type=kind)
    return found


def read_page(content: bytes, kind: type[T]) -> Page[T]:
    """The page of an answer."""
    envelope = msgspec.json.decode(content, type=_Envelope)
    listed: Any = list[kind]  # type: ignore[valid-type]  # a type that is made here, for msgspec alone
    items: list[T] = msgspec.json.decode(envelope.data, type=listed)
    return Page(items, envelope.next_cursor, envelope.current_page, envelope.total_pages, envelope.total_items)


def failure(status: int, headers: Mapping[str, str], content: bytes) -> ApiStatusError:
    """An answer that is no success as an error; also one that something between us and the server gave."""
    try:
        told = msgspec.json.decode(content, type=_Failure).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = None
    error = told or _Error(f"the answer is {status}, and not the server's own")
    details = tuple(Fault(each.field, each.message) for each in error.details)
    return ApiStatusError(
        status,
        error.type,
        error.message,
        details=details,
        request_id=headers.get("x-request-id"),
        retry_after_s=_seconds(headers.get("retry-after")),
    )


def pause_s(request: Request, attempt: int, error: ApiStatusError | None) -> float | None:
    """How long to wait before trying again after the ``attempt``-th failure; None: don't.

    ``error`` is None when no answer came. A refusal "not now" didn't act, so it may always be tried again.
    """
    if attempt >= ATTEMPTS or (error is None and not request.repeatable):
        return None
    if error is not None and error.status not in _LATER:
        return None
    if error is not None and error.status != 429 and not request.repeatable:  # a gateway's may have acted
        return None
    if error is not None and error.retry_after_s is not None:
        return error.retry_after_s if error.retry_after_s <= LONGEST_PAUSE_S else None
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


def _query(query: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None or value is UNSET:
            continue
        if isinstance(value, Mapping):  # metadata.<key>=<value>
            pairs += [(f"{name}.{key}", _text(each)) for key, each in value.items()]
        elif isinstance(value, list | tuple):
            pairs += [(name, _text(each)) for each in value]
        else:
            pairs.append((name, _text(value)))
    return pairs


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value.value if isinstance(value, Enum) else value)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
