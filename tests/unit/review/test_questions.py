"""Changes to questions stand together or not at all, and each fault is named by its path."""

import itertools

import pytest

from offhook.agents.questions import QuestionType
from offhook.errors import AgentConfigError, ConflictError, NotFoundError
from offhook.review.questions import MAX_PER_AGENT, Change, GivenOption, apply_changes

NEW = {"name": "Mood", "description": "How did the caller feel?", "type": "text"}


@pytest.fixture
def apply():
    numbers = itertools.count(1)

    def run(before, *changes, now=100):
        return apply_changes(before, changes, now, lambda: f"id{next(numbers)}")

    return run


def choice(*values, path="questions[0]", **fields):
    return Change(path, {**NEW, "type": "single_choice", **fields}, [GivenOption(value) for value in values])


def faults(error):
    return {fault.field: fault.message for fault in error.value.faults}


def test_new_questions_get_ids_and_keep_their_order(apply):
    made = apply([], Change("questions[0]", NEW), Change("questions[1]", {**NEW, "name": "Second"}))
    assert [(each.id, each.name, each.created_us) for each in made] == [("id1", "Mood", 100), ("id2", "Second", 101)]
    assert made[0].type is QuestionType.TEXT
    assert made[0].active


def test_a_change_by_id_keeps_what_was_not_given(apply):
    before = apply([], choice("Good", "Bad", model="m", examples=["Good"]))
    changed = apply(before, Change("questions[0]", {**NEW, "type": "single_choice", "name": "Temper"}, id="id1"), now=9)
    assert changed[0].name == "Temper"
    assert (changed[0].model, changed[0].examples, changed[0].options) == ("m", ("Good",), before[0].options)
    assert changed[0].created_us == 100 <= changed[0].updated_us


def test_an_option_keeps_its_id_under_new_wording_and_others_come_and_go(apply):
    before = apply([], choice("Good", "Bad"))
    good = before[0].options[0].id
    options = [GivenOption("Very good", good), GivenOption("Awful")]
    changed = apply(before, Change("", {}, options, id=before[0].id), now=200)
    assert [option.value for option in changed[0].options] == ["Very good", "Awful"]
    assert (changed[0].options[0].id, changed[0].options[0].created_us) == (good, 100)
    assert changed[0].options[1].id not in {option.id for option in before[0].options}


def test_choices_need_options_and_others_have_none(apply):
    with pytest.raises(AgentConfigError) as error:
        apply(
            [],
            Change("questions[0]", NEW),
            Change("questions[1]", {**NEW, "type": "multiple_choice"}),
            Change("questions[2]", {**NEW, "type": "number"}, [GivenOption("1")]),
        )
    assert faults(error).keys() == {"questions[1].options", "questions[2].options"}


def test_a_question_that_is_no_choice_any_more_loses_its_options(apply):
    before = apply([], choice("Good", "Bad"))
    changed = apply(before, Change("", {"type": "text"}, id=before[0].id))
    assert changed[0].options == ()


def test_options_that_cannot_be_told_apart_are_refused_by_their_path(apply):
    with pytest.raises(AgentConfigError) as error:
        apply([], choice("Yes", "No", " yes "))
    assert faults(error).keys() == {"questions[0].options[2].value"}


def test_an_option_of_another_question_is_refused(apply):
    with pytest.raises(AgentConfigError) as error:
        apply([], Change("questions[0]", {**NEW, "type": "single_choice"}, [GivenOption("Yes", "elsewhere")]))
    assert faults(error).keys() == {"questions[0].options[0].option_id"}


def test_an_unknown_question_is_not_found_and_one_named_twice_is_a_fault(apply):
    before = apply([], Change("questions[0]", NEW))
    with pytest.raises(NotFoundError, match=r"questions\[1\]\.id: "):
        apply(before, Change("questions[0]", NEW), Change("questions[1]", NEW, id="nowhere"))
    with pytest.raises(AgentConfigError) as error:
        apply(before, Change("questions[0]", NEW, id="id1"), Change("questions[1]", NEW, id="id1"))
    assert faults(error).keys() == {"questions[1].id"}


def test_an_agent_has_so_many_questions_and_no_more(apply):
    before = apply([], *[Change(f"questions[{n}]", NEW) for n in range(MAX_PER_AGENT)])
    assert apply(before, Change("questions[0]", NEW, id=before[3].id))
    with pytest.raises(ConflictError, match="at most"):
        apply(before, Change("questions[0]", NEW))
