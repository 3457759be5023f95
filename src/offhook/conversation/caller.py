"""The caller's side: spans of speech, probed at each pause, to turns with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from offhook.conversation.endpointing import (
    ANSWER_LIMIT_MS,
    PROBE_MS,
    EndpointingConfig,
    TurnMode,
    verdict,
)
from offhook.conversation.events import (
    Command,
    DropTranscription,
    Ignored,
    ScoreTurn,
    Transcribe,
    Transcribed,
    TurnScored,
)
from offhook.conversation.turns import Span, SpeechTracker
from offhook.conversation.words import words_of

PREROLL_MS = 300  # before the onset: unvoiced consonants come up to 200 ms ahead of what a VAD calls voice
MIN_VOICED_MS = 128  # below this the recognizer invents words; the shortest "no" in the sets has 160
NO_WORDS_MS = 400  # silence after which a span without words is dropped
LONG_SPAN_MS = 12_000  # a pause in a longer span keeps its text instead of decoding it all again
LONGEST_SPAN_MS = 24_000  # the recognizer takes at most 28 s at once
SEAM_MS = 100  # half of a probe's silence: where a kept part ends, so that no word is in two parts


@dataclass(slots=True)
class Probe:
    """Text and score asked for at one pause."""

    request: int
    asked_ms: int
    start_ms: int
    last_voiced_ms: int
    text: str | None = None
    score: float | None = None
    failed: bool = False
    confidence: float | None = None
    words: tuple[tuple[str, int, int], ...] = ()
    text_ms: int | None = None


@dataclass(slots=True)
class Part:
    """An earlier part of a long turn; ``text`` is None while the recognizer works on it."""

    request: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """A turn of the caller is over."""

    text: str
    start_ms: int
    last_voiced_ms: int
    probe: Probe
    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """The span held no words."""

    start_ms: int
    end_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The recognizer failed on the span."""

    start_ms: int
    last_voiced_ms: int


Outcome = Over | Nothing | Failed


