"""Conversations, as they would be read in a transcript."""

from offhook.conversation.endpointing import EndpointingConfig
from offhook.conversation.events import (
    WINDOW_MS,
    Adopt,
    AgentDone,
    Ask,
    Close,
    DropAnswer,
    HangUp,
    Measured,
    Pause,
    Piece,
    Speak,
    Transcribe,
    Turn,
)
from offhook.conversation.session import ConversationConfig

LONG = "We are open from nine to six, from Monday to Friday, and on Saturday until noon, but closed on Sunday."

# --------------------------------------------------------------------------- greeting


def test_the_greeting_is_said_at_once(stage):
    call = stage("Hello, this is Doctor Martin's office.").run(5000)
    assert call.when(Speak)[0] == 0
    assert call.transcript == ["agent: Hello, this is Doctor Martin's office."]
    assert [adopt.text for adopt in call.of(Adopt)] == ["Hello, this is Doctor Martin's office."]


def test_the_greeting_waits_its_delay(stage):
    call = stage("Hello.", config=ConversationConfig(greeting_delay_ms=1500)).run(3000)
    assert 1500 <= call.when(Speak)[0] <= 1532


def test_without_a_greeting_the_caller_speaks_first(stage):
    call = stage(None, answers=["Of course."]).run(2000)
    assert call.log == []
    call.caller("I'd like an appointment.")
    call.run(4000)
    assert call.transcript == ["caller: I'd like an appointment.", "agent: Of course."]


def test_a_hello_into_the_silence_before_the_greeting_is_answered_by_the_greeting(stage):
    call = stage("Hello, how can I help you?", config=ConversationConfig(greeting_delay_ms=2000))
    call.caller("Hello?", after=200)
    call.run(5000)
    assert call.transcript == ["caller: Hello?", "agent: Hello, how can I help you?"]
    assert call.asked == []


def test_a_hello_over_the_greetings_first_words_does_not_stop_it(stage):
    call = stage("Good morning, this is the office of Doctor Martin. How can I help you today?")
    call.caller("Hello?", after=400)
    call.run(9000)
    assert not call.items[0].interrupted
    assert call.items[0].content.endswith("today?")
    assert call.reasons == ["backchannel"]
    assert call.asked == []


def test_a_request_made_before_the_greeting_is_answered_instead_of_greeted(stage):
    call = stage("Hello!", config=ConversationConfig(greeting_delay_ms=3000), answers=["Yes, we are."])
    call.caller("Are you open today?", after=100)
    call.run(8000)
    assert call.transcript == ["caller: Are you open today?", "agent: Yes, we are."]


def test_a_line_that_is_never_quiet_is_greeted_all_the_same(stage):
    call = stage("Hello.", config=ConversationConfig(greeting_delay_ms=500))
    call.noise(20_000)
    call.run(4000)
    assert [speak.text for speak in call.of(Speak)] == ["Hello."]


# --------------------------------------------------------------------------- turns


def test_a_conversation_of_three_turns_reads_as_it_was_held(stage):
    call = stage("Hello, how can I help?", answers=["Which day suits you?", "Tuesday at ten, then."])
    call.run(3000)
    call.caller("I'd like an appointment.")
    call.run(5000)
    call.caller("On Tuesday please.")
    call.run(5000)
    assert call.transcript == [
        "agent: Hello, how can I help?",
        "caller: I'd like an appointment.",
        "agent: Which day suits you?",
        "caller: On Tuesday please.",
        "agent: Tuesday at ten, then.",
    ]
    assert call.reasons == ["turn_model", "turn_model"]


def test_a_turn_that_goes_on_while_the_agent_thinks_is_one_turn(stage, answer):
    call = stage(answers=[answer(["When?"], delay_ms=1500), "Tuesday, fine."])
    call.caller("I'd like an appointment.")
    call.run_until(Ask)
    call.caller("On Tuesday morning.", after=300)
    call.run(6000)
    assert call.transcript == ["caller: I'd like an appointment. On Tuesday morning.", "agent: Tuesday, fine."]
    assert call.asked[-1] == "I'd like an appointment. On Tuesday morning."
    first, second = (ask.utterance for ask in call.of(Ask))
    assert [(drop.utterance, drop.heard) for drop in call.of(DropAnswer)] == [(first, "")]
    assert [adopt.utterance for adopt in call.of(Adopt)] == [second]
    assert {ask.turn for ask in call.of(Ask)} == {1}


