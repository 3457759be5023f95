"""What an agent says word for word, known before any call: a voice can render it while nobody waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from offhook.agents.config import AgentConfig
from offhook.agents.speech import fillers

# Fields of the configuration that are spoken as they stand.
SPOKEN = frozenset(
    {"initial_message", "presence_check_phrases", "recording_notice", "filler_sentence", "say", "reask", "unknown"}
)


def fixed_phrases(config: AgentConfig) -> list[str]:
    """Greeting, questions, fillers, fixed answers; for the ``rules`` model also the lines it answers from.

    In the order in which a call is likely to need them.
    """
    asked = [state.rules.model_dump(include={"say"}) for state in config.states if state.rules is not None]
    found = [config.initial_message or "", *_spoken(asked)]
    found += _spoken(config.model_dump(mode="json", exclude_defaults=True))
    if config.llm.provider == "rules":
        found += config.base_prompt.splitlines()
    own = fillers(config.language)
    found += [*own.hold, own.apology]
    return list(dict.fromkeys(text.strip() for text in found if text.strip()))


def _spoken(value: Any, *, spoken: bool = False) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        if spoken:
            yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _spoken(item, spoken=spoken)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _spoken(item, spoken=name in SPOKEN)
