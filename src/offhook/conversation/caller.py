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

PREROLL_MS = 300  # before the onset: unvoiced consonants come up to 200 ms ahead of what a VAD calls voice
MIN_VOICED_MS = 128  # below this the recognizer invents words; the shortest "no" in the sets has 160
NO_WORDS_MS = 400  # silence after which a span without words is dropped
LONG_SPAN_MS = 12_000  # a pause in a longer span keeps its text instead of decoding it all again
LONGEST_SPAN_MS = 24_000  # the recognizer takes at most 28 s at once


@dataclass(slots=True)
class Probe:
    """Text and score asked for at one pause."""

    request: int
    asked_ms: int
    last_voiced_ms: int
    end_ms: int
    text: str | None = None
    score: float | None = None
    failed: bool = False
    confidence: float | None = None
    words: tuple[tuple[str, int, int], ...] = ()
    text_ms: int | None = None


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
    """Feed windows and answers; ``take`` the outcome when there is one."""

    config: EndpointingConfig
    tracker: SpeechTracker = field(default_factory=SpeechTracker)
    probe: Probe | None = None
    prefix: str = ""
    prefix_start_ms: int | None = None
    _requests: int = 0
    _prefix_requests: set[int] = field(default_factory=set)

    @property
    def speaking(self) -> bool:
        """Whether a span is open."""
        return self.tracker.span is not None

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
            if span.voiced_ms < MIN_VOICED_MS and not self.prefix:
                return began, self._nothing(span, at_ms, "too_short", out)
            self._ask(span, at_ms, out)
        return began, self.decide(at_ms, out)

    def transcribed(self, event: Transcribed) -> None:
        """Take a text; one for a request no longer open is void (its span was asked for again)."""
        if event.request in self._prefix_requests:
            self._prefix_requests.discard(event.request)
            self.prefix = f"{self.prefix} {event.text}".strip()
        elif self.probe is not None and event.request == self.probe.request:
            self.probe.text, self.probe.failed = event.text.strip(), event.failed
            self.probe.confidence, self.probe.words, self.probe.text_ms = event.confidence, event.words, event.at_ms

    def scored(self, event: TurnScored) -> None:
        """Take a score."""
        if self.probe is not None and event.request == self.probe.request:
            self.probe.score = event.score

    def decide(self, now_ms: int, out: list[Command]) -> Outcome | None:
        """The outcome of the open span at this moment, if it can be told."""
        span, probe = self.tracker.span, self.probe
        if span is None or probe is None:
            return None
        silence_ms = span.silence_ms(now_ms)
        if probe.text is None and now_ms - probe.asked_ms < ANSWER_LIMIT_MS:
            return None
        if probe.text is None or probe.failed:
            self._end(out)
            return Failed(span.start_ms, span.last_voiced_ms)
        text = f"{self.prefix} {probe.text}".strip()
        if not text:
            return self._nothing(span, now_ms, "no_words", out) if silence_ms >= NO_WORDS_MS else None
        judged = verdict(self.config, text, probe.score)
        if silence_ms < judged.silence_ms or self._prefix_requests:
            return None
        start_ms = span.start_ms if self.prefix_start_ms is None else self.prefix_start_ms
        self._end(out)
        return Over(text, start_ms, span.last_voiced_ms, probe, judged.reason)

    def _goes_on(self, span: Span, at_ms: int, out: list[Command]) -> None:
        probe = self.probe
        if probe is not None and span.last_voiced_ms > probe.last_voiced_ms:
            if probe.text and at_ms - span.start_ms > LONG_SPAN_MS:
                self._keep(span, probe.end_ms)
                self.prefix = f"{self.prefix} {probe.text}".strip()
            elif probe.text is None:
                out.append(DropTranscription(probe.request))
            self.probe = None
        if at_ms - span.start_ms > LONGEST_SPAN_MS:
            self._requests += 1
            self._prefix_requests.add(self._requests)
            out.append(Transcribe(self._requests, max(0, span.start_ms - PREROLL_MS), at_ms))
            self._keep(span, at_ms)

    def _keep(self, span: Span, cut_ms: int) -> None:
        if self.prefix_start_ms is None:
            self.prefix_start_ms = span.start_ms
        span.start_ms = cut_ms

    def _ask(self, span: Span, at_ms: int, out: list[Command]) -> None:
        self._requests += 1
        start_ms = max(0, span.start_ms - PREROLL_MS)
        self.probe = Probe(self._requests, at_ms, span.last_voiced_ms, at_ms)
        out.append(Transcribe(self._requests, start_ms, at_ms))
        if self.config.mode is TurnMode.SMART:
            out.append(ScoreTurn(self._requests, start_ms, at_ms))

    def _nothing(self, span: Span, at_ms: int, reason: str, out: list[Command]) -> Nothing:
        self._end(out)
        out.append(Ignored(span.start_ms, at_ms, reason))
        return Nothing(span.start_ms, at_ms, reason)

    def _end(self, out: list[Command]) -> None:
        if self.probe is not None and self.probe.text is None:
            out.append(DropTranscription(self.probe.request))
        self.tracker.end()
        self.probe, self.prefix, self.prefix_start_ms = None, "", None
        self._prefix_requests.clear()
