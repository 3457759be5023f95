"""What the model wants to do: checked, done once its moment has come, and its outcome told to the model."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from offhook.agents import events as happens
from offhook.agents.asking import Quiet
from offhook.agents.deeds import Deeds
from offhook.agents.dialogue import Dialogue
from offhook.agents.functions import ToolExecutor, ToolOutcome, build_request, check_arguments, failure
from offhook.agents.hours import is_open
from offhook.agents.model import ToolCall
from offhook.agents.offer import RemoteTool
from offhook.agents.passages import Library
from offhook.agents.speech import fillers
from offhook.agents.store import store_values
from offhook.agents.tools import (
    CustomFunctionTool,
    HangUpTool,
    LeaveVoicemailMessageTool,
    PressKeysTool,
    SendSmsTool,
    Tool,
    TransferCallTool,
    WaitTool,
)

Events = AsyncGenerator[happens.RunnerEvent, None]

OK = json.dumps({"ok": True})
# Tools that need something of the line that carries the call.
LINE_TOOLS = frozenset({"transfer_call", "press_keys", "send_sms"})
ANY_TIME_S = 3600.0  # what the call itself limits: the turn's certain end, a ringing destination, a beep
BEEP_LIMIT_S = 30.0  # the longest greetings; the agent's own ``voicemail`` setting comes first
MAX_KEYS = 64
_NUMBER = re.compile(r"\+?[0-9*#]{2,32}")
_SIP_URI = re.compile(r"sips?:[^\s<>\"]+", re.IGNORECASE)


class RemoteTools(Protocol):
    """Runs the tools of MCP servers; never raises for what the far end does wrong."""

    async def call(self, tool: RemoteTool, arguments: str, dialogue: Dialogue) -> ToolOutcome:
        """Call a tool with the model's arguments, within its time limit."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this call can do beside talking: ``line`` names those of LINE_TOOLS that its line carries out."""

    executor: ToolExecutor | None = None
    remote: RemoteTools | None = None
    library: Library | None = None
    line: frozenset[str] = frozenset()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Speaking(Protocol):
    """The turn that a tool is used in."""

    dialogue: Dialogue
    quiet: Quiet
    over: bool

    @property
    def spoke(self) -> bool:
        """Whether the answer has any words so far."""

    def say_apart(self, text: str) -> happens.Say:
        """A whole sentence that the model didn't write, at the end of its words."""

    def say_new(self, text: str) -> happens.Say:
        """Likewise, as words of their own behind all that happened."""

    def tell(self, call: ToolCall, outcome: ToolOutcome, *, deed: bool) -> None:
        """The outcome goes into the history."""