def test_an_answer_whose_words_come_while_the_caller_goes_on_stays_silent(stage, answer):
    # The voice has not begun when the caller goes on, so there is nothing to pause yet.
    call = stage(answers=[answer(["Well, let me see."], delay_ms=400), "Tuesday, fine."])
    call.caller("I'd like an appointment.")
    call.run_until(Ask)
    talking = call.caller("And it should be on Tuesday in the morning.", after=150)
    call.run(7000)
    assert min(call.sent_at) > talking.end_ms
    assert call.transcript[-1] == "agent: Tuesday, fine."


def test_an_answer_cut_before_its_first_word_leaves_no_trace(stage):
    call = stage(answers=["Appointments are made online.", "Tuesday, fine."])
    call.caller("I'd like an appointment.")
    call.run_until(Measured)  # the first packet has just left
    call.caller("On Tuesday.")
    call.run(6000)
    assert call.asked[-1] == "I'd like an appointment. On Tuesday."
    assert call.of(DropAnswer)[0].heard == ""
    assert len(call.of(Adopt)) == 1


def test_noise_while_the_agent_thinks_costs_nothing(stage, answer):
    call = stage(answers=[answer(["Of course."], delay_ms=600)])
    call.caller("I'd like an appointment.")
    call.run_until(Ask)
    call.noise(200, after=100)
    call.run(5000)
    assert call.transcript == ["caller: I'd like an appointment.", "agent: Of course."]
    assert len(call.asked) == 1


def test_an_agent_that_waits_says_nothing_and_keeps_listening(stage, answer):
    call = stage(answers=[answer([]), "Here I am."])
    call.caller("One moment please.")
    call.run(4000)
    assert call.transcript == ["caller: One moment please."]
    assert [adopt.text for adopt in call.of(Adopt)] == [""]
    assert call.ended is None
    call.caller("I'm back now.")
    call.run(4000)
    assert call.transcript[-1] == "agent: Here I am."


def test_streamed_words_are_spoken_before_the_answer_is_complete(stage, answer):
    pieces = ["We are ", "open ", "from nine. ", "On Satur", "days until noon."]
    call = stage(answers=[answer(pieces, piece_ms=400)])
    call.caller("When are you open?")
    call.run(8000)
    assert [speak.text for speak in call.of(Speak)] == ["We are open from nine.", "On Saturdays until noon."]
    assert call.when(Close)[-1] - call.when(Speak)[0] >= 700
    assert call.transcript[-1] == "agent: We are open from nine. On Saturdays until noon."


def test_a_sentence_is_spoken_at_once_when_its_stream_halts(stage, answer):
    """A tool runs, or the model hangs: nothing follows that would show where the clause ends."""
    play = stage(answers=[answer(["Let me look that up.", " Here it is."], piece_ms=6000)])
    play.caller("Where is my order?")
    asked_ms = play.run_until(Ask)
    play.run(1000)
    assert [command.text for command in play.of(Speak)] == ["Let me look that up."]
    assert play.when(Speak)[0] - asked_ms <= 200 + 200 + 2 * WINDOW_MS
    play.run(8000)
    assert [command.text for command in play.of(Speak)] == ["Let me look that up.", "Here it is."]


def test_half_a_sentence_waits_longer_for_its_rest(stage, answer):
    play = stage(answers=[answer(["I think that", " you are right."], piece_ms=600)])
    play.caller("What do you think?")
    play.run(6000)
    assert [command.text for command in play.of(Speak)] == ["I think that you are right."]
    play = stage(answers=[answer(["I think that", " you are right."], piece_ms=3000)])
    play.caller("What do you think?")
    play.run(9000)
    assert [command.text for command in play.of(Speak)] == ["I think that", "you are right."]


