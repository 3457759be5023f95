from __future__ import annotations

import pytest

from offhook.agents.providers import AnthropicLlm, OpenaiCompatibleLlm, RulesLlm
from offhook.errors import ConfigurationError
from offhook.models.llm import build_model
from offhook.models.llm.openai_compatible import OpenaiCompatibleModel
from offhook.models.llm.rules import RulesModel
from offhook.settings import Settings


def test_without_a_choice_the_rules_answer() -> None:
    assert isinstance(build_model(None, Settings()), RulesModel)
    assert isinstance(build_model(RulesLlm(provider="rules"), Settings()), RulesModel)


async def test_a_compatible_server_needs_its_address_and_a_model() -> None:
    llm = OpenaiCompatibleLlm(provider="openai_compatible")
    with pytest.raises(ConfigurationError, match="OFFHOOK_LLM_BASE_URL"):
        build_model(llm, Settings())
    with pytest.raises(ConfigurationError, match="OFFHOOK_LLM_MODEL"):
        build_model(llm, Settings(llm_base_url="http://127.0.0.1:1/v1"))
    model = build_model(llm, Settings(llm_base_url="http://127.0.0.1:1/v1", llm_model="m"))
    assert isinstance(model, OpenaiCompatibleModel)
    await model.close()


def test_a_provider_that_is_not_here_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'anthropic'"):
        build_model(AnthropicLlm(provider="anthropic", model="m"), Settings())
