"""Whatever comes in whatever order, a conversation keeps its rules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.conversation import events as talk
from offhook.conversation.bargein import Sensitivity
from offhook.conversation.endpointing import EndpointingConfig, TurnMode
from offhook.conversation.session import Conversation, ConversationConfig

TEXTS = st.sampled_from(["", "yes", "mm-hmm", "I'd like an appointment.", "06 12", "and", "...", "no. stop it, please"])
STEPS = st.one_of(
    # Stretches of windows, or a random walk would hardly ever make a turn.
    st.tuples(st.just("voice"), st.integers(1, 12)),
    st.tuples(st.just("voice"), st.integers(1, 12)),
    st.tuples(st.just("quiet"), st.integers(1, 60)),
    st.tuples(st.just("text"), st.tuples(TEXTS, st.booleans(), st.integers(-1, 0))),
    st.tuples(st.just("score"), st.floats(0, 1)),
    st.tuples(st.just("piece"), st.tuples(TEXTS, st.integers(-1, 0))),
    st.tuples(st.just("done"), st.tuples(st.booleans(), st.booleans(), st.integers(-1, 0))),
    st.tuples(st.just("audio"), st.tuples(st.integers(0, 3000), st.booleans(), st.booleans())),
    st.tuples(st.just("sent"), st.tuples(st.integers(0, 4000), st.integers(-1, 0))),
    st.tuples(st.just("key"), st.sampled_from("0123456789*#")),
)
CONFIGS = st.builds(
    ConversationConfig,
    endpointing=st.builds(
        EndpointingConfig, language=st.sampled_from(["en", "fr", "zh"]), mode=st.sampled_from(TurnMode)
    ),
    allow_interruptions=st.booleans(),
    sensitivity=st.sampled_from(Sensitivity),
    greeting_delay_ms=st.sampled_from([0, 1000]),
    presence_idle_ms=st.sampled_from([1000, 5000]),
    presence_max_times=st.integers(1, 2),
    max_duration_ms=st.sampled_from([5000, 20_000]),
)


class Driver:
    """Turns steps into events about requests and utterances that exist, or did."""

    def __init__(self, conversation: Conversation, rules) -> None:
        self.conversation, self.rules = conversation, rules
        self.at_ms = self.request = self.utterance = self.clause = 0
        self.hung_up = False

    def tell(self, event: talk.Event) -> None:
        commands = self.conversation.handle(event)
        assert not (self.hung_up and commands)
        for command in commands:
            self.rules.check(command)
            self.request = getattr(command, "request", self.request)
            self.utterance = getattr(command, "utterance", self.utterance)
            self.clause = getattr(command, "clause", self.clause)
            self.hung_up = self.hung_up or isinstance(command, talk.HangUp)
        response = self.conversation._response
        if response is not None:
            words, kept = response.ledger.text.split(), response.ledger.heard.split()
            # A clause that failed leaves a hole; without one, what was heard is the beginning.
            whole = all(
                clause.duration_ms and not clause.failed for clause in response.ledger.clauses if clause.complete
            )
            assert not whole or words[: len(kept)] == kept

    def step(self, kind: str, value) -> None:
        at_ms = self.at_ms
        match kind:
            case "voice" | "quiet":
                for _ in range(value):
                    self.at_ms += 32
                    self.tell(talk.Voiced(self.at_ms, 0.9 if kind == "voice" else 0.1))
            case "text":
                self.tell(talk.Transcribed(at_ms, self.request + value[2], value[0], failed=value[1]))
            case "score":
                self.tell(talk.TurnScored(at_ms, self.request, value))
            case "piece":
                self.tell(talk.Piece(at_ms, self.utterance + value[1], value[0]))
            case "done":
                hang_up, failed, back = value
                self.tell(talk.AgentDone(at_ms, self.utterance + back, hang_up=hang_up, failed=failed))
            case "audio":
                length_ms, last, failed = value
                self.tell(talk.AudioMade(at_ms, self.utterance, self.clause, length_ms, last=last, failed=failed))
            case "sent":
                self.tell(talk.AudioSent(at_ms, self.utterance + value[1], value[0]))
            case "key":
                self.tell(talk.Key(at_ms, value))


@settings(max_examples=100, deadline=None)
@given(CONFIGS, st.sampled_from([None, "Hello, how can I help you?"]), st.lists(STEPS, max_size=40))
def test_any_sequence_of_events_keeps_the_rules(rules, config, greeting, steps):
    driver = Driver(Conversation(config), rules())
    driver.tell(talk.Started(0, greeting))
    for kind, value in steps:
        driver.step(kind, value)
    driver.rules.over = False
    for command in driver.conversation.close(driver.at_ms):
        driver.rules.check(command)
    assert driver.conversation.handle(talk.Voiced(driver.at_ms + 32, 0.9)) == []


@settings(max_examples=20, deadline=None)
@given(CONFIGS, st.lists(STEPS, max_size=30))
def test_no_call_lasts_longer_than_its_limit_and_a_goodbye(rules, config, steps):
    driver = Driver(Conversation(config), rules())
    driver.tell(talk.Started(0, None))
    for kind, value in steps:
        driver.step(kind, value)
    while driver.at_ms < config.max_duration_ms + 15_100:
        driver.step("quiet", 1)
    assert driver.hung_up
