"""The state machine of a conversation: the caller's turns on one side, the agent's utterances on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from offhook.conversation.bargein import Sensitivity, confirm_ms, is_listening_sign
from offhook.conversation.caller import CallerSide, Failed, Nothing, Outcome, Over
from offhook.conversation.endpointing import EndpointingConfig
from offhook.conversation.events import (
    Adopt,
    AgentDone,
    Ask,
    AudioMade,
    AudioSent,
    Close,
    Command,
    DropAnswer,
    EndedBy,
    Event,
    HangUp,
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
from offhook.conversation.latency import TurnClock
from offhook.conversation.phrases import Phrases, phrases
from offhook.conversation.presence import PresenceCheck
from offhook.conversation.response import Kind, Response, Said

KEYPAD_PAUSE_MS = 1500  # between keys; people look for the next one for about a second
MAX_FAILURES = 3  # turns in a row that could not be recognized before the call is given up


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
        self._pending: tuple[Said, TurnClock] | None = None
        self._greeting: str | None = None
        self._barge_onset_ms: int | None = None
        self._barge_decision_ms: int | None = None
        self._keys, self._key_ms = "", 0
        self._utterances = self._turns = self._items = self._failures = 0
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
        """The call is over for another reason: cut what is being said, so that its item is in the transcript."""
        if not self._over:
            self._now_ms = max(self._now_ms, at_ms)
            self._over = True
            self._cut()
        out, self._out = self._out, []
        return out

    # ------------------------------------------------------------------ the clock and the caller

    def _on_started(self, event: Started) -> None:
        self._presence.quiet_from(event.at_ms)
        self._greeting = event.greeting
        self._greet_when_due()

    def _greet_when_due(self) -> None:
        if self._greeting and self._now_ms >= self._config.greeting_delay_ms:
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
        self._greet_when_due()
        self._check_keys()
        self._check_limits()

    def _on_transcribed(self, event: Transcribed) -> None:
        self._caller.transcribed(event)
        if not self._listening_sign():
            self._settle(self._caller.decide(self._now_ms, self._out))

    def _on_scored(self, event: TurnScored) -> None:
        self._caller.scored(event)
        self._settle(self._caller.decide(self._now_ms, self._out))

    def _speech_began(self) -> None:
        span, response = self._caller.tracker.span, self._response
        if response is None or span is None or not self._interruptible(response):
            return
        response.paused = True
        if response.audible:
            self._barge_onset_ms, self._barge_decision_ms = span.start_ms, self._now_ms
        self._out.append(Pause(response.utterance))

    def _interruptible(self, response: Response) -> bool:
        farewell = response.kind is Kind.GOODBYE or response.hang_up is not None
        return self._config.allow_interruptions and not farewell

    def _listening_sign(self) -> bool:
        """Resume at once when the words over the agent's were only a backchannel."""
        response, probe, span = self._response, self._caller.probe, self._caller.tracker.span
        if response is None or probe is None or span is None or not response.paused or not response.audible:
            return False
        text = probe.text or ""
        language = self._config.endpointing.language
        if not is_listening_sign(text, language, response.unheard_ms, response.ledger.text):
            return False
        self._items += 1
        self._out.append(
            Turn(
                self._items, "user", self._turns, text, span.start_ms, span.last_voiced_ms, final=True,
                reason="backchannel", confidence=probe.confidence, words=probe.words,
            )
        )  # fmt: skip
        self._caller.tracker.end()
        self._caller.probe = None
        self._presence.answered()
        self._resume()
        return True

    def _settle(self, outcome: Outcome | None) -> None:
        if isinstance(outcome, Over):
            self._failures = 0
            self._turn_over(outcome)
        elif isinstance(outcome, Nothing):
            self._presence.quiet_from(self._now_ms)
            self._resume()
        elif isinstance(outcome, Failed):
            self._recognizer_failed()

    def _resume(self) -> None:
        response = self._response
        if response is not None and response.paused:
            response.paused = False
            self._barge_onset_ms = None
            self._out.append(Resume(response.utterance))

    def _recognizer_failed(self) -> None:
        self._failures += 1
        self._cut()
        if self._failures >= MAX_FAILURES:
            self._hang_up(EndedBy.PROVIDER, "the recognizer failed on several turns in a row")
        else:
            self._say(Kind.REPEAT, self._phrases.repeat)

    def _turn_over(self, over: Over) -> None:
        earlier = self._response.to if self._response and not self._response.audible else None
        if earlier is not None and self._response is not None:
            # The caller went on before hearing any answer: both parts are one turn.
            said = Said(earlier.turn, earlier.item, f"{earlier.text} {over.text}", earlier.start_ms)
        else:
            self._turns += 1
            self._items += 1
            said = Said(self._turns, self._items, over.text, over.start_ms)
        probe = over.probe
        self._out.append(
            Turn(
                said.item, "user", said.turn, said.text, said.start_ms, over.last_voiced_ms, final=True,
                reason=over.reason, confidence=probe.confidence, words=probe.words,
            )
        )  # fmt: skip
        clock = TurnClock(over.last_voiced_ms)
        clock.mark("vad_end", probe.asked_ms)
        if probe.text_ms is not None:
            clock.mark("final_transcript", probe.text_ms)
        clock.mark("turn_decision", self._now_ms)
        self._presence.answered()
        self._answer(said, clock)

    def _answer(self, said: Said, clock: TurnClock) -> None:
        response = self._response
        if response is not None and not self._interruptible(response):
            self._pending = (said, clock)
            return
        self._cut()
        self._utterances += 1
        self._items += 1
        clock.mark("model_request", self._now_ms)
        self._response = Response(self._utterances, Kind.ANSWER, said.turn, self._items, said, clock)
        self._out.append(Ask(self._utterances, said.turn, said.text))

    def _on_key(self, event: Key) -> None:
        self._presence.answered()
        self._key_ms = event.at_ms
        if event.digit != "#":
            self._keys += event.digit
        self._check_keys(finished=event.digit == "#")

    def _check_keys(self, *, finished: bool = False) -> None:
        if not self._keys or not (finished or self._now_ms - self._key_ms >= KEYPAD_PAUSE_MS):
            return
        keys, self._keys = self._keys, ""
        self._turns += 1
        self._items += 1
        said = Said(self._turns, self._items, keys, self._key_ms)
        self._out.append(
            Turn(said.item, "user", said.turn, keys, self._key_ms, self._key_ms, final=True, reason="keypad")
        )
        clock = TurnClock(self._key_ms)
        clock.mark("turn_decision", self._now_ms)
        self._answer(said, clock)

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

    def _complete(self, response: Response) -> None:
        response.done = response.ledger.closed = True
        self._out.append(Close(response.utterance))

    def _current(self, utterance: int) -> Response | None:
        response = self._response
        return response if response is not None and response.utterance == utterance else None

    def _on_piece(self, event: Piece) -> None:
        if response := self._current(event.utterance):
            if response.clock is not None:
                response.clock.mark("first_token", event.at_ms)
            self._speak(response, response.splitter.feed(event.text))

    def _on_agent_done(self, event: AgentDone) -> None:
        response = self._current(event.utterance)
        if response is None:
            return
        self._speak(response, response.splitter.end())
        if event.failed or event.hang_up:
            response.hang_up = EndedBy.PROVIDER if event.failed else EndedBy.AGENT
        self._complete(response)
        if response.audible or not response.ledger.clauses:
            self._adopt(response)
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
        response.ledger.sent_ms, response.last_ms = event.sent_ms, event.at_ms
        if not response.audible:
            self._first_packet(response, event.at_ms)
        if response.ledger.clauses_sent() > response.shown_clauses:
            response.shown_clauses = response.ledger.clauses_sent()
            if not response.ledger.finished:
                self._out.append(response.turn_item(final=False))
        self._finish_if_sent(response)

    def _first_packet(self, response: Response, at_ms: int) -> None:
        response.started_ms = at_ms
        if response.clock is not None:
            response.clock.mark("first_packet", at_ms)
            self._out.append(Measured(response.turn, response.clock.stages()))
        if response.done:
            self._adopt(response)

    def _adopt(self, response: Response) -> None:
        if not response.adopted:
            response.adopted = True
            self._out.append(Adopt(response.utterance, response.ledger.text))

    def _finish_if_sent(self, response: Response) -> None:
        if not response.done or not (response.ledger.finished or response.ledger.silent):
            return
        self._adopt(response)
        if response.audible:
            self._out.append(response.turn_item(final=True))
        self._response = None
        self._presence.quiet_from(self._now_ms)
        if response.ledger.clauses and response.ledger.silent:
            self._hang_up(response.hang_up or EndedBy.PROVIDER, "the voice gave no audio")
        elif response.hang_up is not None:
            self._hang_up(response.hang_up, f"after the agent's last word ({response.kind})")
        elif self._pending is not None:
            (said, clock), self._pending = self._pending, None
            self._answer(said, clock)

    def _cut(self) -> None:
        """End the present utterance where it is: what was not heard was not said."""
        response, self._response = self._response, None
        if response is None:
            return
        self._out.append(DropAnswer(response.utterance, response.ledger.heard))
        if not response.audible:
            return
        self._out.append(response.turn_item(final=True, interrupted=True))
        if self._barge_onset_ms is not None and response.last_ms is not None:
            onset_ms, decided_ms = self._barge_onset_ms, self._barge_decision_ms or self._barge_onset_ms
            stages: dict[str, float | None] = {
                "barge_in": float(max(0, response.last_ms - onset_ms)),
                "barge_in_decision": float(decided_ms - onset_ms),
            }
            self._out.append(Measured(response.turn, stages))
        self._barge_onset_ms = None

    # ------------------------------------------------------------------ limits

    def _check_limits(self) -> None:
        if self._now_ms >= self._config.max_duration_ms and not self._closing:
            self._closing = True
            self._pending = None
            self._cut()
            self._say(Kind.GOODBYE, self._phrases.goodbye, EndedBy.MAX_DURATION)
        if self._response is not None or self._caller.speaking or self._greeting or self._keys:
            self._presence.quiet_from(self._now_ms)
        elif self._presence.due(self._now_ms):
            if self._presence.exhausted:
                self._hang_up(EndedBy.SILENCE, f"no word after {self._presence.times} presence checks")
            else:
                self._say(Kind.PRESENCE, self._presence.next_phrase())

    def _hang_up(self, reason: EndedBy, detail: str) -> None:
        self._over = True
        self._out.append(HangUp(reason, detail))
