"""The agent's answers: one task a question, its effects held back until the caller has heard some of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from offhook.agents.dialogue import Dialogue, Passage
from offhook.agents.model import Usage
from offhook.agents.runner import (
    AgentRunner,
    Called,
    Consulted,
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
from offhook.calls.deeds import CallDeeds, Links
from offhook.calls.noting import noted
from offhook.conversation.events import AgentDone, EndedBy, Piece
from offhook.errors import OffhookError
from offhook.record.events import (
    CallEvent,
    Flagged,
    KnowledgeUsed,
    PassageRef,
    StateEntered,
    ToolCalled,
    ToolCallRef,
    TranscriptAdded,
)

log = structlog.get_logger(__name__)

EXCERPT_CHARS = 200  # enough to know a passage by; the whole is in its knowledge base


@dataclass(slots=True)
class _Answer:
    """``acting`` while a deed is done; ``dropped`` is what was heard of one that was cut off meanwhile."""

    utterance: int
    text: str
    before: Dialogue
    reached: Dialogue
    deeds: CallDeeds
    after: Dialogue | None = None
    effects: list[CallEvent] = field(default_factory=list)
    calls: dict[str, Called] = field(default_factory=dict)
    hang_up: HangUp | None = None
    failed: bool = False
    adopted: bool = False
    acting: bool = False
    dropped: str | None = None
    settled: asyncio.Future[Dialogue] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    task: asyncio.Task[None] | None = None


class Answering:
    """Keeps the dialogue. ``adopt`` makes an answer's effects so; ``drop`` undoes what was not heard.

    What can't be undone is done when ``act`` allows it, and stands from then on. A deed that is under way when its
    answer is dropped comes to its end, and the next answer begins from what it did.
    """

    def __init__(
        self,
        runner: AgentRunner,
        dialogue: Dialogue,
        *,
        links: Links,
        record: Callable[[CallEvent], None],
        next_item: Callable[[], int],
        wall: Callable[[], float],
        press_keys: Callable[[str], None],
        transferred: Callable[[str], None],
    ) -> None:
        self.dialogue = dialogue
        self.usage = Usage()
        self._runner, self._links, self._record, self._next_item = runner, links, record, next_item
        self._wall, self._press_keys, self._transferred = wall, press_keys, transferred
        self._answer: _Answer | None = None
        self._settling: asyncio.Future[Dialogue] | None = None
        self._at_work: set[asyncio.Task[None]] = set()

    def ask(self, utterance: int, text: str) -> None:
        """Begin an answer to the caller's words."""
        self._cancel()
        deeds = CallDeeds(self._links, utterance)
        answer = self._answer = _Answer(utterance, text, self.dialogue, self.dialogue.user_said(text), deeds)
        answer.task = asyncio.create_task(self._run(answer, self._settling), name=f"answer-{utterance}")
        self._at_work.add(answer.task)
        answer.task.add_done_callback(self._at_work.discard)

    def act(self, utterance: int) -> None:
        """The turn is certain: what the answer waits to do is done, and what it did before stands."""
        answer = self._answer
        if answer is not None and answer.utterance == utterance:
            answer.acting = True
            self._stand(answer, answer.reached)
            answer.deeds.act()

    def adopt(self, utterance: int, text: str) -> None:
        """The utterance is being heard and complete: its effects stand."""
        answer = self._answer
        if answer is None or answer.utterance != utterance:
            # A greeting or presence check: only words.
            self._heard(text)
        elif answer.after is not None:
            self._stand(answer, answer.after)

    def drop(self, utterance: int, heard: str) -> None:
        """The utterance ends here. What was heard stays said; an answer that nobody heard leaves no trace."""
        answer = self._answer
        if answer is None or answer.utterance != utterance:
            self._heard(heard)
        elif answer.acting:
            answer.dropped, self._answer = heard, None
            self._settling = answer.settled
        else:
            self._cancel()
            if self._settling is not None and not answer.adopted:
                # It has only bridged the time until the deed before it is done.
                self._change(lambda dialogue: dialogue.user_said(answer.text).agent_said(heard) if heard else dialogue)
            elif answer.adopted or heard:
                self._stand(answer, _cut_to(answer, heard))

    async def extract(self) -> None:
        """The last look for variables, when the call ends and what was being done is done."""
        if self._settling is not None:
            await asyncio.shield(self._settling)
        async for event in self._runner.extract(self.dialogue):
            self._note(event, self._record)
            if isinstance(event, Finished):
                self.dialogue = event.dialogue

    def close(self) -> None:
        """Stop whatever is being answered or done."""
        self._answer = None
        for task in self._at_work:
            task.cancel()

    def _cancel(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and answer.task is not None:
            answer.task.cancel()

    # ------------------------------------------------------------------ the dialogue

    def _stand(self, answer: _Answer, dialogue: Dialogue) -> None:
        answer.adopted = True
        self.dialogue = dialogue
        effects, answer.effects = answer.effects, []
        for effect in effects:
            self._record(effect)

    def _heard(self, text: str) -> None:
        if text:
            self._change(lambda dialogue: dialogue.agent_said(text))

    def _change(self, change: Callable[[Dialogue], Dialogue]) -> None:
        """Change the dialogue, now or as soon as a deed that is under way has told what it did."""
        before = self._settling
        if before is None:
            self.dialogue = change(self.dialogue)
            return
        settled = self._settling = asyncio.get_running_loop().create_future()
        before.add_done_callback(lambda _: self._settle(settled, change(self.dialogue)))

    def _settle(self, settled: asyncio.Future[Dialogue], dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        if self._settling is settled:
            self._settling = None
        settled.set_result(dialogue)

    # ------------------------------------------------------------------ one answer

    async def _run(self, answer: _Answer, base: asyncio.Future[Dialogue] | None) -> None:
        if base is not None:
            base.add_done_callback(lambda done: _rebase(answer, done.result()))
        try:
            events = self._runner.respond(answer.before, answer.text, answer.deeds, after=base)
            async with aclosing(events):
                async for event in events:
                    self._take(answer, event)
                    if answer.dropped is not None and not answer.acting:
                        break
        except OffhookError as error:
            answer.failed = True
            log.warning("agent_failed", error=str(error))
            self._record(Flagged(at=self._wall(), code="agent_failed", detail=str(error)))
        except Exception as error:
            answer.failed = True
            log.exception("agent_broke")
            self._record(Flagged(at=self._wall(), code="agent_broke", detail=repr(error)))
        if answer.dropped is None:
            self._links.tell(_done(answer, self._links.now_ms()))
        else:
            self._settle(answer.settled, _cut_to(answer, answer.dropped))

    def _take(self, answer: _Answer, event: RunnerEvent) -> None:
        match event:
            case Say(text=text, whole=whole):
                self._links.tell(Piece(self._links.now_ms(), answer.utterance, text, whole))
            case HangUp():
                answer.hang_up = event
            case PressKeys(digits=digits):
                self._press_keys(digits)
            case Transfer(destination=destination):
                self._transferred(destination)
            case Progressed(dialogue=dialogue):
                answer.reached, answer.acting = dialogue, False
                if answer.adopted and answer.dropped is None:
                    self.dialogue = dialogue
            case Finished(dialogue=dialogue):
                answer.after, answer.acting = dialogue, False
            case Called():
                answer.calls[event.tool_call_id] = event
            case _:
                self._note(event, self._record if answer.adopted else answer.effects.append, answer.calls)

    def _note(
        self, event: RunnerEvent, record: Callable[[CallEvent], None], calls: dict[str, Called] | None = None
    ) -> None:
        at = self._wall()
        match event:
            case Entered(state=state, from_state=before, reason=reason):
                record(StateEntered(at=at, state=state, from_state=before, reason=reason))
            case VariableChanged():
                record(noted(event, at))
            case Problem(code=code, detail=detail):
                log.warning("agent_problem", code=code, detail=detail)
                record(noted(event, at))
            case Consulted(query=query, passages=passages):
                record(KnowledgeUsed(at=at, query=query, passages=tuple(map(_passage, passages))))
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


def _passage(passage: Passage) -> PassageRef:
    return PassageRef(
        base_id=passage.base_id, source_id=passage.source_id, source=passage.source, page=passage.page,
        score=round(passage.score, 3), excerpt=passage.text[:EXCERPT_CHARS],
    )  # fmt: skip


def _rebase(answer: _Answer, before: Dialogue) -> None:
    """The deed before is done: the answer begins from what it did."""
    answer.before, answer.reached = before, before.user_said(answer.text)


def _cut_to(answer: _Answer, heard: str) -> Dialogue:
    """Of an answer cut off: the steps it had taken, and the words that were heard."""
    reached = answer.reached if answer.after is None else answer.after
    spoken = any(message.role == "assistant" for message in reached.history[len(answer.before.history) :])
    if spoken or not heard:
        return reached.with_heard(heard)
    return reached.agent_said(heard)


def _done(answer: _Answer, now_ms: int) -> AgentDone:
    hang_up = answer.hang_up
    failed = answer.failed or (hang_up is not None and hang_up.failed)
    reason = EndedBy.VOICEMAIL if hang_up is not None and hang_up.left_message else EndedBy.AGENT
    return AgentDone(now_ms, answer.utterance, hang_up=hang_up is not None, failed=failed, reason=reason)
