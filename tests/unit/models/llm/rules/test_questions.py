"""Questions about a finished call: what the rules find, and that they guess nothing."""

from __future__ import annotations

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.load import parse_agent
from offhook.agents.questions import Option, Question, QuestionType
from offhook.models.llm.rules.questions import answer_questions

EN = [
    ("agent", "Hello, this is the dental office. How can I help?"),
    ("user", "Hi, I have a terrible toothache and would like an appointment."),
    ("agent", "I'm sorry to hear that. Are you already a patient here?"),
    ("user", "No, it's my first time."),
    ("agent", "Which day suits you?"),
    ("user", "Tuesday, please, not Monday."),
    ("agent", "Would you like a reminder by text message?"),
    ("user", "Yes, please."),
    ("agent", "How many people are coming with you?"),
    ("user", "Two, my son and my daughter."),
    ("agent", "Your appointment is booked for Tuesday at 10. I'm afraid we can't take cards. Anything else?"),
    ("user", "No, thank you, goodbye."),
]
FR = [
    ("agent", "Bonjour, cabinet dentaire. Que puis-je faire pour vous ?"),
    ("user", "Bonjour, j'ai très mal aux dents, je voudrais un rendez-vous."),
    ("agent", "Êtes-vous déjà venu au cabinet ?"),
    ("user", "Non, jamais."),
    ("agent", "Souhaitez-vous un rappel par SMS ?"),
    ("user", "Oui, volontiers."),
    ("agent", "Votre rendez-vous est confirmé pour mardi."),
    ("user", "Merci, au revoir."),
]


def ask(kind, description, name="x", options=(), script=EN, language="en", values=None):
    states = {"initial_state_name": "s", "states": [{"name": "s"}]}
    config = parse_agent({"name": "A", "language": language, **states})
    dialogue = Dialogue.start(config, values or {}, call_id="c", from_number="+331")
    for who, text in script:
        dialogue = dialogue.agent_said(text) if who == "agent" else dialogue.user_said(text)
    question = Question(
        "q", name, description, QuestionType(kind), 0, 0,
        options=tuple(Option(f"o{n}", value, 0) for n, value in enumerate(options)),
    )  # fmt: skip
    return answer_questions(dialogue, {"q1": question})["q1"]


@pytest.mark.parametrize(
    ("description", "value"),
    [
        ("Is the caller already a patient?", False),
        ("Does the caller want a reminder?", True),
        ("Was an appointment booked?", True),
        ("Do we take cards?", False),
        ("Did the caller mention a toothache?", True),
        ("Did the caller mention insurance?", False),
        ("Is the weather good?", None),
    ],
)
def test_a_boolean_is_the_reply_to_such_a_question_or_what_was_stated(description, value):
    assert ask("boolean", description) is value


@pytest.mark.parametrize(
    ("description", "value"),
    [
        ("L'appelant est-il déjà venu au cabinet ?", False),
        ("Veut-il un rappel ?", True),
        ("Le rendez-vous est-il confirmé ?", True),
        ("A-t-il mentionné une assurance ?", False),
    ],
)
def test_french_is_understood_as_well(description, value):
    assert ask("boolean", description, script=FR, language="fr") is value


def test_a_number_is_the_reply_to_such_a_question():
    assert ask("number", "How many people are coming along?") == 2
    assert ask("number", "How old is the caller?") is None


def test_a_single_choice_is_the_option_that_was_said_and_not_denied():
    days = ["Monday", "Tuesday", "Wednesday"]
    assert ask("single_choice", "Which day was chosen?", options=days) == "Tuesday"
    assert ask("single_choice", "Outcome of the call", options=["Cancelled", "Booked"]) == "Booked"
    assert ask("single_choice", "Which colour?", options=["Red", "Blue"]) is None
    assert ask("single_choice", "Does the caller want a reminder?", options=["Yes", "No"]) == "Yes"


def test_a_multiple_choice_is_every_option_that_was_said():
    options = ["Toothache", "Daughter", "Insurance", "Monday"]
    assert ask("multiple_choice", "What came up?", options=options) == ["Toothache", "Daughter"]
    assert ask("multiple_choice", "Which colours?", options=["Red"]) is None


def test_a_text_is_the_reply_to_such_a_question():
    assert ask("text", "Which day suits the caller?") == "Tuesday, please, not Monday."
    assert ask("text", "What is the caller's shoe size?") is None


@pytest.mark.parametrize(
    ("kind", "name", "description", "values", "value"),
    [
        ("text", "Patient name", "Who is it?", {"patient_name": "Ann Lee", "name": "?"}, "Ann Lee"),
        ("text", "Who", "What is the patient's name?", {"patient_name": "Ann Lee"}, "Ann Lee"),
        ("number", "guests", "Size of the party", {"guests": 4}, 4),
        ("boolean", "reminder", "Does the caller want a reminder?", {"reminder": False}, False),
        ("single_choice", "Day", "Which day was chosen?", {"day": "monday"}, "Monday"),
        ("text", "call_id", "Its id", {}, None),
    ],
)
def test_a_variable_that_the_question_names_comes_first(kind, name, description, values, value):
    assert ask(kind, description, name, options=["Monday", "Tuesday"], values=values) == value


@pytest.mark.parametrize("script", [[], [("agent", "Hello?")], [("user", "")]])
@pytest.mark.parametrize("kind", list(QuestionType))
def test_a_call_in_which_nothing_was_said_answers_nothing(script, kind):
    assert ask(kind, "Which day suits the caller?", options=["Monday"], script=script) is None
