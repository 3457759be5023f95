"""Who speaks, who thinks, who listens: voice, language model and transcriber of an agent, by provider."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from offhook.agents.base import Name, Part, Sentence

Temperature = Annotated[float, Field(ge=0, le=2)]  # the range of the chat-completions protocol


class OpenaiVoice(Part):
    """A voice of OpenAI."""

    provider: Literal["openai"]
    name: Name
    instructions: str | None = Field(None, max_length=4096)
    speed: float = Field(1.0, ge=0.25, le=4)


class ElevenlabsVoice(Part):
    """A voice of ElevenLabs."""

    provider: Literal["elevenlabs"]
    voice_id: Name
    model: Name | None = None
    speed: float = Field(1.0, ge=0.7, le=1.2)
    stability: float | None = Field(None, ge=0, le=1)
    similarity_boost: float | None = Field(None, ge=0, le=1)


class CartesiaVoice(Part):
    """A voice of Cartesia."""

    provider: Literal["cartesia"]
    voice_id: Name
    model: Name | None = None
    speed: float = Field(1.0, ge=0.6, le=1.5)
    language: str | None = Field(None, max_length=10)


class AzureVoice(Part):
    """A voice of Azure Speech."""

    provider: Literal["azure"]
    name: Name
    style: Name | None = None
    speed: float = Field(1.0, ge=0.5, le=2)


class LocalVoice(Part):
    """A voice of this machine; without a name the language's own is taken."""

    provider: Literal["local"]
    name: Name | None = None
    speed: float = Field(1.0, ge=0.5, le=2)


Voice = Annotated[
    OpenaiVoice | ElevenlabsVoice | CartesiaVoice | AzureVoice | LocalVoice, Field(discriminator="provider")
]


class _Llm(Part):
    temperature: Temperature | None = None


class OpenaiLlm(_Llm):
    """A model of OpenAI."""

    provider: Literal["openai"]
    model: Name


class AzureOpenaiLlm(_Llm):
    """A deployment on Azure OpenAI; ``model`` is its name."""

    provider: Literal["azure_openai"]
    model: Name


class AnthropicLlm(_Llm):
    """A model of Anthropic."""

    provider: Literal["anthropic"]
    model: Name


class OpenaiCompatibleLlm(_Llm):
    """Any server that speaks chat completions; its base URL and key come from the settings."""

    provider: Literal["openai_compatible"]
    model: Name | None = None


class LocalLlm(_Llm):
    """A model on this machine."""

    provider: Literal["local"]
    model: Name | None = None


class RulesLlm(_Llm):
    """The deterministic dialogue model that is driven by the configuration alone."""

    provider: Literal["rules"]
    model: Name | None = None


Llm = Annotated[
    OpenaiLlm | AzureOpenaiLlm | AnthropicLlm | OpenaiCompatibleLlm | LocalLlm | RulesLlm,
    Field(discriminator="provider"),
]


class Transcriber(Part):
    """Who turns the caller's speech into text."""

    provider: Literal["azure", "deepgram", "openai", "local"] = "local"


class TurnDetection(Part):
    """When a caller's turn ends: by the turn model (``smart``) or by silence alone; None: the measured defaults."""

    mode: Literal["smart", "silence"] = "smart"
    min_delay_ms: int = Field(300, ge=100, le=5000)  # below 100 ms every breath ends a turn
    max_delay_ms: int = Field(1200, ge=200, le=10_000)


class Voicemail(Part):
    """What to do when a machine answers an outbound call."""

    detect: bool = True
    action: Literal["hang_up", "leave_message", "ignore"] = "hang_up"
    message: Sentence | None = None
    wait_for_beep_seconds: float = Field(30.0, ge=0, le=120)
