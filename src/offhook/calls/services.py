"""What every call of this process shares, loaded once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from offhook.agents.functions import ToolExecutor
from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm
from offhook.audio.turn_model import TurnModel
from offhook.calls.voice_hub import VoiceHub
from offhook.models.speech import Recognizer, Synthesizer
from offhook.recordings import Recordings
from offhook.store.writer import CallWriter


@dataclass(frozen=True, slots=True)
class Services:
    """Providers by default; ``model_for`` gives the language model of an agent's choice."""

    recognizer: Recognizer
    synthesizer: Synthesizer
    model_for: Callable[[Llm], LanguageModel]
    functions: ToolExecutor
    turn_model: TurnModel
    turn_pool: ThreadPoolExecutor
    hub: VoiceHub
    writer: CallWriter
    recordings: Recordings
