"""One turn of the agent: what the model chose is checked, applied once, and told as events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from offhook.agents import events as happens
from offhook.agents.asking import Hold, Quiet, Trouble, ask
from offhook.agents.claims import claim_in
from offhook.agents.dialogue import Dialogue, tool_result
from offhook.agents.functions import ToolExecutor, ToolOutcome, build_request, check_arguments, failure
from offhook.agents.model import LanguageModel, Message, TextDelta, ToolCall, Usage
from offhook.agents.offer import Offer, offers
from offhook.agents.prompt import turn_request
from offhook.agents.speech import fillers
from offhook.agents.states import Transition
from offhook.agents.store import store_values
from offhook.agents.tools import (
    CustomFunctionTool,
    HangUpTool,
    LeaveVoicemailMessageTool,
    PressKeysTool,
    Tool,
    TransferCallTool,
    WaitTool,
)

Events = AsyncGenerator[happens.RunnerEvent, None]

# States passed through and tools used in one turn; more is a graph that runs in circles.
MAX_STEPS = 8
_OK = json.dumps({"ok": True})
Effect = tuple[ToolOutcome, happens.RunnerEvent | None]


# Tools that need something of the line that carries the call.
LINE_TOOLS = frozenset({"transfer_call", "press_keys"})


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this call can do beside talking: ``line`` names those of LINE_TOOLS that its line carries out."""

    executor: ToolExecutor | None = None
    line: frozenset[str] = frozenset()


class Turn:
    """Answers one turn; ``dialogue`` is the value as it has become so far."""

    def __init__(
        self, models: list[LanguageModel], abilities: Abilities, quiet: Quiet, dialogue: Dialogue, text: str
    ) -> None:
        self._models, self._abilities, self._quiet = models, abilities, quiet
        self._user_text = text
        self.dialogue = dialogue.user_said(text)
        self._spoken = ""
        self._text = ""
        self._calls: list[ToolCall] = []
        self._answer = 0
        self._applied: set[str] = set()
        self._over = False

    async def run(self) -> Events:
        """Everything that happens; Finished comes last."""
        for _ in range(MAX_STEPS):
            offered = offers(self.dialogue.state)
            async with aclosing(self._ask()) as asked:
                async for event in asked:
                    yield event
            if self._over:
                break
            for problem in self._claims(self._text):
                yield problem
            self._answered()
            async with aclosing(self._apply(offered)) as applied:
                async for event in applied:
                    yield event
            if not self._calls or self._over:
                break
        else:
            yield happens.Problem("too_many_steps", f"no end after {MAX_STEPS} steps in one turn")
        yield happens.Finished(self.dialogue)

    async def _ask(self) -> Events:
        """One question to the model; its words are passed on, its calls collected."""
        self._text, self._calls = "", []
        request = turn_request(self.dialogue, self._user_text)
        async with aclosing(ask(request, self._models, self._quiet)) as answer:
            async for event in answer:
                match event:
                    case TextDelta(text=piece):
                        yield self._say(piece, begin=not self._text)
                        self._text += piece
                    case ToolCall():
                        self._calls.append(event)
                    case Usage():
                        yield happens.Spent(event)
                    case Hold():
                        yield self._say(self._hold_words(), begin=True)
                    case Trouble():
                        yield happens.Problem(event.code, event.detail)
                        if event.final:
                            for last in self._give_up(event):
                                yield last

    # ------------------------------------------------------------------ words

    def _say(self, text: str, *, begin: bool) -> happens.Say:
        """Words to speak; those that begin a new message are kept apart from what was said before."""
        if begin and self._spoken and not self._spoken[-1].isspace() and not text[:1].isspace():
            text = f" {text}"
        self._spoken += text
        self._quiet.spoke(text)
        return happens.Say(text)

    def _say_apart(self, text: str) -> happens.Say:
        """A whole sentence of the configuration or a tool, as words of the model's last message."""
        self.dialogue = self.dialogue.amended(self._answer, text)
        return self._say(text, begin=True)

    def _hold_words(self) -> str:
        hold = fillers(self.dialogue.language).hold
        text = hold[(self._quiet.holds - 1) % len(hold)]
        self.dialogue = self.dialogue.agent_said(text)
        return text

    def _answered(self) -> None:
        self._answer = len(self.dialogue.history)
        if self._text.strip() or self._calls:
            message = Message("assistant", self._text.strip(), tool_calls=tuple(self._calls))
            self.dialogue = self.dialogue.with_message(message)

    def _claims(self, text: str) -> list[happens.Problem]:
        claim = claim_in(text, self.dialogue.language)
        if claim is None or any(m.role == "tool" and _succeeded(m.content) for m in self.dialogue.history):
            return []
        return [happens.Problem("unbacked_claim", claim)]

    def _give_up(self, trouble: Trouble) -> list[happens.RunnerEvent]:
        """No model answers: say so and leave by the way out."""
        self._over = True
        apology = fillers(self.dialogue.language).apology
        said = self._say(apology, begin=True)
        self.dialogue = self.dialogue.agent_said(apology)
        return [said, happens.HangUp(f"no language model answered: {trouble.detail}", failed=True)]

    # ------------------------------------------------------------------ what the model chose

    async def _apply(self, offered: dict[str, Offer]) -> Events:
        entry = self.dialogue.visits
        for call in self._calls:
            offer = offered.get(call.name)
            if call.id in self._applied:
                continue
            self._applied.add(call.id)
            if offer is None or self._over or self.dialogue.visits != entry:
                why = "is not a tool of this state" if offer is None else "came after the state had ended"
                yield happens.Problem("tool_not_allowed", f"{call.name} {why} ({self.dialogue.state_name})")
                self._tell(call, failure(f"{call.name} {why}").result)
            elif isinstance(offer.does, Transition):
                async for event in self._move(call, offer.does):
                    yield event
            else:
                async for event in self._use(call, offer.does):
                    yield event
            yield happens.Progressed(self.dialogue)

    def _tell(self, call: ToolCall, result: str) -> None:
        self.dialogue = self.dialogue.with_message(tool_result(call, result))

    async def _move(self, call: ToolCall, transition: Transition) -> Events:
        arguments = json_object(call.arguments)
        before = self.dialogue.state
        given = arguments.get("variables")
        if isinstance(given, dict) and before.variables:
            self.dialogue, stored = store_values(self.dialogue, given, {item.name for item in before.variables})
            for event in stored:
                yield event
        elif before.variables:
            yield happens.Problem("variables_missing", f"{call.name} came without the variables of {before.name}")
        if transition.filler_sentence:
            yield self._say_apart(self.dialogue.render(transition.filler_sentence))
        self._tell(call, _OK)
        self.dialogue = self.dialogue.enter(transition.destination_state_name)
        reason = str(arguments.get("reason") or transition.condition)
        yield happens.Entered(transition.destination_state_name, before.name, reason)

    async def _use(self, call: ToolCall, tool: Tool) -> Events:
        if isinstance(tool, CustomFunctionTool):
            async for event in self._run_function(call, tool):
                yield event
            return
        yield happens.Called(call.id, call.name, call.arguments)
        outcome, effect = self._effect(call, tool)
        filler = getattr(tool, "filler_sentence", None)
        if filler and outcome.success:
            yield self._say_apart(self.dialogue.render(filler))
        self._tell(call, outcome.result)
        yield happens.Returned(call.id, call.name, outcome.result, outcome.success, 0)
        if effect is not None:
            self._over = True
            yield effect

    def _effect(self, call: ToolCall, tool: Tool) -> Effect:
        if tool.type in LINE_TOOLS and tool.type not in self._abilities.line:
            return failure(f"{tool.type} is not possible on this line"), None
        return _EFFECTS[type(tool)](self.dialogue, call, tool)

    async def _run_function(self, call: ToolCall, tool: CustomFunctionTool) -> Events:
        yield happens.Called(call.id, call.name, call.arguments)
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            arguments = check_arguments(tool, call.arguments)
        except ValueError as error:
            outcome = failure(str(error))
        else:
            if tool.filler_sentence:
                yield self._say_apart(self.dialogue.render(tool.filler_sentence))
            task = asyncio.ensure_future(self._execute(tool, arguments))
            try:
                async for _ in self._quiet.watch(task, started_s + tool.timeout_seconds):
                    yield self._say_apart(fillers(self.dialogue.language).hold[(self._quiet.holds - 1) % 2])
                outcome = task.result() if task.done() else failure(f"no answer within {tool.timeout_seconds:g} s")
            finally:
                task.cancel()
        self._tell(call, outcome.result)
        duration_ms = round((loop.time() - started_s) * 1000)
        yield happens.Returned(call.id, call.name, outcome.result, outcome.success, duration_ms)
        self.dialogue, stored = store_values(self.dialogue, outcome.values, None)
        for event in stored:
            yield event
        if outcome.say:
            # Word for word, and nothing of the model's after it: the tool has answered the caller.
            self._over = True
            yield self._say(outcome.say, begin=True)
            self.dialogue = self.dialogue.agent_said(outcome.say)

    async def _execute(self, tool: CustomFunctionTool, arguments: dict[str, Any]) -> ToolOutcome:
        executor = self._abilities.executor
        if executor is None:
            return failure(f"{tool.name} can't be used on this call")
        return await executor.run(tool, build_request(tool, arguments, self.dialogue.values))


