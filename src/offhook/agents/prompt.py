"""A dialogue as the messages and tools of a model request.

The parts that don't change in a call stand first, so that servers can keep them cached.
"""

from __future__ import annotations

from offhook.agents.dialogue import Dialogue
from offhook.agents.model import Message, ModelRequest, ToolSpec
from offhook.agents.offer import set_variables
from offhook.agents.passages import passages_block
from offhook.agents.states import StateVariable
from offhook.agents.variables import Variable, render_value

_HOW = """You are on a phone call. Speak {language}. Answer in one to three short spoken sentences, without lists, \
symbols or markup. Ask one thing at a time. Never say that something was done unless a tool's result says so. \
When the condition of a go_to_ tool holds, call it at once without saying anything: the next step speaks."""
_EXTRACT = """The conversation is over. Call set_variables with what the caller said; leave out what was not said, \
and never guess. Dates are relative to {now}."""


def turn_request(dialogue: Dialogue, user_text: str) -> ModelRequest:
    """What to ask the model now."""
    tools = tuple(offer.spec for offer in dialogue.offers().values())
    return _request(dialogue, user_text, (*_head(dialogue), *_with_passages(dialogue)), tools)


def extraction_request(dialogue: Dialogue, variables: list[StateVariable | Variable]) -> ModelRequest:
    """Ask for the values of variables out of the whole conversation."""
    told = Message("system", _EXTRACT.format(now=render_value(dialogue.values.get("call_start_time"))))
    messages = (*_head(dialogue), *dialogue.history, told)
    return _request(dialogue, "", messages, (set_variables(variables),))


def _request(
    dialogue: Dialogue, user_text: str, messages: tuple[Message, ...], tools: tuple[ToolSpec, ...]
) -> ModelRequest:
    llm = dialogue.state.llm or dialogue.config.llm
    # No name of a model: each is one already, and a fallback's server would be asked for the first one's.
    return ModelRequest(messages, tools, dialogue, user_text, temperature=llm.temperature)


def _with_passages(dialogue: Dialogue) -> tuple[Message, ...]:
    """The history, with the passages behind the words that they answer: all before stays as servers have it cached."""
    history = dialogue.history
    if not dialogue.passages:
        return history
    asked = max((index for index, message in enumerate(history) if message.role == "user"), default=-1) + 1
    return (*history[:asked], Message("system", passages_block(dialogue.passages)), *history[asked:])


def _head(dialogue: Dialogue) -> tuple[Message, ...]:
    config, state = dialogue.config, dialogue.state
    parts = [_HOW.format(language=config.language), dialogue.render(config.base_prompt)]
    parts.append(f"The time now: {render_value(dialogue.values.get('call_start_time'))}")
    parts.append(f"# {state.name}\n{dialogue.render(state.prompt)}")
    return (Message("system", "\n\n".join(part for part in parts if part.strip())),)
