"""A stage where a conversation plays in virtual time, with caller, recognizer, turn model, agent, voice and line."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from offhook.conversation import events as talk
from offhook.conversation.events import WINDOW_MS
from offhook.conversation.session import Conversation, ConversationConfig

LETTERS_A_SECOND = 15
FRAME_MS = 20


@dataclass
class Answer:
    """What the agent answers: pieces of text as a model streams them, one every ``piece_ms``."""

    pieces: list[str]
    delay_ms: int = 200
    piece_ms: int = 20
    hang_up: bool = False
    failed: bool = False
    deed: talk.Deed | None = None
    limit_ms: int = 30_000
    takes_ms: int = 500
    then: list[str] = field(default_factory=list)
    reason: talk.EndedBy = talk.EndedBy.AGENT


@dataclass
class Spoken:
    """A stretch of the caller's sound; noise has no words."""

    start_ms: int
    end_ms: int
    words: list[tuple[int, str]]


@dataclass
class Playing:
    """The utterance that the line plays."""

    number: int
    made_ms: int = 0
    sent_ms: int = 0
    paused_ms: int | None = None
    voice_free_ms: int = 0


class Rules:
    """What must hold for any commands in any order; ``check`` takes them as they come."""

    def __init__(self) -> None:
        self.kinds: dict[int, str] = {}
        self.dropped: set[int] = set()
        self.adopted: set[int] = set()
        self.acted: set[int] = set()
        self.closed: set[int] = set()
        self.clauses: dict[int, int] = {}
        self.items: dict[int, tuple[str, int]] = {}
        self.over = False

    def check(self, command: talk.Command) -> None:
        assert not self.over, f"nothing may follow the hang-up: {command}"
        match command:
            case talk.Ask():
                assert command.utterance not in self.kinds, "one question an utterance"
                self.kinds[command.utterance] = "answer"
            case talk.Speak():
                self._alive(command)
                assert command.utterance not in self.closed, "nothing is spoken after the last clause"
                assert command.clause == self.clauses.get(command.utterance, 0), "clauses come in order"
                self.clauses[command.utterance] = command.clause + 1
            case talk.Pause() | talk.Resume():
                self._alive(command)
            case talk.Close():
                self._alive(command)
                assert command.utterance not in self.closed, "closed once"
                self.closed.add(command.utterance)
            case talk.Adopt():
                self._alive(command)
                assert command.utterance not in self.adopted, "adopted once"
                self.adopted.add(command.utterance)
            case talk.Act():
                self._alive(command)
                assert command.utterance not in self.acted, "one deed at a time was intended"
                self.acted.add(command.utterance)
            case talk.DropAnswer():
                self._alive(command)
                self.dropped.add(command.utterance)
            case talk.Turn():
                whose = (command.role, command.turn)
                assert self.items.setdefault(command.item, whose) == whose, "an item keeps its speaker and turn"
            case talk.HangUp():
                self.over = True

    def _alive(self, command: talk.Command) -> None:
        assert command.utterance not in self.dropped, f"dropped before: {command}"


