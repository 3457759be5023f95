"""What differs between two configurations, as a list of changes with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` is added, removed or changed; ``path`` a JSON pointer (RFC 6901).

    Items of a list that have names stand in it by name (``/states/greeting/prompt``), so that one put in between does
    not change the place of all that follow.
    """

    path: str
    kind: str
    before: Any = None
    after: Any = None


def diff(before: object, after: object) -> list[Change]:
    """All changes, in the order of their places."""
    return list(_diff("", before, after))


def _diff(path: str, before: object, after: object) -> Iterator[Change]:
    # JSON tells true from 1, Python does not.
    if before == after and type(before) is type(after) and not isinstance(before, dict | list):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _entries(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(path, before, after)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Change(path, "changed", before, after)


def _entries(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in [*before, *(key for key in after if key not in before)]:
        place = f"{path}/{_escaped(key)}"
        if key not in after:
            yield Change(place, "removed", before=before[key])
        elif key not in before:
            yield Change(place, "added", after=after[key])
        else:
            yield from _diff(place, before[key], after[key])


def _items(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Change]:
    names, new_names = _names(before), _names(after)
    if names is None or new_names is None:
        old, new = ({str(number): item for number, item in enumerate(items)} for items in (before, after))
        yield from _entries(path, old, new)
        return
    yield from _entries(path, dict(zip(names, before, strict=True)), dict(zip(new_names, after, strict=True)))
    kept, new_kept = [name for name in names if name in new_names], [name for name in new_names if name in names]
    if kept != new_kept:
        # The order matters: the first transition that holds is taken.
        yield Change(path, "changed", names, new_names)


def _names(items: Sequence[Any]) -> list[str] | None:
    """The items' names where each has its own."""
    found = [item.get("name") if isinstance(item, dict) else None for item in items]
    names = [name for name in found if isinstance(name, str) and name]
    return names if len(names) == len(items) == len(set(names)) else None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
