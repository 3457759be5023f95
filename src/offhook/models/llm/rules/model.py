"""The rules as a language model like any other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from offhook.agents.model import ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.agents.offer import SET_VARIABLES
from offhook.models.llm.rules.decide import Speak, decide, extract_values
from offhook.models.llm.rules.questions import answer_questions


class RulesModel:
    """Streams what ``decide`` chose. Without state: one serves all calls."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Answer a turn, report variables when asked for nothing else, or fill in a form after the call."""
        dialogue = request.dialogue
        if request.form is not None:
            yield TextDelta(json.dumps(answer_questions(dialogue, request.form.questions), ensure_ascii=False))
            return
        call_id = f"rules_{len(dialogue.history)}"
        if [tool.name for tool in request.tools] == [SET_VARIABLES]:
            values = extract_values(dialogue, list(request.tools[0].parameters["properties"]))
            yield ToolCall(call_id, SET_VARIABLES, json.dumps(values, ensure_ascii=False))
            return
        said = False
        for number, step in enumerate(decide(dialogue)):
            if isinstance(step, Speak):
                yield TextDelta(f" {step.text}" if said else step.text)
                said = True
            else:
                yield ToolCall(f"{call_id}_{number}", step.name, json.dumps(step.arguments, ensure_ascii=False))

    async def close(self) -> None:
        """Nothing to close."""
