"""Language models, one file a provider; imported only when an agent uses it."""

from __future__ import annotations

from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm
from offhook.errors import ConfigurationError
from offhook.settings import Settings

__all__ = ["LanguageModels", "build_model"]


def build_model(llm: Llm | None, settings: Settings) -> LanguageModel:
    """The model an agent names; None takes ``rules``.

    Raises ConfigurationError that names the variable to set, or what to use instead.
    """
    if llm is None or llm.provider == "rules":
        from offhook.models.llm.rules import RulesModel  # noqa: PLC0415 - a provider loads when it is used

        return RulesModel()
    if llm.provider == "openai_compatible":
        from offhook.models.llm.openai_compatible import OpenaiCompatibleModel  # noqa: PLC0415 - likewise

        return OpenaiCompatibleModel.from_settings(llm, settings)
    raise ConfigurationError(
        f"llm.provider: there is no language model provider {llm.provider!r} here; use rules or openai_compatible"
    )


class LanguageModels:
    """The models of a process, each built once: their connections stay warm between calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: dict[str, LanguageModel] = {}

    def get(self, llm: Llm | None) -> LanguageModel:
        """The model an agent names; its model name and temperature travel with each request.

        The first use of a provider imports it, which may take a second: do it before a call waits for it.
        """
        key = "rules" if llm is None else f"{llm.provider} {llm.model or ''}"
        if key not in self._built:
            self._built[key] = build_model(llm, self._settings)
        return self._built[key]

    async def close(self) -> None:
        """Close all connections."""
        for model in self._built.values():
            await model.close()
        self._built.clear()
