"""``{{name}}`` in messages, prompts, fillers and tool fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from offhook.agents.variables import Value, render_value

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def names_in(template: str) -> tuple[str, ...]:
    """Names a template refers to, each once, in order."""
    return tuple(dict.fromkeys(_PLACE.findall(template)))


def render(
    template: str, values: Mapping[str, Value], spoken: Callable[[str, Value], str] | None = None
) -> tuple[str, tuple[str, ...]]:
    """The text with its values, and the names that had none (they render as nothing; the caller logs them).

    ``spoken`` gives a value another form, for text that a voice reads.
    """
    unset: list[str] = []

    def fill(place: re.Match[str]) -> str:
        name = place[1]
        value = values.get(name)
        if value is None:
            unset.append(name)
            return ""
        return spoken(name, value) if spoken else render_value(value)

    return _PLACE.sub(fill, template), tuple(dict.fromkeys(unset))
