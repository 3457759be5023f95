"""What every call of this process shares, loaded once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from offhook.agents.functions import ToolExecutor
from offhook.agents.model import LanguageModel
from offhook.agents.passages import Library
from offhook.agents.providers import Llm
from offhook.calls.audio_clock import Clocks
from offhook.calls.journal import RecordWriter
from offhook.calls.listener import TurnScorer
from offhook.calls.preparing import Http
from offhook.calls.tools.mcp import McpServers
from offhook.calls.voice_hub import VoiceJudge
from offhook.models.speech import Recognizer, Synthesizer
from offhook.recordings import Recordings


@dataclass(frozen=True, slots=True)
class Services:
    """Providers by default; ``model_for`` gives the language model of an agent's choice.

    ``http`` asks what an agent's ``call_context`` wants to know, ``servers`` are those of MCP, ``library`` gives
    the knowledge bases of an organization; None: not possible here.
    """

    recognizer: Recognizer
    synthesizer: Synthesizer
    model_for: Callable[[Llm], LanguageModel]
    functions: ToolExecutor
    turn_model: TurnScorer
    turn_pool: Executor
    hub: VoiceJudge
    writer: RecordWriter
    recordings: Recordings
    clocks: Clocks = field(default_factory=Clocks)
    http: Http | None = None
    servers: McpServers | None = None
    library: Callable[[str], Library] | None = None