class ToolUse:
    """One tool call of a turn. ``run`` tells what happens."""

    def __init__(self, turn: Speaking, abilities: Abilities, deeds: Deeds, call: ToolCall) -> None:
        self._turn, self._abilities, self._deeds, self._call = turn, abilities, deeds, call
        self._outcome = failure("it was not done")
        self._began_s = asyncio.get_running_loop().time()
        self._then: list[happens.RunnerEvent] = []

    async def run(self, tool: Tool | RemoteTool) -> Events:
        """Do it. The model is told the outcome; a tool that ends the turn says so on it."""
        call, turn = self._call, self._turn
        yield happens.Called(call.id, call.name, call.arguments)
        async with aclosing(_USES[type(tool)](self, tool)) as events:
            async for event in events:
                yield event
        outcome = self._outcome
        turn.tell(call, outcome, deed=not isinstance(tool, WaitTool | HangUpTool))
        if outcome.say:
            # Word for word, and nothing of the model's after it: the tool has answered the caller.
            turn.over = True
            self._then.append(turn.say_new(outcome.say))
        duration_ms = round((asyncio.get_running_loop().time() - self._began_s) * 1000)
        yield happens.Returned(call.id, call.name, outcome.result, outcome.success, duration_ms)
        turn.dialogue, stored = store_values(turn.dialogue, outcome.values, None)
        for event in (*stored, *self._then):
            yield event

    # ------------------------------------------------------------------ waiting

    async def _bridged(self, work: Awaitable[Any], limit_s: float = ANY_TIME_S) -> AsyncGenerator[happens.Say, None]:
        """Words to hold while work goes on; ``_outcome`` is then its, or that it took too long."""
        turn, loop = self._turn, asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        try:
            async for _ in turn.quiet.watch(task, loop.time() + limit_s):
                yield turn.say_apart(turn.quiet.hold_words(turn.dialogue.language))
            done = task.result() if task.done() else failure(f"no answer within {limit_s:g} s")
            self._outcome = done if isinstance(done, ToolOutcome) else _as_outcome(done)
        finally:
            task.cancel()

    async def _deed(
        self, work: Callable[[], Awaitable[Any]], limit_s: float = ANY_TIME_S
    ) -> AsyncGenerator[happens.Say, None]:
        """Work that can't be undone: it begins when the turn is certain, and its time is counted from there."""
        async for words in self._bridged(self._deeds.certain()):
            yield words
        self._began_s = asyncio.get_running_loop().time()
        async for words in self._bridged(work(), limit_s):
            yield words

    def _filler(self, tool: Tool) -> list[happens.Say]:
        filler = getattr(tool, "filler_sentence", None)
        text = self._turn.dialogue.render(filler).strip() if filler else ""
        return [self._turn.say_apart(text)] if text else []

    # ------------------------------------------------------------------ by kind of tool

    async def _wait(self, tool: WaitTool) -> Events:
        for words in self._filler(tool):
            yield words  # none: it has no sentence
        self._outcome = ToolOutcome(True, OK)
        self._turn.over = True
        self._then.append(happens.Wait())

    async def _hang_up(self, tool: HangUpTool) -> Events:
        for words in self._filler(tool):
            yield words
        if not self._turn.spoke:
            # With words the call waits for them to be heard; without any it would end on a caller who goes on.
            async for hold in self._bridged(self._deeds.certain()):
                yield hold
        self._outcome = ToolOutcome(True, OK)
        self._turn.over = True
        reason = str(json_object(self._call.arguments).get("reason") or "the agent ended the conversation")
        self._then.append(happens.HangUp(reason))

    async def _leave_message(self, tool: LeaveVoicemailMessageTool) -> Events:
        voicemail = self._turn.dialogue.config.voicemail
        await self._deeds.beep(BEEP_LIMIT_S if voicemail is None else voicemail.wait_for_beep_seconds)
        for words in self._filler(tool):
            yield words
        self._outcome = ToolOutcome(True, OK)
        self._turn.over = True
        self._then.append(happens.HangUp("a message was left", left_message=True))

    async def _press(self, tool: PressKeysTool) -> Events:
        digits = str(json_object(self._call.arguments).get("digits", "")).replace(" ", "")
        if self._impossible(tool):
            return
        if not digits or len(digits) > MAX_KEYS or set(digits) - set("0123456789*#w"):
            self._outcome = failure(f"digits must be 1 to {MAX_KEYS} of 0-9, *, # and w")
            return
        async for words in self._bridged(self._deeds.certain()):
            yield words
        self._outcome = ToolOutcome(True, OK)
        self._turn.over = True
        self._then.append(happens.PressKeys(digits))

    async def _transfer(self, tool: TransferCallTool) -> Events:
        dialogue = self._turn.dialogue
        if tool.hours_variable and not is_open(dialogue.values.get(tool.hours_variable), self._abilities.now()):
            self._outcome = failure("nobody takes calls at this hour; the caller was not transferred")
            if tool.outside_hours == "hang_up":
                yield self._turn.say_apart(fillers(dialogue.language).closed)
                self._turn.over = True
                self._then.append(happens.HangUp("a transfer was asked for outside its hours"))
            return
        destination = dial_string(dialogue.render(tool.destination))
        if self._impossible(tool):
            return
        if destination is None:
            self._outcome = failure("there is no number to transfer to")
            return
        for words in self._filler(tool):
            yield words
        async for words in self._bridged(self._deeds.transfer(destination, tool.mode)):
            yield words
        if self._outcome.success:
            self._turn.over = True
            self._then.append(happens.Transfer(destination, tool.mode))

    async def _text(self, tool: SendSmsTool) -> Events:
        if self._impossible(tool):
            return
        text = self._turn.dialogue.render(tool.template).strip()
        if not text:
            self._outcome = failure("the message has no text")
            return
        async for words in self._deed(lambda: self._deeds.send_text(text)):
            yield words

    async def _function(self, tool: CustomFunctionTool) -> Events:
        try:
            arguments = check_arguments(tool, self._call.arguments)
        except ValueError as error:
            self._outcome = failure(str(error))
            return
        executor = self._abilities.executor
        if executor is None:
            self._outcome = failure(f"{tool.name} can't be used on this call")
            return
        for words in self._filler(tool):
            yield words
        request = build_request(tool, arguments, self._turn.dialogue.values)
        async for words in self._deed(lambda: executor.run(tool, request), tool.timeout_seconds):
            yield words

    async def _remote(self, tool: RemoteTool) -> Events:
        remote = self._abilities.remote
        if remote is None:
            self._outcome = failure(f"{tool.name} can't be used on this call")
            return
        arguments, dialogue = self._call.arguments, self._turn.dialogue
        async for words in self._deed(lambda: remote.call(tool, arguments, dialogue), tool.server.timeout_seconds):
            yield words

    def _impossible(self, tool: Tool) -> bool:
        if tool.type in self._abilities.line:
            return False
        self._outcome = failure(f"{tool.type} is not possible on this line; it was not done")
        return True


def dial_string(text: str) -> str | None:
    """A destination as a line can dial it: digits, with what people put between them left out, or a SIP URI."""
    text = text.strip()
    if _SIP_URI.fullmatch(text):
        return text
    number = re.sub(r"[ \u00a0\u202f().\-/]", "", text.removeprefix("tel:"))
    return number if _NUMBER.fullmatch(number) else None


def json_object(text: str) -> dict[str, Any]:
    """A model's arguments; what is no JSON object counts as none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _as_outcome(why: str | None) -> ToolOutcome:
    """A deed's answer: None when it worked."""
    return ToolOutcome(True, OK) if why is None else failure(why)


_USES: dict[type, Callable[[ToolUse, Any], Events]] = {
    WaitTool: ToolUse._wait,  # noqa: SLF001 - its own methods, as a table
    HangUpTool: ToolUse._hang_up,  # noqa: SLF001
    LeaveVoicemailMessageTool: ToolUse._leave_message,  # noqa: SLF001
    PressKeysTool: ToolUse._press,  # noqa: SLF001
    TransferCallTool: ToolUse._transfer,  # noqa: SLF001
    SendSmsTool: ToolUse._text,  # noqa: SLF001
    CustomFunctionTool: ToolUse._function,  # noqa: SLF001
    RemoteTool: ToolUse._remote,  # noqa: SLF001
}
