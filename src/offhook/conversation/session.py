"""The state machine of a conversation: the caller's turns on one side, the agent's utterances on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from offhook.conversation.bargein import NEARLY_DONE_MS, Sensitivity, confirm_ms, is_listening_sign
from offhook.conversation.caller import CallerSide, Failed, Nothing, Outcome, Over, Probe
from offhook.conversation.clauses import is_whole
from offhook.conversation.deeds import Intent, Moment, is_due
from offhook.conversation.endpointing import MAX_DELAY_MS, EndpointingConfig
from offhook.conversation.events import (
    Act,
    Acted,
    Adopt,
    AgentDone,
    Ask,
    AudioMade,
    AudioSent,
    Beeped,
    Close,
    Command,
    Deed,
    DropAnswer,
    EndedBy,
    Event,
    HangUp,
    Intended,
    Key,
    Measured,
    Pause,
    Piece,
    Resume,
    Speak,
    Started,
    Transcribed,
    Turn,
    TurnScored,
    Voiced,
)
from offhook.conversation.keypad import Entry, Keypad
from offhook.conversation.latency import TurnClock
from offhook.conversation.phrases import Phrases, phrases
from offhook.conversation.presence import PresenceCheck
from offhook.conversation.response import Kind, Response, Said
from offhook.conversation.words import is_hello

MAX_FAILURES = 3  # turns in a row that could not be recognized before the call is given up
MAX_MUTE_ANSWERS = 2  # answers in a row for which the voice gave no audio
GREETING_PATIENCE_MS = 2000  # a caller who speaks first is heard out this long; a line that is never quiet is greeted
GOODBYE_LIMIT_MS = 15_000  # the goodbye takes four seconds; a voice that hangs must not keep the call open
# Words wait for the rest of their clause, which a model streams within 100 ms. A sentence that ends where its stream
# halts (a tool runs, the model hangs) must not wait for that to end; half a sentence waits as long as a pause may be.
HELD_SENTENCE_MS = 200
HELD_WORDS_MS = 1000
SHOW_MS = 1000  # a crash may cost the last second of a call, so the record gets what was heard this often


@dataclass(frozen=True, slots=True)
class ConversationConfig:
    """How a conversation behaves; ``max_duration_ms`` counts from the answer."""

    endpointing: EndpointingConfig = field(default_factory=EndpointingConfig)
    allow_interruptions: bool = True
    sensitivity: Sensitivity = Sensitivity.MEDIUM
    greeting_delay_ms: int = 0
    presence_phrases: tuple[str, ...] = ()
    presence_idle_ms: int = 10_000
    presence_max_times: int = 3
    max_duration_ms: int = 1_800_000


class Conversation:
    """``handle`` takes an event and returns the commands that follow; nothing else changes it."""

    def __init__(self, config: ConversationConfig) -> None:
        self._config = config
        self._phrases: Phrases = phrases(config.endpointing.language)
        self._caller = CallerSide(config.endpointing)
        presence = config.presence_phrases or (self._phrases.presence,)
        self._presence = PresenceCheck(presence, config.presence_idle_ms, config.presence_max_times)
        self._response: Response | None = None
        self._pending: Said | None = None
        self._unanswered: Said | None = None
        self._agent_heard_since = False
        self._greeting: str | None = None
        self._keypad = Keypad()
        self._repeat_due = False
        self._utterances = self._turns = self._items = self._failures = self._mute_answers = 0
        self._started_ms = 0
        self._now_ms = 0
        self._over = False
        self._closing = False
        self._out: list[Command] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            Started: self._on_started,
            Voiced: self._on_voiced,
            Transcribed: self._on_transcribed,
            TurnScored: self._on_scored,
            Piece: self._on_piece,
            Intended: self._on_intended,
            Acted: self._on_acted,
            Beeped: self._on_beeped,
            AgentDone: self._on_agent_done,
            AudioMade: self._on_audio_made,
            AudioSent: self._on_audio_sent,
            Key: self._on_key,
        }

    def handle(self, event: Event) -> list[Command]:
        """Take one event; commands in the order in which to carry them out."""
        if self._over:
            return []
        self._now_ms = max(self._now_ms, event.at_ms)
        self._handlers[type(event)](event)
        out, self._out = self._out, []
        return out

    def close(self, at_ms: int) -> list[Command]:
        """The call is over for another reason: cut what is being said, so that its items are in the transcript."""
        if not self._over:
            self._now_ms = max(self._now_ms, at_ms)
            over = self._caller.unfinished(self._out)
            self._over = True
            self._cut()
            if over is not None:
                self._note_caller(self._said(over.text, over.start_ms), over, over.probe)
        out, self._out = self._out, []
        return out

    # ------------------------------------------------------------------ the clock and the caller

    def _on_started(self, event: Started) -> None:
        self._presence.quiet_from(event.at_ms)
        self._started_ms = event.at_ms
        self._greeting = event.greeting
        if event.notice is not None:
            self._say(Kind.NOTICE, event.notice)
        self._greet_when_due()

    def _greet_when_due(self) -> None:
        waited_ms = self._now_ms - self._started_ms - self._config.greeting_delay_ms
        if self._greeting is None or waited_ms < 0 or self._response is not None:
            return
        if not self._caller.speaking or waited_ms >= GREETING_PATIENCE_MS:
            text, self._greeting = self._greeting, None
            self._say(Kind.GREETING, text)

    def _on_voiced(self, event: Voiced) -> None:
        response = self._response
        audible = response is not None and response.audible and not response.paused
        needed = confirm_ms(self._config.sensitivity, agent_audible=audible)
        began, outcome = self._caller.window(event.at_ms, event.probability, needed, self._out)
        if began:
            self._speech_began()
        self._settle(outcome)
        checks = (
            self._greet_when_due, self._speak_held, self._check_keys, self._act_when_due,
            self._check_duration, self._check_presence,
        )  # fmt: skip
        for check in checks:
            if not self._over:
                check()

    def _on_transcribed(self, event: Transcribed) -> None:
        self._caller.transcribed(event)
        if not self._listening_sign():
            self._settle(self._caller.decide(self._now_ms, self._out))

    def _on_scored(self, event: TurnScored) -> None:
        self._caller.scored(event)
        self._settle(self._caller.decide(self._now_ms, self._out))

    def _speech_began(self) -> None:
        span, response = self._caller.tracker.span, self._response
        if response is not None and span is not None and self._interruptible(response):
            self._pause(response, span.start_ms)

    def _pause(self, response: Response, onset_ms: int) -> None:
        if response.paused:
            return
        response.paused = True
        if response.audible:
            response.barge_ms = (onset_ms, self._now_ms)
        if response.ledger.clauses:
            self._out.append(Pause(response.utterance))

    def _interruptible(self, response: Response) -> bool:
        if response.intends(Deed.MESSAGE):
            return False  # a machine talks on; it has nothing to say to us
        if response.paused:
            return True  # it was when the voice began; a farewell decided since then was not heard
        if response.kind in {Kind.NOTICE, Kind.GOODBYE}:
            return False
        if response.kind is Kind.ANSWER and not response.audible:
            return True  # nobody hears that it gives way to more words of the same turn
        if response.intends(Deed.HAND_OVER):
            return False
        return self._config.allow_interruptions and response.hang_up is None

    def _listening_sign(self) -> bool:
        """Go on at once when the words over the agent's were only a backchannel."""
        response, sign = self._response, self._caller.sign()
        if response is None or sign is None:
            return False
        if not response.audible and not response.intends(Deed.HAND_OVER):
            return False
        text, span, probe = sign
        language, left_ms = self._config.endpointing.language, response.ledger.left_ms
        hello = response.kind is Kind.GREETING and left_ms > NEARLY_DONE_MS and is_hello(text, language)
        after_question = response.ledger.at_question
        if not hello and not is_listening_sign(text, language, left_ms, after_question=after_question):
            return False
        self._items += 1
        said = Said(self._turns, self._items, text, text, span.start_ms)
        self._note_caller(said, Over(text, span.start_ms, span.last_voiced_ms, probe, "backchannel"), probe)
        self._caller.release()
        self._presence.answered()
        self._resume()
        return True

    def _settle(self, outcome: Outcome | None) -> None:
        if isinstance(outcome, Over):
            self._failures = 0
            self._turn_over(outcome)
        elif isinstance(outcome, Nothing):
            self._resume()
        elif isinstance(outcome, Failed):
            self._recognizer_failed()

    def _resume(self) -> None:
        response = self._response
        if response is None or not response.paused or self._keypad.collecting:
            return
        response.paused, response.barge_ms = False, None
        if response.ledger.clauses:
            self._out.append(Resume(response.utterance))
        self._finish_if_sent(response)

    def _recognizer_failed(self) -> None:
        self._failures += 1
        self._presence.answered()
        if self._closing:
            return
        if self._failures >= MAX_FAILURES:
            self._cut()
            self._hang_up(EndedBy.PROVIDER, "the recognizer failed on several turns in a row")
        elif self._response is not None and not self._interruptible(self._response):
            self._repeat_due = True
        else:
            self._cut()
            self._say(Kind.REPEAT, self._phrases.repeat)

    def _turn_over(self, over: Over) -> None:
        if self._greeting_unheard() and is_hello(over.text, self._config.endpointing.language):
            # "Hello?" into a line that is silent yet: the greeting is its answer.
            self._note_caller(self._said(over.text, over.start_ms), over, over.probe)
            self._presence.answered()
            self._resume()
            return
        clock = TurnClock(over.last_voiced_ms)
        clock.mark("vad_end", over.probe.asked_ms)
        if over.probe.text_ms is not None:
            clock.mark("final_transcript", over.probe.text_ms)
        self._take_turn(over, over.probe, clock)

    def _greeting_unheard(self) -> bool:
        response = self._response
        return self._greeting is not None or (
            response is not None and response.kind is Kind.GREETING and not response.heard
        )

    def _take_turn(self, over: Over | Entry, probe: Probe | None, clock: TurnClock) -> None:
        """Have the caller's words or keys answered, now or once the agent has said what must not be interrupted."""
        clock.mark("turn_decision", self._now_ms)
        self._greeting, self._repeat_due = None, False
        self._presence.answered()
        blocked = self._response is not None and not self._interruptible(self._response)
        if not blocked:
            self._cut()
        said = self._said(over.text, over.start_ms)
        self._note_caller(said, over, probe)
        if blocked:
            self._pending = said
        else:
            self._ask(said, clock)

    def _said(self, text: str, start_ms: int) -> Said:
        """Words to be answered. Earlier ones that got no heard answer go with them: the agent doesn't know them yet."""
        earlier, pending = self._unanswered, self._pending
        self._unanswered = self._pending = None
        before = pending or earlier
        if before is None:
            return self._new_said(text, text, start_ms)
        both = f"{before.text} {text}"
        if pending is None and self._agent_heard_since:
            return self._new_said(both, text, start_ms)
        # Nothing of the agent's came in between: both parts are one turn.
        return Said(before.turn, before.item, both, f"{before.shown} {text}", before.start_ms)

    def _new_said(self, text: str, shown: str, start_ms: int) -> Said:
        self._turns += 1
        self._items += 1
        return Said(self._turns, self._items, text, shown, start_ms)

    def _note_caller(self, said: Said, over: Over | Entry, probe: Probe | None) -> None:
        self._out.append(
            Turn(
                said.item, "user", said.turn, said.shown, said.start_ms, over.last_voiced_ms, final=True,
                reason=over.reason,
                confidence=probe.confidence if probe else None,
                words=probe.words if probe else (),
            )
        )  # fmt: skip

    def _ask(self, said: Said, clock: TurnClock | None) -> None:
        self._utterances += 1
        self._items += 1
        if clock is not None:
            clock.mark("model_request", self._now_ms)
        # A caller who is speaking at this moment is heard out first.
        paused = self._caller.speaking or self._keypad.collecting
        response = Response(self._utterances, Kind.ANSWER, said.turn, self._items, said, clock, paused=paused)
        self._response = response
        self._out.append(Ask(self._utterances, said.turn, said.text))

    def _on_key(self, event: Key) -> None:
        self._presence.answered()
        response = self._response
        if response is not None and self._interruptible(response):
            self._pause(response, event.at_ms)
        self._keyed(self._keypad.press(event.digit, event.at_ms))

    def _check_keys(self) -> None:
        self._keyed(self._keypad.due(self._now_ms))

    def _keyed(self, entry: Entry | None) -> None:
        if entry is not None:
            self._take_turn(entry, None, TurnClock(entry.last_voiced_ms))

    # ------------------------------------------------------------------ the agent

    def _say(self, kind: Kind, text: str, hang_up: EndedBy | None = None) -> None:
        self._utterances += 1
        self._items += 1
        response = Response(self._utterances, kind, self._turns, self._items, hang_up=hang_up)
        self._response = response
        self._speak(response, [*response.splitter.feed(text), *response.splitter.end()])
        self._complete(response)

    def _speak(self, response: Response, clauses: list[str]) -> None:
        for clause in clauses:
            number = response.ledger.add(clause)
            if response.clock is not None:
                response.clock.mark("first_clause", self._now_ms)
                response.clock.mark("tts_request", self._now_ms)
            self._out.append(Speak(response.utterance, number, clause))
            if response.paused and number == 0:
                # A voice that does not speak yet cannot be paused: the caller went on before the first clause.
                self._out.append(Pause(response.utterance))

    def _complete(self, response: Response) -> None:
        response.done = response.ledger.closed = True
        self._out.append(Close(response.utterance))

    def _current(self, utterance: int) -> Response | None:
        response = self._response
        return response if response is not None and response.utterance == utterance else None

    def _on_piece(self, event: Piece) -> None:
        response = self._current(event.utterance)
        if response is not None and not response.done:
            if response.clock is not None and event.text:
                response.clock.mark("first_token", event.at_ms)
            response.piece_ms = self._now_ms
            self._speak(response, response.splitter.feed(event.text))
            if event.whole:
                self._speak(response, response.splitter.end())

    def _on_intended(self, event: Intended) -> None:
        response = self._current(event.utterance)
        if response is None or response.done:
            return
        # What was said before the deed is spoken before it.
        self._speak(response, response.splitter.end())
        response.intent = Intent(event.deed, event.at_ms, event.limit_ms)
        if event.deed is Deed.MESSAGE:
            self._resume()
        self._act_when_due()

    def _on_acted(self, event: Acted) -> None:
        if response := self._current(event.utterance):
            response.intent = None

    def _on_beeped(self, _: Beeped) -> None:
        response = self._response
        if response is not None and response.intent is not None:
            response.intent.beeped = True
            self._act_when_due()

    def _act_when_due(self) -> None:
        response = self._response
        if response is None or response.intent is None or response.paused:
            return
        certain_ms = self._config.endpointing.max_delay_ms or MAX_DELAY_MS
        quiet_ms = self._now_ms - self._caller.last_voiced_ms
        moment = Moment(self._now_ms, quiet_ms, certain_ms, self._caller.speaking, response.committed)
        if is_due(response.intent, response.ledger, moment):
            response.committed = response.intent.begun = True
            if response.intent.deed is Deed.ACT:
                response.intent = None
            self._out.append(Act(response.utterance))

    def _speak_held(self) -> None:
        """Give voice to words whose stream has halted."""
        response = self._response
        if response is None or response.done or not response.splitter.held:
            return
        limit_ms = HELD_SENTENCE_MS if is_whole(response.splitter.held) else HELD_WORDS_MS
        if self._now_ms - response.piece_ms >= limit_ms:
            self._speak(response, response.splitter.end())

    def _on_agent_done(self, event: AgentDone) -> None:
        response = self._current(event.utterance)
        if response is None or response.done:
            return
        self._speak(response, response.splitter.end())
        if event.failed or event.hang_up:
            response.hang_up = EndedBy.PROVIDER if event.failed else event.reason
        self._complete(response)
        self._adopt_if_heard(response)
        self._finish_if_sent(response)

    def _on_audio_made(self, event: AudioMade) -> None:
        if response := self._current(event.utterance):
            if response.clock is not None and event.duration_ms:
                response.clock.mark("first_byte", event.at_ms)
            response.ledger.made(event.clause, event.duration_ms, last=event.last, failed=event.failed)
            self._finish_if_sent(response)

    def _on_audio_sent(self, event: AudioSent) -> None:
        response = self._current(event.utterance)
        if response is None:
            return
        response.ledger.sent(event.sent_ms)
        response.last_ms = event.at_ms
        if not response.audible:
            self._first_packet(response, event.at_ms)
        self._act_when_due()
        self._adopt_if_heard(response)
        self._show(response)
        self._finish_if_sent(response)

    def _first_packet(self, response: Response, at_ms: int) -> None:
        response.started_ms = at_ms
        self._agent_heard_since = True
        if response.clock is not None:
            response.clock.mark("first_packet", at_ms)
            self._out.append(Measured(response.turn, response.clock.stages()))

    def _show(self, response: Response) -> None:
        """Let the record have what was heard so far, at the end of a clause and each second."""
        ledger, sent = response.ledger, response.ledger.clauses_sent()
        if ledger.finished or (sent <= response.shown_clauses and ledger.sent_ms - response.shown_ms < SHOW_MS):
            return
        response.shown_clauses, response.shown_ms = sent, ledger.sent_ms
        self._out.append(response.turn_item(final=False))

    def _adopt_if_heard(self, response: Response) -> None:
        # Not with its first packet: an answer cut before its first word never was, and its question is asked anew.
        if response.done and not response.adopted and response.heard:
            self._adopt(response)

    def _adopt(self, response: Response) -> None:
        if not response.adopted:
            response.adopted = True
            self._out.append(Adopt(response.utterance, response.ledger.text))

    def _finish_if_sent(self, response: Response) -> None:
        held = response.paused and not response.audible
        if not response.done or held or not response.ledger.finished:
            return
        self._response = None
        self._presence.quiet_from(self._now_ms)
        if response.ledger.clauses and response.ledger.silent:
            self._voice_failed(response)
            return
        self._adopt(response)
        self._mute_answers = 0
        if response.audible:
            self._out.append(response.turn_item(final=True))
        if response.hang_up is not None:
            self._hang_up(response.hang_up, self._farewell(response))
        elif self._pending is not None:
            said, self._pending = self._pending, None
            # No clock: the caller spoke over the agent, so the wait since then is not the agent's slowness.
            self._ask(said, None)
        elif self._repeat_due and not self._caller.speaking:
            self._repeat_due = False
            self._say(Kind.REPEAT, self._phrases.repeat)

    @staticmethod
    def _farewell(response: Response) -> str:
        if response.hang_up is EndedBy.PROVIDER:
            return "the agent could not answer"
        return f"after the agent's last word ({response.kind})"

    def _voice_failed(self, response: Response) -> None:
        """Nobody heard it: an answer is asked for once more, anything else ends the call."""
        self._out.append(DropAnswer(response.utterance, ""))
        self._mute_answers += 1
        final = response.hang_up is not None or response.kind is not Kind.ANSWER
        if final or self._mute_answers >= MAX_MUTE_ANSWERS:
            self._hang_up(response.hang_up or EndedBy.PROVIDER, "the voice gave no audio")
        else:
            self._leave_unanswered(response)
            self._say(Kind.REPEAT, self._phrases.repeat)

    def _cut(self) -> None:
        """End the present utterance where it is: what was not heard was not said."""
        response, self._response = self._response, None
        if response is None:
            return
        self._out.append(DropAnswer(response.utterance, response.ledger.heard))
        self._leave_unanswered(response)
        if not response.audible:
            return
        self._out.append(response.turn_item(final=True, interrupted=True))
        if response.barge_ms is not None and response.last_ms is not None:
            onset_ms, decided_ms = response.barge_ms
            stages: dict[str, float | None] = {
                "barge_in": float(max(0, response.last_ms - onset_ms)),
                "barge_in_decision": float(decided_ms - onset_ms),
            }
            self._out.append(Measured(response.turn, stages))

    def _leave_unanswered(self, response: Response) -> None:
        # What an answer did stands, so the agent knows the words that it answered.
        if response.to is not None and not response.heard and not response.committed:
            self._unanswered, self._agent_heard_since = response.to, False

    # ------------------------------------------------------------------ limits

    def _check_duration(self) -> None:
        left_ms = self._config.max_duration_ms - (self._now_ms - self._started_ms)
        if left_ms <= 0 and not self._closing:
            self._closing = True
            self._cut()
            self._say(Kind.GOODBYE, self._phrases.goodbye, EndedBy.MAX_DURATION)
        elif left_ms <= -GOODBYE_LIMIT_MS:
            self._cut()
            self._hang_up(EndedBy.MAX_DURATION, "the goodbye was not said in time")

    def _check_presence(self) -> None:
        if self._response is not None or self._greeting is not None or self._keypad.collecting:
            self._presence.quiet_from(self._now_ms)
        elif self._caller.speaking or not self._presence.due(self._now_ms):
            return
        elif self._presence.exhausted:
            self._hang_up(EndedBy.SILENCE, f"no word after {self._presence.times} presence checks")
        else:
            self._say(Kind.PRESENCE, self._presence.next_phrase())

    def _hang_up(self, reason: EndedBy, detail: str) -> None:
        self._over = True
        self._out.append(HangUp(reason, detail))
