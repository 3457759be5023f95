"""Conditions that the ``rules`` model can test on a caller's words, beside a transition's plain-words condition."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from offhook.agents.base import Identifier, Items, Part

Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[Items[Word], Field(max_length=1000)]
Identifiers = Annotated[Items[Identifier], Field(max_length=100)]


class VariableIs(Part):
    """A variable has this value, compared as it is rendered in templates; without case."""

    name: Identifier
    equals: Annotated[str, Field(max_length=1000)] | bool | int | float


class When(Part):
    """A condition on the caller's turn; every field that is given must hold, an empty one always does.

    ``intent`` is one of the built-in intents or of the agent's own, ``contains`` a word or phrase (case, accents and
    punctuation don't count), ``regex`` is searched in the text, ``variable`` holds when its value is known. Several
    values in a list: one is enough, but for ``variable``, where all must be known. ``said`` holds when the caller gave
    one of these variables of the state since it was entered, also when it had a value before.
    """

    intent: Word | Words | None = None
    contains: Word | Words | None = None
    regex: Word | None = None
    variable: Identifier | VariableIs | Identifiers | None = None
    said: Identifier | Identifiers | None = None
    all: Items[When] | None = Field(None, max_length=100)
    any: Items[When] | None = Field(None, max_length=100)
    not_: When | None = Field(None, alias="not")

    def parts(self) -> tuple[When, ...]:
        """This condition and all those inside it."""
        inner = [*(self.all or ()), *(self.any or ()), *([self.not_] if self.not_ else [])]
        return (self, *(part for one in inner for part in one.parts()))


def many(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """One, several or no words as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value
