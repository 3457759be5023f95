"""The recognizer, voice and language models that calls use when nothing else is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from offhook.agents.functions import ToolExecutor
from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm
from offhook.calls.preparing import Http
from offhook.models.llm import build_model
from offhook.models.speech import Recognizer, Synthesizer
from offhook.models.stt.local import LocalRecognizer
from offhook.models.tts.local import LocalSynthesizer
from offhook.settings import Settings

# Rendered fixed phrases depend on the voice's model, not on a server's data, so they are kept beside the model.
SPEECH_CACHE = "speech-cache"


class ModelShelf:
    """Language models by configuration: calls of one agent share one, with its warm connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models: dict[str, LanguageModel] = {}

    def model_for(self, choice: Llm) -> LanguageModel:
        """The model an agent names. Raises ConfigurationError when it isn't configured."""
        key = choice.model_dump_json(exclude={"temperature"})  # which comes with each request
        if key not in self._models:
            self._models[key] = build_model(choice, self._settings)
        return self._models[key]

    async def load(self, choice: Llm) -> None:
        """Have a model of this machine in memory before a call needs it. Raises what ``model_for`` and loading do."""
        if choice.provider == "local":
            model: Any = self.model_for(choice)
            await model.start()

    async def close(self) -> None:
        """Close their connections."""
        for model in self._models.values():
            await model.close()
        self._models.clear()


@dataclass(frozen=True, slots=True)
class Providers:
    """``local``: they run on this machine, so that their measured capacity limits the calls.

    ``functions`` runs custom functions, ``http`` asks what call contexts want to know; None: over HTTP.
    """

    recognizer: Recognizer
    synthesizer: Synthesizer
    shelf: ModelShelf
    local: bool = True
    functions: ToolExecutor | None = None
    http: Http | None = None

    async def close(self) -> None:
        """End processes and connections."""
        for each in (self.synthesizer, self.recognizer, self.shelf):
            await each.close()


def local_providers(settings: Settings) -> Providers:
    """The defaults: no key, no network."""
    models_dir = settings.models_dir.expanduser()
    return Providers(
        LocalRecognizer(models_dir), LocalSynthesizer(models_dir, models_dir / SPEECH_CACHE), ModelShelf(settings)
    )
