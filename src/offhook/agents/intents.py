"""Names of the intents that the ``rules`` model knows by itself; an agent may add its own as lists of words."""

from __future__ import annotations

BUILT_IN_INTENTS = frozenset(
    {
        "address",
        "goodbye",
        "greeting",
        "hours",
        "human",
        "no",
        "price",
        "question",
        "repeat",
        "thanks",
        "wait",
        "yes",
    }
)
