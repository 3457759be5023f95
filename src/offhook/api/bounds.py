"""Shapes and bounds that requests share."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_JSON_BYTES = 32 * 1024  # metadata and variables: the contract's bound
# Tells readers of the schema; the bytes have no room for more names that differ.
_MAX_NAMES = 5000
_MAX_DEPTH = 20  # deeper is no data somebody filters calls by
# Control characters but tab and line breaks, and halves of characters: a database or a voice could not take them.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MAX_INTEGER = 2**63 - 1
E164 = r"\+[1-9]\d{6,14}"
SIP_URI = r"[sS][iI][pP][sS]?:[^\s<>\"\x00-\x20]+"


class Body(BaseModel):
    """A request's body: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", str_max_length=100_000)


def json_fault(value: object, depth: int = 0) -> str | None:
    """What keeps free JSON from being stored and given back as it is; None when nothing does."""
    if depth > _MAX_DEPTH:
        return f"nested more than {_MAX_DEPTH} deep"
    match value:
        case str() if _UNFIT.search(value):
            return "holds a control character or half a character"
        case float() if not math.isfinite(value):
            return "holds a number that JSON doesn't have"
        case int() if abs(value) > _MAX_INTEGER:
            return "holds an integer of more than 64 bits"
        case dict():
            return next(
                (fault for pair in value.items() for part in pair if (fault := json_fault(part, depth + 1))), None
            )
        case list():
            return next((fault for item in value if (fault := json_fault(item, depth + 1))), None)
        case _:
            return None


def json_size_fault(value: object) -> str | None:
    """Whether JSON is larger than it may be."""
    if len(msgspec.json.encode(value)) > MAX_JSON_BYTES:
        return f"larger than {MAX_JSON_BYTES} bytes"
    return None


def _checked(value: dict[str, Any]) -> dict[str, Any]:
    if fault := json_fault(value) or json_size_fault(value):
        raise ValueError(fault)
    return value


def clean(value: str) -> str:
    """Text that can be stored and given back. Raises ValueError."""
    if _UNFIT.search(value):
        raise ValueError("holds a control character or half a character")
    return value


FreeJson = Annotated[
    dict[str, Any],
    Field(max_length=_MAX_NAMES),
    AfterValidator(_checked),
    Field(description=f"Any JSON object of at most {MAX_JSON_BYTES} bytes, nested at most {_MAX_DEPTH} deep."),
]
Text100 = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(clean)]
Text255 = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(clean)]
Party = Annotated[str, StringConstraints(max_length=255, pattern=rf"^(?:{E164}|{SIP_URI})$")]