def json_object(text: str) -> dict[str, Any]:
    """A model's arguments; what is no JSON object counts as none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _succeeded(result: str) -> bool:
    """Whether a tool message tells of an action; going to a state is none."""
    return result != _OK and "error" not in json_object(result)


# ---------------------------------------------------------------------- tools that end the turn


def _hang_up(_: Dialogue, call: ToolCall, __: Tool) -> Effect:
    reason = str(json_object(call.arguments).get("reason") or "the agent ended the conversation")
    return ToolOutcome(True, _OK), happens.HangUp(reason)


def _wait(_: Dialogue, __: ToolCall, ___: Tool) -> Effect:
    return ToolOutcome(True, _OK), happens.Wait()


def _press(_: Dialogue, call: ToolCall, __: Tool) -> Effect:
    digits = str(json_object(call.arguments).get("digits", ""))
    if not digits or len(digits) > 64 or set(digits) - set("0123456789*#w"):
        return failure("digits must be 1 to 64 of 0-9, *, # and w"), None
    return ToolOutcome(True, _OK), happens.PressKeys(digits)


def _transfer(dialogue: Dialogue, _: ToolCall, tool: Tool) -> Effect:
    assert isinstance(tool, TransferCallTool)  # noqa: S101 - the table below says so
    destination = dialogue.render(tool.destination).strip()
    if not destination:
        return failure("there is no number to transfer to"), None
    return ToolOutcome(True, _OK), happens.Transfer(destination, tool.mode)


_EFFECTS: dict[type, Callable[[Dialogue, ToolCall, Tool], Effect]] = {
    HangUpTool: _hang_up,
    WaitTool: _wait,
    PressKeysTool: _press,
    TransferCallTool: _transfer,
    LeaveVoicemailMessageTool: _hang_up,
}
