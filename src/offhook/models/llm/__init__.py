"""Language models, one file a provider; imported only when an agent uses it."""

from __future__ import annotations

from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm
from offhook.errors import ConfigurationError
from offhook.settings import Settings

__all__ = ["build_model"]


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
    if llm.provider == "local":
        from offhook.models.llm.local import LocalLanguageModel  # noqa: PLC0415 - likewise

        return LocalLanguageModel.from_settings(llm, settings)
    raise ConfigurationError(
        f"llm.provider: there is no language model provider {llm.provider!r} here; "
        "use rules, local or openai_compatible"
    )