def test_words_that_come_after_the_answers_end_are_not_spoken(stage, answer):
    call = stage(answers=[answer(["We are open."], delay_ms=200)])
    call.caller("Are you open?")
    call.run_until(Close)
    utterance = call.of(Ask)[0].utterance
    assert call.conversation.handle(Piece(call.now_ms, utterance, "But not today. Really.")) == []
    assert call.conversation.handle(AgentDone(call.now_ms, utterance)) == []


def test_the_transcript_grows_as_the_agent_is_heard(stage):
    call = stage(LONG).run(1200)
    heard = call.items[0]
    assert not heard.final
    assert LONG.startswith(heard.content)
    assert heard.content
    call.run(9000)
    assert call.items[0].final
    assert call.items[0].content == LONG


# --------------------------------------------------------------------------- the recognizer's troubles


def test_a_failed_transcript_asks_the_caller_to_repeat(stage):
    call = stage(hears=lambda request, text: None if request == 1 else text, answers=["Fine."])
    call.caller("I'd like an appointment.")
    call.run(6000)
    assert call.transcript == ["agent: Sorry, could you say that again?"]
    call.caller("An appointment.")
    call.run(4000)
    assert call.transcript[-2:] == ["caller: An appointment.", "agent: Fine."]


def test_three_failed_transcripts_in_a_row_end_the_call(stage):
    call = stage(hears=lambda request, text: None)
    for _ in range(3):
        call.caller("Hello there, sir.")
        call.run(5000)
    assert call.ended == "provider_failure"


def test_a_silent_recognizer_leaves_no_more_than_four_seconds_of_dead_air(stage):
    call = stage(recognizer_ms=60_000)
    spoken = call.caller("I'd like an appointment.")
    call.run(8000)
    assert [speak.text for speak in call.of(Speak)] == ["Sorry, could you say that again?"]
    assert min(call.sent_at) - spoken.end_ms <= 4000


def test_a_late_transcript_is_answered_all_the_same(stage):
    call = stage(recognizer_ms=3700, answers=["Which day?"])
    call.caller("I'd like an appointment.")
    call.run(9000)
    assert call.reasons == ["late_transcript"]
    assert call.asked == ["I'd like an appointment."]
    assert call.items[-1].content == "Which day?"


def test_a_late_transcript_joins_what_the_caller_says_meanwhile(stage):
    call = stage(recognizer_ms=5000, answers=["Fine."])
    call.caller("I'd like an appointment.")
    call.run_until(Speak)
    call.recognizer_ms = 800
    call.caller("An appointment on Tuesday.", after=400)
    call.run(9000)
    assert call.asked == ["I'd like an appointment. An appointment on Tuesday."]


def test_a_late_transcript_stands_before_the_parts_of_a_monologue_that_followed(stage):
    call = stage(recognizer_ms=30_000)
    call.caller("First words.")
    call.run_until(Speak)
    call.recognizer_ms = 50
    words = " ".join(f"word{index}" for index in range(60))
    call.caller(words, after=200, ms=40_000)
    call.run(50_000)
    assert call.asked == [f"First words. {words}"]


def test_failures_with_good_turns_between_them_do_not_end_the_call(stage):
    call = stage(mute=lambda text: text.startswith("Lost"), answers=["Lost.", "One.", "Lost.", "Two.", "Lost."])
    for turn in range(6):
        call.hears = (lambda request, text: None) if turn % 2 else (lambda request, text: text)
        call.caller("Tell me more.")
        call.run(5000)
        call.hears = lambda request, text: text
        call.caller("More of it.")
        call.run(5000)
    assert call.ended is None


def test_a_call_given_up_is_given_up_once(stage):
    # The presence check comes due in the very window in which the third time-out ends the call.
    call = stage(recognizer_ms=90_000, config=ConversationConfig(presence_idle_ms=4000, presence_max_times=1))
    for _ in range(3):
        call.caller("Hello there, sir.")
        call.run(7500)
    assert call.ended == "provider_failure"


