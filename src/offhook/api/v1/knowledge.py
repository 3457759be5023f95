"""Knowledge bases: their sources, and searching them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Body, Text100, clean
from offhook.api.conventions import MAX_UPLOAD_BYTES
from offhook.api.envelope import ApiError, RawResponse, success, success_body
from offhook.api.errors import invalid
from offhook.api.paging import ByCursor, paginate
from offhook.api.resources import Resources, Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.errors import ConfigurationError
from offhook.knowledge.reading.blocks import Kind
from offhook.knowledge.service import Hit, Upload, kind_of
from offhook.record.times import iso_us
from offhook.store.keys import Scope
from offhook.store.knowledge import Base, Source, SourceType

router = APIRouter(tags=["knowledge bases"])
Reader = Annotated[Caller, Depends(requires(Scope.AGENTS_READ))]
Writer = Annotated[Caller, Depends(requires(Scope.AGENTS_WRITE))]

_PATH = "/v1/knowledge-bases"
MAX_FILE_BYTES = 25_000_000  # a scanned book; its text is a hundredth of that
MAX_FILES = 100  # a request
MAX_TEXTS_BYTES = 8_000_000  # as much as any other body
_FILES, _TEXTS = "file_sources[]", "text_sources"
_MAX_NAME = 255


class TextSource(Body):
    """A text to add; Markdown is understood."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=_MAX_NAME), AfterValidator(clean)]
    content: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]


class NewKnowledgeBase(Body):
    """A base to make; sources are added to it."""

    name: Text100


class SourceIds(Body):
    """Sources to remove; all of them, or none."""

    source_ids: list[UUID] = Field(min_length=1, max_length=1000)


class KnowledgeSearch(Body):
    """What to look for."""

    query: Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(clean)]
    limit: int = Field(5, ge=1, le=50)


class KnowledgeSourceData(Answer):
    """A source; a file has `file_name` and `file_url`, a text has `title`."""

    id: UUID
    type: SourceType
    created_at: datetime
    file_name: str | None = None
    file_url: str | None = Field(None, description="Signed, good for an hour.")
    title: str | None = None
    status: Literal["ingesting", "ready", "failed"]
    reason: str | None = Field(description="Why it failed.")
    passages: int
    size_bytes: int


class KnowledgeBaseData(Answer):
    """A base; `failed` when a source did, what is ready is searched all the same."""

    id: UUID
    organization_id: UUID
    name: str
    created_at: datetime
    status: Literal["ingesting", "ready", "failed"]
    sources: list[KnowledgeSourceData]


class PassageSource(Answer):
    """Where a passage is from."""

    id: UUID
    type: SourceType
    file_name: str | None = None
    title: str | None = None


class PassageData(Answer):
    """A passage that fits."""

    text: str
    headings: str = Field(description="The headings it stands under, outermost first.")
    score: float = Field(description="0 to 1, within this answer.")
    similarity: float | None = Field(description="Cosine of the meanings; null where only words were found.")
    page: int | None
    position: int = Field(description="Of the passage in its source, from 0.")
    source: PassageSource


class KnowledgeFound(Answer):
    """Passages, best first."""

    passages: list[PassageData]
    mode: Literal["hybrid", "lexical"]
    note: str | None = Field(description="Why only words were looked for.")


@router.get(_PATH, responses=answers(200, Listing[KnowledgeBaseData]))
def list_knowledge_bases(paging: ByCursor, caller: Reader, shared: Shared) -> Response:
    """Bases of the organization, newest first."""
    bases = shared.knowledge.bases.all(caller.organization_id)
    return paginate(
        bases,
        paging,
        "Knowledge bases retrieved successfully",
        lambda base: base.created_us,
        lambda base: _shown(shared, base),
    )


@router.post(_PATH, status_code=201, responses=answers(201, Success[KnowledgeBaseData]))
def create_knowledge_base(body: NewKnowledgeBase, caller: Writer, shared: Shared) -> Response:
    """Make an empty base."""
    base = shared.knowledge.bases.create(caller.organization_id, body.name)
    return success(_shown(shared, base), "Knowledge base created successfully", 201)


@router.get(_PATH + "/{knowledge_base_id}", responses=answers(200, Success[KnowledgeBaseData], 404))
def get_knowledge_base(knowledge_base_id: UUID, caller: Reader, shared: Shared) -> Response:
    """One base with its sources."""
    base = shared.knowledge.bases.get(caller.organization_id, str(knowledge_base_id))
    return success(_shown(shared, base), "Knowledge base retrieved successfully")


@router.delete(_PATH + "/{knowledge_base_id}", responses=answers(200, Success[None], 404, 409))
async def delete_knowledge_base(knowledge_base_id: UUID, caller: Writer, shared: Shared) -> Response:
    """Delete a base with its sources and their files; 409 while a published agent uses it."""
    await shared.knowledge.delete(caller.organization_id, str(knowledge_base_id))
    return RawResponse(success_body(b"null", "Knowledge base deleted successfully"))


_FORM = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        _FILES: {
            "type": "array",
            "maxItems": MAX_FILES,
            "items": {"type": "string", "format": "binary"},
            "description": f".pdf, .docx, .html, .md, .txt; each at most {MAX_FILE_BYTES} bytes, "
            f"the request at most {MAX_UPLOAD_BYTES}.",
        },
        _TEXTS: {
            "type": "string",
            "maxLength": MAX_TEXTS_BYTES,
            "description": 'JSON: `[{"title": "…", "content": "…"}]`',
        },
    },
}


