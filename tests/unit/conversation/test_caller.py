"""Where turns begin and end, as the caller and the record see it."""

import pytest

from offhook.conversation.caller import LONGEST_SPAN_MS
from offhook.conversation.endpointing import EndpointingConfig, TurnMode
from offhook.conversation.events import Ask, DropTranscription, Ignored, ScoreTurn, Transcribe
from offhook.conversation.session import ConversationConfig

SILENCE = ConversationConfig(endpointing=EndpointingConfig(mode=TurnMode.SILENCE))


def wait_ms(call, spoken) -> int:
    """From the end of the speech to the question to the agent."""
    return call.run_until(Ask) - spoken.end_ms


def test_a_turn_that_sounds_finished_is_answered_after_a_breath(stage):
    call = stage(score=0.95, recognizer_ms=60)
    assert 290 <= wait_ms(call, call.caller("I'd like an appointment.")) <= 350
    assert call.reasons == ["turn_model"]


def test_a_turn_that_may_be_finished_waits_longer(stage):
    call = stage(score=0.6)
    assert 590 <= wait_ms(call, call.caller("I'd like an appointment.")) <= 650
    assert call.reasons == ["pause"]


def test_a_turn_that_sounds_unfinished_waits_longest(stage):
    call = stage(score=0.1)
    assert 1190 <= wait_ms(call, call.caller("I'd like an appointment.")) <= 1250
    assert call.reasons == ["long_pause"]


def test_without_a_score_a_plain_pause_ends_the_turn(stage):
    call = stage(score=None)
    assert 590 <= wait_ms(call, call.caller("I'd like an appointment.")) <= 650


def test_a_short_answer_does_not_wait_for_the_turn_model(stage):
    call = stage(score=0.1)
    assert wait_ms(call, call.caller("Yes.")) <= 400
    assert call.reasons == ["short_answer"]


def test_an_open_ending_waits_whatever_the_turn_model_says(stage):
    call = stage(score=0.99)
    call.caller("I'd like to come on")
    call.caller("Tuesday.", after=900)
    call.run(6000)
    assert call.asked == ["I'd like to come on Tuesday."]


@pytest.mark.parametrize(
    "groups",
    [
        ["My number is", "06", "12", "34", "56", "78."],
        ["It's 555", "123", "4567."],
        ["Zero six", "twelve", "thirty-four", "fifty-six", "seventy-eight."],
        ["Mon numéro, c'est le zéro six", "douze", "trente-quatre", "cinquante-six", "soixante-dix-huit."],
    ],
)
def test_a_phone_number_in_groups_is_not_cut(stage, groups):
    call = stage(score=0.99)
    for group in groups:
        call.caller(group, after=1300 if group[0].isdigit() or group.islower() else 900)
    call.run(18_000)
    assert call.asked == [" ".join(groups)]


def test_silence_mode_asks_no_turn_model_and_waits_a_plain_pause(stage):
    call = stage(config=SILENCE)
    assert 690 <= wait_ms(call, call.caller("I'd like to come on")) <= 750
    assert call.of(ScoreTurn) == []
    assert call.reasons == ["silence"]


def test_a_configured_delay_is_kept(stage):
    call = stage(config=ConversationConfig(endpointing=EndpointingConfig(min_delay_ms=500)))
    assert 490 <= wait_ms(call, call.caller("I'd like an appointment.")) <= 550


def test_a_sound_too_short_for_a_word_is_not_recognized(stage):
    call = stage()
    call.noise(96)
    call.run(3000)
    assert call.of(Transcribe) == []
    assert [ignored.reason for ignored in call.of(Ignored)] == ["too_short"]


@pytest.mark.parametrize("text", ["", " ...", "."])
def test_a_sound_without_words_is_no_turn(stage, text):
    call = stage(hears=lambda request, heard: text)
    call.noise(600)
    call.run(3000)
    assert [ignored.reason for ignored in call.of(Ignored)] == ["no_words"]
    assert call.asked == []
    assert call.transcript == []


def test_the_recognizer_hears_the_consonant_before_the_voice(stage):
    call = stage().run(3200)
    spoken = call.caller("Friday afternoon.")
    call.run(3000)
    assert spoken.start_ms - 350 <= call.of(Transcribe)[0].start_ms <= spoken.start_ms - 200


def test_what_was_recognized_once_is_not_recognized_again(stage):
    eager = ConversationConfig(endpointing=EndpointingConfig(min_delay_ms=0))
    call = stage(config=eager, recognizer_ms=10, answers=["One.", "Two."])
    first = call.caller("Friday afternoon.")
    call.run_until(Ask)
    call.caller("Or Saturday.")
    call.run(4000)
    assert call.of(Transcribe)[-1].start_ms >= first.end_ms - 32


def test_a_caller_who_goes_on_while_the_recognizer_works_says_one_turn(stage):
    call = stage(recognizer_ms=600)
    call.caller("I'd like")
    call.caller("an appointment.", after=400)
    call.run(5000)
    assert [dropped.request for dropped in call.of(DropTranscription)] == [1]
    assert call.asked == ["I'd like an appointment."]


def sentence(words: int) -> str:
    return " ".join(f"word{index}" for index in range(words)) + "."


def test_a_long_monologue_with_pauses_is_one_turn_in_order_and_not_decoded_over_and_over(stage):
    call = stage(score=0.1)
    sentences = [f"{sentence(8)[:-1]} part {number}." for number in range(6)]
    for text in sentences:
        call.caller(text, ms=4000, after=600)
    call.run(40_000)
    assert call.asked == [" ".join(sentences)]
    assert max(ask.end_ms - ask.start_ms for ask in call.of(Transcribe)) <= 18_000
    assert call.items[0].start_ms < 800


def test_a_monologue_without_any_pause_is_cut_for_the_recognizer_only(stage):
    call = stage()
    text = sentence(120)
    spoken = call.caller(text, ms=60_000)
    call.run(66_000)
    assert call.asked == [text]
    assert all(ask.end_ms - ask.start_ms <= LONGEST_SPAN_MS + 400 for ask in call.of(Transcribe))
    assert abs(call.items[0].start_ms - spoken.start_ms) <= 32
    assert abs(call.items[0].end_ms - spoken.end_ms) <= 32


def test_parts_of_a_monologue_that_come_back_late_keep_their_order(stage):
    call = stage(recognizer_ms=3000)
    text = sentence(60)
    call.caller(text, ms=30_000)
    call.run(24_100)
    call.recognizer_ms = 100
    call.run(12_000)
    assert call.asked == [text]


def test_a_monologue_whose_first_part_never_comes_back_is_answered_all_the_same(stage):
    call = stage(recognizer_ms=90_000)
    call.caller(sentence(60), ms=30_000)
    call.run(25_000)
    call.recognizer_ms = 100
    call.run(12_000)
    assert len(call.asked) == 1
    assert call.asked[0].endswith("word59.")


def test_an_okay_at_the_end_of_a_long_turn_over_the_agent_belongs_to_it(stage):
    # Alone it would be a sign of listening; the words before it were taken out of the span as a part.
    call = stage("We are open every day from nine to six, and on Saturday until noon. " * 8, score=0.1).run(2000)
    call.caller("well " * 40 + "yes", ms=13_000)
    call.caller("okay", after=500)
    call.run(20_000)
    assert len(call.reasons) == 1
    assert call.asked[0].endswith("yes okay")