def test_words_said_before_the_recognizer_failed_are_not_forgotten(stage, answer):
    call = stage(answers=[answer(["Well."], delay_ms=3000), "Tuesday at ten."])
    call.caller("I'd like an appointment.")
    call.run_until(Ask)
    call.hears = lambda request, text: None
    call.caller("On Monday.", after=200)
    call.run(5000)
    call.hears = lambda request, text: text
    call.caller("On Tuesday.")
    call.run(5000)
    assert call.asked[-1] == "I'd like an appointment. On Tuesday."
    assert call.transcript == [
        "caller: I'd like an appointment.",
        "agent: Sorry, could you say that again?",
        "caller: On Tuesday.",
        "agent: Tuesday at ten.",
    ]


# --------------------------------------------------------------------------- the ends


def test_a_farewell_is_said_to_its_last_word_and_then_the_call_ends(stage, answer):
    call = stage(answers=[answer(["Thank you for calling. Goodbye."], hang_up=True)])
    call.caller("That's all, thank you.")
    ended_ms = call.run_until(HangUp)
    assert call.ended == "agent_hung_up"
    assert call.transcript[-1] == "agent: Thank you for calling. Goodbye."
    assert ended_ms == call.sent_at[-1]


def test_a_farewell_cannot_be_interrupted(stage, answer):
    call = stage(answers=[answer(["Thank you for calling, and have a very nice day. Goodbye."], hang_up=True)])
    call.caller("That's all, thank you.")
    call.run_until(Measured)
    call.caller("Oh and one more question about my appointment.", after=500)
    call.run(8000)
    assert call.of(Pause) == []
    assert call.transcript[1] == "agent: Thank you for calling, and have a very nice day. Goodbye."
    assert call.ended == "agent_hung_up"


def test_a_farewell_decided_while_the_caller_interrupts_gives_way(stage, answer):
    pieces = ["Thank you for calling our office today. ", "Have a nice day, and goodbye."]
    call = stage(answers=[answer(pieces, piece_ms=1500, hang_up=True), "Yes, it is."])
    call.caller("That's all, thank you.")
    call.run_until(Measured)
    call.caller("Wait, is it still on Tuesday morning as you said before?", after=500)
    call.run(12_000)
    assert call.ended is None
    assert call.transcript[-1] == "agent: Yes, it is."


def test_a_hang_up_without_words_waits_until_the_caller_has_spoken(stage, answer):
    call = stage(answers=[answer([], delay_ms=500, hang_up=True), "I'm still here."])
    call.caller("Goodbye.")
    call.run_until(Ask)
    call.caller("Oh, one more thing I wanted to ask.", after=100)
    call.run(6000)
    assert call.ended is None
    assert call.asked[-1] == "Goodbye. Oh, one more thing I wanted to ask."


def test_a_hang_up_held_back_by_noise_happens_when_it_is_over(stage, answer):
    call = stage(answers=[answer([], delay_ms=500, hang_up=True)])
    call.caller("Goodbye.")
    call.run_until(Ask)
    call.noise(400, after=250)
    call.run(3000)
    assert call.ended == "agent_hung_up"


def test_an_agent_that_fails_without_a_word_ends_the_call(stage, answer):
    call = stage(answers=[answer([], failed=True)])
    call.caller("I'd like an appointment.")
    call.run(3000)
    assert call.ended == "provider_failure"


def test_an_agent_that_fails_in_mid_answer_says_what_it_has_and_ends(stage, answer):
    call = stage(answers=[answer(["I'm sorry, I have a problem."], failed=True)])
    call.caller("I'd like an appointment.")
    call.run(5000)
    assert call.ended == "provider_failure"
    assert call.transcript[-1] == "agent: I'm sorry, I have a problem."


def test_an_answer_without_a_voice_was_not_said_and_is_asked_for_again(stage):
    call = stage(answers=["Broken words.", "Tuesday."], mute=lambda text: text.startswith("Broken"))
    call.caller("I'd like an appointment.")
    call.run(5000)
    call.caller("An appointment!")
    call.run(5000)
    assert call.transcript == [
        "caller: I'd like an appointment.",
        "agent: Sorry, could you say that again?",
        "caller: An appointment!",
        "agent: Tuesday.",
    ]
    assert call.asked[-1] == "I'd like an appointment. An appointment!"
    assert "Broken words." not in [adopt.text for adopt in call.of(Adopt)]