@dataclass
class Stage:
    """Write down who says what when, ``run``, and read the transcript."""

    config: ConversationConfig = field(default_factory=ConversationConfig)
    recognizer_ms: int = 150
    score: float | None = 0.95
    score_ms: int = 40
    voice_ms: int = 60
    answers: list[str | Answer] = field(default_factory=list)
    mute: Callable[[str], bool] = lambda text: False
    hears: Callable[[int, str], str | None] = lambda request, text: text

    def __post_init__(self) -> None:
        self.conversation = Conversation(self.config)
        self.now_ms = 0
        self.log: list[tuple[int, talk.Command]] = []
        self.sounds: list[Spoken] = []
        self.playing: Playing | None = None
        self.sent_at: list[int] = []
        self.asked: list[str] = []
        self.rules = Rules()
        self._void: set[int] = set()
        self._dropped: set[int] = set()
        self._going_on: dict[int, Callable[[], None]] = {}
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._at(WINDOW_MS, self._window)
        self._at(FRAME_MS, self._frame)

    # ------------------------------------------------------------------ what happens on it

    def start(self, greeting: str | None = None, notice: str | None = None) -> Stage:
        self._tell(talk.Started(0, greeting, notice))
        return self

    def caller(self, text: str, *, after: int = 0, ms: int | None = None) -> Spoken:
        """The caller says this, ``after`` ms from now or from the end of what was said last, if that is later."""
        length_ms = ms or max(192, len(text) * 1000 // LETTERS_A_SECOND)
        start_ms = max(self.now_ms, max((sound.end_ms for sound in self.sounds), default=0)) + after
        words, step = text.split(), length_ms / max(1, len(text.split()))
        timed = [(int(start_ms + (index + 0.5) * step), word) for index, word in enumerate(words)]
        sound = Spoken(start_ms, start_ms + length_ms, timed)
        self.sounds.append(sound)
        return sound

    def noise(self, ms: int, *, after: int = 0) -> Spoken:
        return self.caller("", after=after, ms=ms)

    def key(self, digit: str) -> None:
        self._tell(talk.Key(self.now_ms, digit))

    def beep(self) -> None:
        self._tell(talk.Beeped(self.now_ms))

    def run(self, ms: int) -> Stage:
        end_ms = self.now_ms + ms
        while self._queue and self._queue[0][0] <= end_ms:
            self.now_ms, _, act = heapq.heappop(self._queue)
            act()
        self.now_ms = end_ms
        return self

    def run_until(self, kind: type, limit_ms: int = 30_000) -> int:
        """Go on until a further command of this kind comes; its time."""
        before, end_ms = len(self.of(kind)), self.now_ms + limit_ms
        while len(self.of(kind)) == before:
            assert self.now_ms < end_ms, f"no {kind.__name__} within {limit_ms} ms:\n{self.story}"
            self.run(4)
        return self.when(kind)[-1]

    def hang_up(self) -> None:
        """The caller puts the phone down."""
        self.rules.over = False
        self._do(self.conversation.close(self.now_ms))

    # ------------------------------------------------------------------ what is seen of it

    def of(self, kind: type) -> list:
        return [command for _, command in self.log if isinstance(command, kind)]

    def when(self, kind: type) -> list[int]:
        return [at_ms for at_ms, command in self.log if isinstance(command, kind)]

    @property
    def items(self) -> list[talk.Turn]:
        latest = {turn.item: turn for turn in self.of(talk.Turn)}
        return sorted(latest.values(), key=lambda turn: (turn.start_ms, turn.item))

    @property
    def transcript(self) -> list[str]:
        """A line an item: "caller: …" or "agent: …", with "…|" where it was cut."""
        names = {"user": "caller", "agent": "agent"}
        return [f"{names[turn.role]}: {turn.content}{'|' if turn.interrupted else ''}" for turn in self.items]

    @property
    def reasons(self) -> list[str | None]:
        return [turn.reason for turn in self.items if turn.role == "user"]

    @property
    def ended(self) -> str | None:
        ends = self.of(talk.HangUp)
        return ends[0].reason.value if ends else None

    @property
    def story(self) -> str:
        return "\n".join(f"{at_ms:7} {command}" for at_ms, command in self.log)

    # ------------------------------------------------------------------ the others' parts

    def _at(self, at_ms: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (int(at_ms), next(self._count), act))

    def _after(self, delay_ms: float, act: Callable[[], None]) -> None:
        self._at(self.now_ms + delay_ms, act)

    def _tell(self, event: talk.Event) -> None:
        self._do(self.conversation.handle(event))

    def _do(self, commands: list[talk.Command]) -> None:
        for command in commands:
            self.log.append((self.now_ms, command))
            self.rules.check(command)
            play = getattr(self, f"_play_{type(command).__name__.lower()}", None)
            if play is not None:
                play(command)

    def _window(self) -> None:
        middle = self.now_ms - WINDOW_MS / 2
        voiced = any(sound.start_ms <= middle < sound.end_ms for sound in self.sounds)
        self._tell(talk.Voiced(self.now_ms, 0.95 if voiced else 0.02))
        self._after(WINDOW_MS, self._window)

    def _frame(self) -> None:
        playing = self.playing
        # The packet of the tick in which a pause comes has been handed over already.
        still = playing is not None and (playing.paused_ms is None or self.now_ms - playing.paused_ms < FRAME_MS)
        if playing is not None and still and playing.sent_ms < playing.made_ms:
            playing.sent_ms = min(playing.made_ms, playing.sent_ms + FRAME_MS)
            self.sent_at.append(self.now_ms)
            self._tell(talk.AudioSent(self.now_ms, playing.number, playing.sent_ms))
        self._after(FRAME_MS, self._frame)

    def _play_transcribe(self, command: talk.Transcribe) -> None:
        timed = [word for sound in self.sounds for word in sound.words]
        text = " ".join(word for at_ms, word in timed if command.start_ms <= at_ms < command.end_ms)
        heard = self.hears(command.request, text)

        def answer() -> None:
            if command.request not in self._void:
                failed = heard is None
                self._tell(talk.Transcribed(self.now_ms, command.request, heard or "", 0.9, failed=failed))

        self._after(self.recognizer_ms, answer)

    def _play_droptranscription(self, command: talk.DropTranscription) -> None:
        self._void.add(command.request)

    def _play_scoreturn(self, command: talk.ScoreTurn) -> None:
        score = self.score
        if score is not None:
            self._after(self.score_ms, lambda: self._tell(talk.TurnScored(self.now_ms, command.request, score)))

    def _play_ask(self, command: talk.Ask) -> None:
        self.asked.append(command.text)
        given = self.answers.pop(0) if self.answers else "Very well."
        answer = Answer([given]) if isinstance(given, str) else given
        utterance = command.utterance

        def done() -> None:
            end = talk.AgentDone(self.now_ms, utterance, answer.hang_up, answer.failed, answer.reason)
            self._unless_dropped(utterance, end)

        def intend() -> None:
            assert answer.deed is not None
            self._unless_dropped(utterance, talk.Intended(self.now_ms, utterance, answer.deed, answer.limit_ms))

        def go_on() -> None:
            self._unless_dropped(utterance, talk.Acted(self.now_ms, utterance))
            for text in answer.then:
                self._unless_dropped(utterance, talk.Piece(self.now_ms, utterance, text))
            done()

        self._going_on[utterance] = lambda: self._after(answer.takes_ms, go_on)
        for index, text in enumerate(answer.pieces):
            self._after(
                answer.delay_ms + index * answer.piece_ms,
                lambda text=text: self._unless_dropped(utterance, talk.Piece(self.now_ms, utterance, text)),
            )
        end = intend if answer.deed else done
        self._after(answer.delay_ms + len(answer.pieces) * answer.piece_ms, end)

    def _play_act(self, command: talk.Act) -> None:
        self._going_on[command.utterance]()

    def _unless_dropped(self, utterance: int, event: talk.Event) -> None:
        if utterance not in self._dropped:
            self._tell(event)

    def _play_dropanswer(self, command: talk.DropAnswer) -> None:
        self._dropped.add(command.utterance)
        if self.playing is not None and self.playing.number == command.utterance:
            self.playing = None

    def _play_speak(self, command: talk.Speak) -> None:
        if self.playing is None or self.playing.number != command.utterance:
            self.playing = Playing(command.utterance)
        playing = self.playing
        length_ms = 0 if self.mute(command.text) else len(command.text) * 1000 // LETTERS_A_SECOND
        begin_ms = max(self.now_ms, playing.voice_free_ms)
        playing.voice_free_ms = begin_ms + 2 * self.voice_ms

        def made(duration_ms: int, last: bool) -> None:
            if self.playing is playing:
                playing.made_ms += duration_ms
                failed = last and not length_ms
                event = talk.AudioMade(
                    self.now_ms, command.utterance, command.clause, duration_ms, last=last, failed=failed
                )
                self._tell(event)

        self._at(begin_ms + self.voice_ms, lambda: made(length_ms // 2, last=False))
        self._at(begin_ms + 2 * self.voice_ms, lambda: made(length_ms - length_ms // 2, last=True))

    def _play_pause(self, command: talk.Pause) -> None:
        # As the real voice does, a pause of an utterance that has not begun is not kept.
        if self.playing is not None and self.playing.number == command.utterance:
            self.playing.paused_ms = self.now_ms

    def _play_resume(self, command: talk.Resume) -> None:
        if self.playing is not None and self.playing.number == command.utterance:
            self.playing.paused_ms = None


@pytest.fixture
def stage() -> Callable[..., Stage]:
    """``stage(answers=[…], greeting="…", …)`` is a stage that has begun."""

    def make(greeting: str | None = None, notice: str | None = None, **settings) -> Stage:
        return Stage(**settings).start(greeting, notice)

    return make


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture(scope="session")
def rules() -> type[Rules]:
    return Rules
