"""The agent's answers: one task a question, its effects held back until the caller has heard some of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from offhook.agents.dialogue import Dialogue
from offhook.agents.model import Usage
from offhook.agents.runner import (
    AgentRunner,
    Called,
    Entered,
    Finished,
    HangUp,
    PressKeys,
    Problem,
    Progressed,
    Returned,
    RunnerEvent,
    Say,
    Spent,
    Transfer,
    VariableChanged,
)
from offhook.conversation.events import AgentDone, Piece
from offhook.errors import OffhookError
from offhook.record.events import (
    CallEvent,
    Flagged,
    StateEntered,
    ToolCalled,
    ToolCallRef,
    TranscriptAdded,
    VariableSet,
)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Answer:
    utterance: int
    text: str
    before: Dialogue
    reached: Dialogue
    after: Dialogue | None = None
    effects: list[CallEvent] = field(default_factory=list)
    calls: dict[str, Called] = field(default_factory=dict)
    hang_up: bool = False
    failed: bool = False
    adopted: bool = False
    task: asyncio.Task[None] | None = None


class Answering:
    """Keeps the dialogue. ``adopt`` makes an answer's effects so; ``drop`` undoes what was not heard."""

    def __init__(
        self,
        runner: AgentRunner,
        dialogue: Dialogue,
        *,
        tell: Callable[[Piece | AgentDone], None],
        record: Callable[[CallEvent], None],
        next_item: Callable[[], int],
        now_ms: Callable[[], int],
        wall: Callable[[], float],
        press_keys: Callable[[str], None],
    ) -> None:
        self.dialogue = dialogue
        self.usage = Usage()
        self._runner, self._tell, self._record, self._next_item = runner, tell, record, next_item
        self._now_ms, self._wall, self._press_keys = now_ms, wall, press_keys
        self._answer: _Answer | None = None

    def ask(self, utterance: int, text: str) -> None:
        """Begin an answer to the caller's words."""
        self._cancel()
        answer = self._answer = _Answer(utterance, text, self.dialogue, self.dialogue.user_said(text))
        answer.task = asyncio.create_task(self._run(answer), name=f"answer-{utterance}")

    def adopt(self, utterance: int, text: str) -> None:
        """The utterance is being heard and complete: its effects stand."""
        answer = self._answer
        if answer is None or answer.utterance != utterance:
            # A greeting or presence check: only words.
            self.dialogue = self.dialogue.agent_said(text) if text else self.dialogue
            return
        if answer.after is not None and not answer.adopted:
            self._stand(answer, answer.after)

    def drop(self, utterance: int, heard: str) -> None:
        """The utterance ends here. What was heard stays said; an answer that nobody heard leaves no trace."""
        answer = self._answer
        if answer is None or answer.utterance != utterance:
            self.dialogue = self.dialogue.agent_said(heard) if heard else self.dialogue
            return
        self._cancel()
        if answer.adopted:
            self.dialogue = self.dialogue.with_heard(heard)
        elif heard:
            self._stand(answer, _cut_to(answer, heard))

    async def extract(self) -> None:
        """The last look for variables, when the call ends."""
        async for event in self._runner.extract(self.dialogue):
            self._note(event, self._record)
            if isinstance(event, Finished):
                self.dialogue = event.dialogue

    def close(self) -> None:
        """Stop whatever is being answered."""
        self._cancel()

    def _cancel(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and answer.task is not None:
            answer.task.cancel()

    def _stand(self, answer: _Answer, dialogue: Dialogue) -> None:
        answer.adopted = True
        self.dialogue = dialogue
        effects, answer.effects = answer.effects, []
        for effect in effects:
            self._record(effect)

    async def _run(self, answer: _Answer) -> None:
        try:
            async for event in self._runner.respond(answer.before, answer.text):
                self._take(answer, event)
        except OffhookError as error:
            answer.failed = True
            log.warning("agent_failed", error=str(error))
            self._record(Flagged(at=self._wall(), code="agent_failed", detail=str(error)))
        except Exception as error:
            answer.failed = True
            log.exception("agent_broke")
            self._record(Flagged(at=self._wall(), code="agent_broke", detail=repr(error)))
        self._tell(AgentDone(self._now_ms(), answer.utterance, hang_up=answer.hang_up, failed=answer.failed))

    def _take(self, answer: _Answer, event: RunnerEvent) -> None:
        match event:
            case Say(text=text):
                self._tell(Piece(self._now_ms(), answer.utterance, text))
            case HangUp(failed=failed):
                answer.hang_up, answer.failed = True, failed
            case PressKeys(digits=digits):
                self._press_keys(digits)
            case Progressed(dialogue=dialogue):
                answer.reached = dialogue
            case Finished(dialogue=dialogue):
                answer.after = dialogue
            case Called():
                answer.calls[event.tool_call_id] = event
            case _:
                self._note(event, answer.effects.append, answer.calls)

    def _note(
        self, event: RunnerEvent, record: Callable[[CallEvent], None], calls: dict[str, Called] | None = None
    ) -> None:
        at = self._wall()
        match event:
            case Entered(state=state, from_state=before, reason=reason):
                record(StateEntered(at=at, state=state, from_state=before, reason=reason))
            case VariableChanged(name=name, type=kind, value=value):
                record(VariableSet(at=at, name=name, variable_type=str(kind), value=value))
            case Problem(code=code, detail=detail):
                log.warning("agent_problem", code=code, detail=detail)
                record(Flagged(at=at, code=code, detail=detail))
            case Transfer(destination=destination):
                record(Flagged(at=at, code="transfer_unavailable", detail=f"this line can't transfer to {destination}"))
            case Spent(usage=usage):
                total = self.usage
                self.usage = Usage(total.input_tokens + usage.input_tokens, total.output_tokens + usage.output_tokens)
            case Returned():
                for item in self._tool_items(event, (calls or {}).get(event.tool_call_id), at):
                    record(item)

    def _tool_items(self, returned: Returned, called: Called | None, at: float) -> list[CallEvent]:
        name, arguments = (called.name, called.arguments) if called else (returned.name, "{}")
        started = at - returned.duration_ms / 1000
        call_id = returned.tool_call_id
        return [
            TranscriptAdded(
                at=started, item_id=self._next_item(), role="agent", content="",
                tool_calls=(ToolCallRef(tool_call_id=call_id, name=name, arguments=arguments),),
            ),
            TranscriptAdded(
                at=at, item_id=self._next_item(), role="tool", content=returned.result,
                tool_calls=(ToolCallRef(tool_call_id=call_id),),
            ),
            ToolCalled(
                at=at, tool_call_id=call_id, name=name, arguments=arguments, result=returned.result,
                success=returned.success, duration_ms=returned.duration_ms,
            ),
        ]  # fmt: skip


def _cut_to(answer: _Answer, heard: str) -> Dialogue:
    """Of an answer cut off: the steps it had taken, and the words that were heard."""
    if answer.after is not None:
        return answer.after.with_heard(heard)
    reached = answer.reached
    spoken = any(message.role == "assistant" for message in reached.history[len(answer.before.history) :])
    return reached.with_heard(heard) if spoken else reached.agent_said(heard)