@router.post(
    _PATH + "/{knowledge_base_id}/sources",
    responses=answers(200, Success[KnowledgeBaseData], 404, 409),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def add_knowledge_sources(knowledge_base_id: UUID, request: Request, caller: Writer, shared: Shared) -> Response:
    """Add files and texts, which are then read in the background; all of them, or none."""
    await asyncio.to_thread(shared.knowledge.bases.get, caller.organization_id, str(knowledge_base_id))
    # Files are spooled to disk as they come.
    async with request.form(max_files=MAX_FILES, max_fields=MAX_FILES, max_part_size=MAX_TEXTS_BYTES) as form:
        uploads = list(_uploads(form))
        if not uploads:
            raise invalid(_FILES, f"give files as {_FILES}, texts as {_TEXTS}, or both, in multipart/form-data")
        base = await shared.knowledge.add(caller.organization_id, str(knowledge_base_id), uploads)
    return success(_shown(shared, base), "Sources added to knowledge base successfully")


@router.delete(_PATH + "/{knowledge_base_id}/sources", responses=answers(200, Success[KnowledgeBaseData], 404))
async def delete_knowledge_sources(
    knowledge_base_id: UUID, body: SourceIds, caller: Writer, shared: Shared
) -> Response:
    """Remove sources with their files."""
    ids = [str(source_id) for source_id in body.source_ids]
    base = await shared.knowledge.remove(caller.organization_id, str(knowledge_base_id), ids)
    return success(_shown(shared, base), "Sources deleted from knowledge base successfully")


@router.post(_PATH + "/{knowledge_base_id}/search", responses=answers(200, Success[KnowledgeFound], 404))
async def search_knowledge_base(
    knowledge_base_id: UUID, body: KnowledgeSearch, caller: Reader, shared: Shared
) -> Response:
    """The passages that fit best, as an agent would get them."""
    found = await shared.knowledge.search(caller.organization_id, [str(knowledge_base_id)], body.query, body.limit)
    data = {
        "passages": [_hit(hit) for hit in found.hits],
        "mode": "lexical" if found.lexical_because else "hybrid",
        "note": found.lexical_because,
    }
    return success(data, "Knowledge base searched successfully")


def _uploads(form: FormData) -> Iterator[Upload]:
    for name, value in form.multi_items():
        # Some clients leave the brackets away.
        if name in {_FILES, _FILES.removesuffix("[]")}:
            yield _file(value)
        elif name == _TEXTS:
            if not isinstance(value, str):
                raise invalid(_TEXTS, "must be JSON in a form field, not a file")
            yield from _texts(value)
        else:
            raise invalid(name[:100], "unknown field; remove it or correct its name")


def _file(value: UploadFile | str) -> Upload:
    if isinstance(value, str) or not value.filename:
        raise invalid(_FILES, "must be a file with a name")
    name = PurePosixPath(value.filename.replace("\\", "/")).name
    try:
        clean(name)
        kind = kind_of(name)
    except (ConfigurationError, ValueError) as error:
        raise invalid(_FILES, str(error)) from error
    if len(name) > _MAX_NAME:
        raise invalid(_FILES, f"a file's name has at most {_MAX_NAME} characters")
    if not value.size:
        raise invalid(_FILES, f"{name!r} is empty")
    if value.size > MAX_FILE_BYTES:
        raise ApiError(413, "generic_error", f"{name!r} is larger than {MAX_FILE_BYTES} bytes")
    return Upload(name, SourceType.FILE, kind, value.file)


_text_sources = TypeAdapter(list[TextSource])


def _texts(text: str) -> Sequence[Upload]:
    try:
        sources = _text_sources.validate_json(text)
    except ValidationError as error:
        faults = [{**row, "loc": ("body", _TEXTS, *row["loc"])} for row in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error
    return [
        Upload(each.title, SourceType.TEXT, Kind.MARKDOWN, io.BytesIO(each.content.encode("utf-8", "replace")))
        for each in sources
    ]


def _shown(shared: Resources, base: Base) -> dict[str, Any]:
    return {
        "id": base.id,
        "organization_id": base.organization_id,
        "name": base.name,
        "created_at": iso_us(base.created_us),
        "status": base.status.value,
        "sources": [_source(shared, source) for source in base.sources],
    }


def _source(shared: Resources, source: Source) -> dict[str, Any]:
    if source.type is SourceType.FILE:
        names = {"file_name": source.name, "file_url": shared.knowledge.file_url(source)}
    else:
        names = {"title": source.name}
    return {
        "id": source.id,
        "type": source.type.value,
        "created_at": iso_us(source.created_us),
        **names,
        "status": source.status.value,
        "reason": source.reason,
        "passages": source.passages,
        "size_bytes": source.size_bytes,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    name = "file_name" if passage.source_type == SourceType.FILE else "title"
    return {
        "text": passage.text,
        "headings": passage.headings,
        "score": round(hit.score, 4),
        "similarity": None if hit.similarity is None else round(hit.similarity, 4),
        "page": passage.page,
        "position": passage.position,
        "source": {"id": passage.source_id, "type": passage.source_type, name: passage.source_name},
    }