def test_a_voice_that_is_gone_ends_the_call(stage):
    call = stage(mute=lambda text: True)
    call.caller("I'd like an appointment.")
    call.run(5000)
    assert call.ended == "provider_failure"


def test_a_clause_without_a_voice_is_not_in_the_transcript(stage):
    call = stage(answers=["We open at nine. Broken words here. Come by."], mute=lambda text: "Broken" in text)
    call.caller("When do you open?")
    call.run(6000)
    said = call.items[-1]
    assert said.content == "We open at nine. Come by."
    assert said.generated == "We open at nine. Broken words here. Come by."


def test_time_is_up_the_agent_says_goodbye_and_hangs_up(stage):
    call = stage("Hello.", config=ConversationConfig(max_duration_ms=10_000)).run(20_000)
    assert call.transcript[-1] == "agent: I have to end our call here. Goodbye."
    assert call.ended == "max_duration"
    assert 10_000 <= call.when(Speak)[-1] <= 10_032


def test_the_goodbye_of_a_long_call_is_not_stopped_by_failures(stage):
    call = stage(config=ConversationConfig(max_duration_ms=10_000), hears=lambda request, text: None)
    call.run(9500)
    call.caller("And another thing.")
    call.run(10_000)
    assert call.ended == "max_duration"
    assert call.transcript[-1] == "agent: I have to end our call here. Goodbye."


def test_the_last_of_three_failures_does_not_cut_the_goodbye(stage):
    call = stage(config=ConversationConfig(max_duration_ms=12_000), hears=lambda request, text: None)
    for _ in range(2):
        call.caller("Hello there, sir.")
        call.run(5500)
    call.run(700)
    call.caller("And another thing.")
    call.run(10_000)
    assert call.ended == "max_duration"
    assert call.transcript[-1] == "agent: I have to end our call here. Goodbye."


def test_a_voice_that_hangs_cannot_keep_a_call_open(stage):
    call = stage(config=ConversationConfig(max_duration_ms=10_000), voice_ms=1_000_000).run(30_000)
    assert call.ended == "max_duration"


def test_nothing_happens_after_the_hang_up(stage):
    call = stage(config=ConversationConfig(max_duration_ms=10_000, presence_idle_ms=3000)).run(20_000)
    count = len(call.log)
    call.caller("Hello? Anybody there?")
    call.run(20_000)
    assert len(call.log) == count
    assert len(call.of(HangUp)) == 1


def test_a_caller_who_hangs_up_over_the_agent_leaves_what_was_heard(stage):
    call = stage(LONG).run(3000)
    call.hang_up()
    said = call.items[0]
    assert said.final
    assert said.interrupted
    assert LONG.startswith(said.content)
    assert said.generated == LONG
    assert call.of(DropAnswer)[0].heard == said.content


def test_the_last_words_of_a_caller_who_hangs_up_are_kept(stage):
    call = stage(recognizer_ms=50, score=None)
    call.caller("Please tell the doctor that I called.")
    call.run_until(Transcribe)
    call.run(100)
    call.hang_up()
    assert call.transcript == ["caller: Please tell the doctor that I called."]
    assert call.reasons == ["call_ended"]


def test_french_conversations_use_french_words(stage):
    config = ConversationConfig(endpointing=EndpointingConfig("fr-FR"), presence_idle_ms=5000)
    call = stage("Cabinet du docteur Martin, bonjour. Vous pouvez me parler librement.", config=config).run(1500)
    call.caller("d'accord")
    call.run(16_000)
    assert call.reasons == ["backchannel"]
    assert call.transcript[-1] == "agent: Êtes-vous là ?"


def test_items_of_different_speakers_have_different_numbers(stage):
    call = stage("Hello.", answers=["One.", "Two."]).run(2000)
    for _ in range(2):
        call.caller("Tell me more.")
        call.run(4000)
    final = [turn.item for turn in call.of(Turn) if turn.final]
    assert len(final) == len(set(final)) == 5