@dataclass(slots=True)
class CallerSide:
    """Feed windows and answers; ``take`` the outcome when there is one.

    ``late`` is a request that was given up: its words still count when they come, alone or with the next turn.
    """

    config: EndpointingConfig
    tracker: SpeechTracker = field(default_factory=SpeechTracker)
    probe: Probe | None = None
    parts: list[Part] = field(default_factory=list)
    late: Probe | None = None
    _start_ms: int | None = None
    _audio_ms: int | None = None
    _taken_ms: int = 0
    _requests: int = 0

    @property
    def speaking(self) -> bool:
        """Whether a span is open."""
        return self.tracker.span is not None

    @property
    def last_voiced_ms(self) -> int:
        """When the caller's voice was last heard, in this span or the one before."""
        return self._taken_ms if self.tracker.span is None else self.tracker.span.last_voiced_ms

    def window(
        self, at_ms: int, probability: float, confirm_ms: int, out: list[Command]
    ) -> tuple[bool, Outcome | None]:
        """One VAD window: whether speech has just begun, and the outcome of the span if it is over."""
        began = self.tracker.feed(at_ms, probability, confirm_ms)
        span = self.tracker.span
        if span is None:
            return False, None
        if span.silence_ms(at_ms) < PROBE_MS:
            self._goes_on(span, at_ms, out)
            return began, None
        if self.probe is None:
            if span.voiced_ms < MIN_VOICED_MS and not self.parts:
                return began, self._nothing(span, at_ms, "too_short", out)
            self._ask(span, at_ms, out)
        return began, self.decide(at_ms, out)

    def transcribed(self, event: Transcribed) -> None:
        """Take a text; one for a request no longer open is void (its span was asked for again)."""
        text = event.text.strip()
        for part in self.parts:
            if part.request == event.request:
                part.text = text
        for probe in (self.probe, self.late):
            if probe is not None and event.request == probe.request:
                probe.text, probe.failed, probe.text_ms = text, event.failed, event.at_ms
                probe.confidence, probe.words = event.confidence, event.words

    def scored(self, event: TurnScored) -> None:
        """Take a score."""
        if self.probe is not None and event.request == self.probe.request:
            self.probe.score = event.score

    def decide(self, now_ms: int, out: list[Command]) -> Outcome | None:
        """The outcome of the open span at this moment, if it can be told."""
        late = self._late_turn()
        span, probe = self.tracker.span, self.probe
        if span is None or probe is None:
            return late
        silence_ms = span.silence_ms(now_ms)
        waiting = probe.text is None or any(part.text is None for part in self.parts)
        if waiting and silence_ms < ANSWER_LIMIT_MS:
            return None
        text = self._text()
        if not words_of(text):
            if probe.text is None or probe.failed:
                return self._failed(span, probe, out)
            return self._nothing(span, now_ms, "no_words", out) if silence_ms >= NO_WORDS_MS else None
        judged = verdict(self.config, text, probe.score)
        if silence_ms < judged.silence_ms:
            return None
        return self._over(span, probe, text, judged.reason, out)

    def sign(self) -> tuple[str, Span, Probe] | None:
        """The words of a span that has no more of them than these; they may only be a sign of listening."""
        span, probe = self.tracker.span, self.probe
        if span is None or probe is None or not probe.text or self.parts:
            return None
        return probe.text, span, probe

    def release(self) -> None:
        """Forget the span: it was a sign of listening."""
        self._end([])

    def unfinished(self, out: list[Command]) -> Over | None:
        """The words at hand of a span that the end of the call cut short."""
        span, probe, text = self.tracker.span, self.probe, self._text()
        if span is None or not words_of(text):
            return None
        probe = probe or Probe(0, span.last_voiced_ms, span.start_ms, span.last_voiced_ms)
        return self._over(span, probe, text, "call_ended", out)

    def _text(self) -> str:
        texts = [part.text or "" for part in self.parts]
        if self.probe is not None:
            texts.append(self.probe.text or "")
        return " ".join(text for text in texts if text)

    def _late_turn(self) -> Over | None:
        late = self.late
        if late is None or late.text is None:
            return None
        self.late = None
        if not words_of(late.text):
            return None
        if self.speaking:
            # The caller speaks again: one turn, in the order in which it was said.
            self.parts.insert(0, Part(late.request, late.text))
            self._start_ms = late.start_ms
            return None
        return Over(late.text, late.start_ms, late.last_voiced_ms, late, "late_transcript")

    def _goes_on(self, span: Span, at_ms: int, out: list[Command]) -> None:
        probe = self.probe
        if probe is not None and span.last_voiced_ms > probe.last_voiced_ms:
            if probe.text and at_ms - span.start_ms > LONG_SPAN_MS:
                self.parts.append(Part(probe.request, probe.text))
                self._continue(span, probe.asked_ms - SEAM_MS)
            elif probe.text is None:
                out.append(DropTranscription(probe.request))
            self.probe = None
        if at_ms - span.start_ms > LONGEST_SPAN_MS:
            self._requests += 1
            self.parts.append(Part(self._requests))
            out.append(Transcribe(self._requests, self._audio_start(span), at_ms))
            self._continue(span, at_ms)

    def _continue(self, span: Span, cut_ms: int) -> None:
        if self._start_ms is None:
            self._start_ms = span.start_ms
        span.start_ms = self._audio_ms = cut_ms

    def _audio_start(self, span: Span) -> int:
        if self._audio_ms is not None:
            return self._audio_ms
        return max(self._taken_ms, span.start_ms - PREROLL_MS)

    def _ask(self, span: Span, at_ms: int, out: list[Command]) -> None:
        self._requests += 1
        start_ms = self._audio_start(span)
        self.probe = Probe(self._requests, at_ms, span.start_ms, span.last_voiced_ms)
        out.append(Transcribe(self._requests, start_ms, at_ms))
        if self.config.mode is TurnMode.SMART:
            out.append(ScoreTurn(self._requests, start_ms, at_ms))

    def _over(self, span: Span, probe: Probe, text: str, reason: str, out: list[Command]) -> Over:
        start_ms = span.start_ms if self._start_ms is None else self._start_ms
        self._end(out)
        if self.late is not None:
            out.append(DropTranscription(self.late.request))
            self.late = None
        return Over(text, start_ms, span.last_voiced_ms, probe, reason)

    def _nothing(self, span: Span, at_ms: int, reason: str, out: list[Command]) -> Nothing:
        self._end(out)
        out.append(Ignored(span.start_ms, at_ms, reason))
        return Nothing(span.start_ms, at_ms, reason)

    def _failed(self, span: Span, probe: Probe, out: list[Command]) -> Failed:
        if probe.text is None:
            if self.late is not None:
                out.append(DropTranscription(self.late.request))
            # Kept out of `_end`, which would drop the request: a late text is still wanted.
            self.late, self.probe = probe, None
        self._end(out)
        return Failed(span.start_ms, span.last_voiced_ms)

    def _end(self, out: list[Command]) -> None:
        if self.tracker.span is not None:
            self._taken_ms = self.tracker.span.last_voiced_ms
        asked: list[Part | Probe] = [*self.parts, self.probe] if self.probe is not None else [*self.parts]
        out += [DropTranscription(each.request) for each in asked if each.text is None]
        self.tracker.end()
        self.probe, self._start_ms, self._audio_ms = None, None, None
        self.parts = []
