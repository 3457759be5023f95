"""One turn of the agent: what the model chose is checked, applied once, and told as events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

from offhook.agents import events as happens
from offhook.agents.asking import Hold, Quiet, Trouble, ask
from offhook.agents.claims import claim_in
from offhook.agents.deeds import Deeds
from offhook.agents.dialogue import Dialogue, tool_result
from offhook.agents.functions import ToolOutcome, failure
from offhook.agents.model import LanguageModel, Message, TextDelta, ToolCall, Usage
from offhook.agents.offer import Offer
from offhook.agents.passages import bases_of, consult
from offhook.agents.prompt import turn_request
from offhook.agents.speech import fillers
from offhook.agents.states import Transition
from offhook.agents.store import store_values
from offhook.agents.using import OK, Abilities, Events, ToolUse, json_object
from offhook.conversation.phrases import phrases

# States passed through and tools used in one turn; more is a graph that runs in circles.
MAX_STEPS = 8


class Turn:
    """Answers one turn; ``dialogue`` is the value as it has become so far.

    ``begun`` are words to hold that were said before it could begin.
    """

    def __init__(
        self,
        *,
        models: Callable[[Dialogue], list[LanguageModel]],
        abilities: Abilities,
        deeds: Deeds,
        quiet: Quiet,
        dialogue: Dialogue,
        text: str,
        begun: list[str],
    ) -> None:
        self._models, self._abilities, self._deeds, self.quiet = models, abilities, deeds, quiet
        self._user_text = text
        # Passages of the turn before are not this one's.
        self.dialogue = replace(dialogue.user_said(text), passages=())
        for words in begun:
            self.dialogue = self.dialogue.agent_said(words)
        self._spoken = " ".join(begun)
        self._text = ""
        self._calls: list[ToolCall] = []
        self._answer = 0
        self._applied: set[str] = set()
        self._consulted: tuple[str, ...] = ()
        self.over = False

    @property
    def spoke(self) -> bool:
        """Whether the answer has any words so far."""
        return bool(self._spoken.strip())

    async def run(self) -> Events:
        """Everything that happens; Finished comes last."""
        for _ in range(MAX_STEPS):
            offered = self.dialogue.offers()
            async with aclosing(self._ask()) as asked:
                async for event in asked:
                    yield event
            if self.over:
                break
            for problem in self._claims(self._text):
                yield problem
            self._answered()
            if self._calls and self._text.strip():
                # What a call brings may take its time: the words before it are not kept waiting for it.
                yield happens.Say("", whole=True)
            async with aclosing(self._apply(offered)) as applied:
                async for event in applied:
                    yield event
            if not self._calls or self.over:
                break
        else:
            yield happens.Problem("too_many_steps", f"no end after {MAX_STEPS} steps in one turn")
            if not self.spoke:
                # The graph runs in circles without a word: the caller must not be left with silence.
                yield self.say_new(phrases(self.dialogue.language).repeat)
        yield happens.Finished(self.dialogue)

    async def _ask(self) -> Events:
        """One question to the model; its words are passed on, its calls collected."""
        self._text, self._calls = "", []
        for told in await self._consult():
            yield told
        request = turn_request(self.dialogue, self._user_text)
        async with aclosing(ask(request, self._models(self.dialogue), self.quiet)) as answer:
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
                        yield self.say_new(self.quiet.hold_words(self.dialogue.language))
                    case Trouble():
                        yield happens.Problem(event.code, event.detail)
                        if event.final:
                            for last in self._give_up(event):
                                yield last

    async def _consult(self) -> list[happens.RunnerEvent]:
        """Have the knowledge bases searched for the caller's words; once for a turn, and again where others count."""
        library, bases = self._abilities.library, bases_of(self.dialogue)
        if library is None or bases == self._consulted:
            return []
        self._consulted = bases
        passages, failed = await consult(library, bases, self._user_text) if bases else ((), None)
        self.dialogue = replace(self.dialogue, passages=passages)
        if failed is not None:
            return [happens.Problem("knowledge_failed", failed)]
        return [happens.Consulted(self._user_text, passages)] if passages else []

    # ------------------------------------------------------------------ words

    def _say(self, text: str, *, begin: bool, whole: bool = False) -> happens.Say:
        """Words to speak; those that begin a new message are kept apart from what was said before."""
        if begin and self._spoken and not self._spoken[-1].isspace() and not text[:1].isspace():
            text = f" {text}"
        self._spoken += text
        self.quiet.spoke(text)
        return happens.Say(text, whole)

    def say_apart(self, text: str) -> happens.Say:
        """A whole sentence of the configuration or a tool, as words of the model's last message."""
        self.dialogue = self.dialogue.amended(self._answer, text)
        return self._say(text, begin=True, whole=True)

    def say_new(self, text: str) -> happens.Say:
        """Likewise, as a message of its own."""
        self.dialogue = self.dialogue.agent_said(text)
        return self._say(text, begin=True, whole=True)

    def _answered(self) -> None:
        self._answer = len(self.dialogue.history)
        if self._text.strip() or self._calls:
            message = Message("assistant", self._text.strip(), tool_calls=tuple(self._calls))
            self.dialogue = self.dialogue.with_message(message)

    def _claims(self, text: str) -> list[happens.Problem]:
        claim = claim_in(text, self.dialogue.language)
        if claim is None or any(message.success for message in self.dialogue.history):
            return []
        return [happens.Problem("unbacked_claim", claim)]

    def _give_up(self, trouble: Trouble) -> list[happens.RunnerEvent]:
        """No model answers: say so and leave by the way out."""
        self.over = True
        apology = fillers(self.dialogue.language).apology
        return [self.say_new(apology), happens.HangUp(f"no language model answered: {trouble.detail}", failed=True)]

    # ------------------------------------------------------------------ what the model chose

    async def _apply(self, offered: dict[str, Offer]) -> Events:
        entry = self.dialogue.visits
        for call in self._calls:
            offer = offered.get(call.name)
            if call.id in self._applied:
                continue
            self._applied.add(call.id)
            if offer is None or self.over or self.dialogue.visits != entry:
                why = "is not a tool of this state" if offer is None else "came after the state had ended"
                yield happens.Problem("tool_not_allowed", f"{call.name} {why} ({self.dialogue.state_name})")
                self.tell(call, failure(f"{call.name} {why}"))
            elif isinstance(offer.does, Transition):
                async for event in self._move(call, offer.does):
                    yield event
            else:
                use = ToolUse(self, self._abilities, self._deeds, call)
                async with aclosing(use.run(offer.does)) as used:
                    async for event in used:
                        yield event
            yield happens.Progressed(self.dialogue)

    def tell(self, call: ToolCall, outcome: ToolOutcome, *, deed: bool = True) -> None:
        """The outcome of a call goes into the history; only a deed backs what the agent says it has done."""
        success = outcome.success if deed else None
        self.dialogue = self.dialogue.with_message(tool_result(call, outcome.result, success))

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
            yield self.say_apart(self.dialogue.render(transition.filler_sentence))
        self.dialogue = self.dialogue.with_message(tool_result(call, OK, None))
        self.dialogue = self.dialogue.enter(transition.destination_state_name)
        reason = str(arguments.get("reason") or transition.condition)
        yield happens.Entered(transition.destination_state_name, before.name, reason)
