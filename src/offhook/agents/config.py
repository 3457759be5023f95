"""The whole configuration of an agent: the API's, the database's and the file format's shape."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.agents.base import Identifier, Items, Name, Part, Prompt, Sentence
from offhook.agents.conditions import Word, Words
from offhook.agents.providers import Llm, LocalVoice, RulesLlm, Transcriber, TurnDetection, Voice, Voicemail
from offhook.agents.states import Answer, Spoken, State, StateVariable, Uuid
from offhook.agents.tools import RequestHeader, ResponseMapping, Url
from offhook.agents.variables import BUILT_IN, Variable, VariableType

Language = Literal[
    "en", "fr", "fr-FR", "fr-BE", "fr-CA", "es", "de", "it", "nl", "pl", "ar", "pt", "el", "hr", "zh"
]  # fmt: skip
WebhookEvent = Literal[
    "event_call_status_updated",
    "event_call_answer_type_updated",
    "event_transcript",
    "event_tool",
    "event_task_transition",
    "event_variable_value_updated",
    "event_all_variables_resolved",
    "event_post_call",
]


class ContextRequest(Part):
    """An HTTP request made before the first word; ``fallback_values`` stand in when it fails or is late."""

    name: Identifier
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Url
    headers: Items[RequestHeader] = Field((), max_length=50)
    body: dict[str, Any] | None = Field(None, max_length=1000)
    response_mapping: Items[ResponseMapping] = Field((), max_length=50)
    # The caller hears ringing meanwhile: half of a usual ring limit of 10 s at most.
    timeout_seconds: float = Field(3.0, gt=0, le=5)
    fallback_values: dict[str, Any] = Field(default_factory=dict, max_length=1000)


class Privacy(Part):
    """How long a call is kept and what is taken out of its text."""

    retention_days: int | None = Field(None, ge=1, le=3650)
    redact: Items[Literal["card", "iban", "email", "phone", "ssn"]] = Field((), max_length=10)


class AgentRules(Part):
    """What the rules model knows in every state: intents as lists of words, answers, and what it says when lost."""

    intents: dict[Word, Words] = Field(default_factory=dict, max_length=200)
    answers: Items[Answer] = Field((), max_length=100)
    unknown: Spoken | None = None


class AgentConfig(Part):
    """An agent: global settings and a graph of states."""

    name: Name
    language: Language = "en"
    initial_message: Sentence | None = None
    initial_message_delay: float = Field(0.0, ge=0, le=5)
    max_call_duration: int = Field(1800, ge=10, le=7200)
    presence_check_phrases: Items[Sentence] = Field((), max_length=100)
    presence_check_idle_threshold: int = Field(10, ge=3, le=120)
    presence_check_max_times: int = Field(3, ge=1, le=100)
    base_prompt: Prompt = ""
    voice: Voice = LocalVoice(provider="local")
    llm: Llm = RulesLlm(provider="rules")
    fallback_llm: Llm | None = None
    transcriber_configuration: Transcriber = Transcriber()
    custom_vocabulary: Items[Annotated[str, Field(min_length=1, max_length=100)]] = Field((), max_length=200)
    allow_interruptions: bool = True
    interruption_sensitivity: Literal["high", "medium", "low"] = "medium"
    turn_detection: TurnDetection | None = None
    states: Items[State] = Field(min_length=1, max_length=100)
    initial_state_name: Name
    variables: Items[Variable] = Field((), max_length=200)
    call_context: Items[ContextRequest] = Field((), max_length=20)
    knowledge_base_ids: Items[Uuid] = Field((), max_length=50)
    voicemail: Voicemail | None = None
    secure_recording_urls: bool = True
    record: bool = True
    recording_notice: Sentence | None = None
    webhook_url: str | None = Field(None, pattern=r"^https://[^\s/]+", max_length=2000)
    webhook_subscriptions: Items[WebhookEvent] = Field((), max_length=50)
    privacy: Privacy | None = None
    rules: AgentRules | None = None

    def state(self, name: str) -> State:
        """The state of that name; the graph check has made sure that it exists."""
        return next(state for state in self.states if state.name == name)

    def variable_types(self) -> dict[str, VariableType]:
        """Type of every variable: built in, the agent's, and those of states."""
        types = {variable.name: variable.type for state in self.states for variable in state.variables}
        types.update({variable.name: variable.type for variable in self.variables})
        return {**types, **BUILT_IN}

    def state_variable(self, name: str) -> StateVariable | None:
        """The first state variable of that name."""
        return next((item for state in self.states for item in state.variables if item.name == name), None)
