"""The record is the fold of its events."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.errors import ConflictError
from offhook.record import events as e
from offhook.record.fold import CallRecord, encode
from offhook.record.lifecycle import FINAL, EndCode, EndReason, Status, allowed

T = 1_700_000_000.0
CREATED = e.CallCreated(
    at=T, call_id="c", organization_id="o", agent_id="a", direction="outbound", from_number="+331", to_number="+332"
)
HUNG_UP = EndReason(EndCode.CALLEE_HUNG_UP, "callee", "BYE")


def step(status, at=1.0, reason=None):
    return e.StatusChanged(at=T + at, status=status, end_reason=reason)


def folded(*events, created=CREATED):
    return CallRecord.replay([created, *events])


def shown(*events, **options):
    return json.loads(encode(folded(*events, **options).to_api()))


ANSWERED = (step(Status.INITIATED, 0.1), step(Status.RINGING, 1), step(Status.IN_PROGRESS, 2))


def test_each_step_of_the_life_stamps_its_time():
    data = shown(*ANSWERED, step(Status.COMPLETED, 12.25, HUNG_UP))
    assert data["status"] == "completed"
    assert data["created_at"] == "2023-11-14T22:13:20.000000Z"
    assert data["ringing_at"] == "2023-11-14T22:13:21.000000Z"
    assert data["start_time"] == "2023-11-14T22:13:22.000000Z"
    assert data["end_time"] == "2023-11-14T22:13:32.250000Z"
    assert data["end_reason"] == {"code": "callee_hung_up", "party": "callee", "detail": "BYE"}


@pytest.mark.parametrize(
    ("end", "seconds"), [(2.0, 0), (2.000001, 1), (3.0, 1), (3.0000001, 1), (3.000001, 2), (62.0, 60), (1.0, 0)]
)
def test_duration_is_rounded_up_to_the_second_and_never_negative(end, seconds):
    assert folded(*ANSWERED, step(Status.COMPLETED, end, HUNG_UP)).duration_seconds == seconds


def test_there_is_no_duration_before_the_end_nor_of_a_call_nobody_answered():
    assert folded(*ANSWERED).duration_seconds is None
    unanswered = shown(step(Status.RINGING), step(Status.BUSY, 2, EndReason(EndCode.BUSY, "callee")))
    assert (unanswered["start_time"], unanswered["duration_seconds"]) == (None, None)
    assert unanswered["end_time"] is not None


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_a_step_is_taken_only_when_the_life_cycle_allows_it(before, after):
    record = folded()
    record.status = before
    if before in FINAL and after in FINAL:
        assert record.apply(step(after, reason=HUNG_UP)) is False
        assert record.end_reason is None
    elif allowed(before, after):
        assert record.apply(step(after, reason=HUNG_UP)) is True
        assert record.status is after
    else:
        with pytest.raises(ConflictError):
            record.apply(step(after))
        assert (record.status, record.events_applied) == (before, 1)


def test_a_second_end_changes_nothing():
    record = folded(*ANSWERED, step(Status.COMPLETED, 5, HUNG_UP))
    late = EndReason(EndCode.PLATFORM_FAILURE, "platform")
    assert record.apply(step(Status.FAILED, 9, late)) is False
    assert (record.status, record.end_reason, record.duration_seconds) == (Status.COMPLETED, HUNG_UP, 3)


def test_a_record_begins_with_its_creation_and_has_one():
    with pytest.raises(ConflictError):
        CallRecord.replay([])
    with pytest.raises(ConflictError):
        CallRecord.replay([step(Status.RINGING)])
    with pytest.raises(ConflictError):
        folded(CREATED)


def said(item_id, role, content, at, **more):
    return e.TranscriptAdded(at=T + at, item_id=item_id, role=role, content=content, **more)


def test_the_transcript_is_ordered_by_start_and_its_text_has_no_tool_lines():
    call = e.ToolCallRef("t1", "book", '{"day": "Monday"}')
    data = shown(
        said(2, "user", "Monday please", 5),
        said(1, "agent", "Which day?", 3),
        said(3, "agent", "One moment", 7, tool_calls=(call,)),
        said(4, "tool", '{"ok": true}', 8, tool_calls=(e.ToolCallRef("t1"),)),
        said(5, "agent", "", 9, interrupted=True, generated="Booked."),
        said(6, "agent", "Booked\nfor Monday.", 10),
    )
    assert data["transcript_string"] == "Agent: Which day?\nUser: Monday please\nAgent: Booked for Monday."
    assert [item["role"] for item in data["transcript"]] == ["agent", "user", "agent", "tool", "agent", "agent"]
    assert data["transcript"][2]["tool_calls"] == [
        {"tool_call_id": "t1", "name": "book", "arguments": '{"day": "Monday"}'}
    ]
    assert data["transcript"][3]["tool_calls"] == [{"tool_call_id": "t1"}]
    assert (data["transcript"][4]["content"], data["transcript"][4]["generated"]) == ("", "Booked.")


def test_an_item_that_comes_again_replaces_its_earlier_form_where_it_stood():
    data = shown(
        said(1, "agent", "Hello", 1, final=False),
        said(2, "user", "Hi", 1),
        said(1, "agent", "Hello there", 1, end_at=T + 2),
    )
    assert data["transcript_string"] == "Agent: Hello there\nUser: Hi"
    moved = shown(said(1, "agent", "A", 1), said(2, "user", "B", 2), said(1, "agent", "A", 3))
    assert moved["transcript_string"] == "User: B\nAgent: A"


def test_a_variable_has_one_item_with_its_last_value():
    data = shown(
        e.VariableSet(at=T + 1, name="day", variable_type="string", value="Monday"),
        e.VariableSet(at=T + 2, name="n", variable_type="number", value=3),
        e.VariableSet(at=T + 3, name="day", variable_type="string", value="Tuesday"),
    )
    assert [(row["name"], row["type"], row["value"]) for row in data["variable_values"]] == [
        ("day", "string", "Tuesday"),
        ("n", "number", 3),
    ]
    assert data["variable_values"][0]["timestamp"] == "2023-11-14T22:13:23.000000Z"


def test_cost_is_the_exact_sum_of_the_lines_as_json_numbers():
    lines = tuple(
        {"component": "stt", "quantity": "1", "unit": "minute", "unit_price": price, "amount": price}
        for price in ("0.1", "0.2", "0.00000015")
    )
    record = folded(e.Costed(at=T, lines=lines))
    assert b'"cost":0.30000015,' in encode(record.to_api())
    assert folded().to_api()["cost"] is None


def test_latency_has_percentiles_of_each_stage_and_each_turn_once():
    events = [e.TurnMeasured(at=T, turn=n, stages_ms={"response": float(n), "engine": None}) for n in range(1, 102)]
    latency = shown(*events, e.TurnMeasured(at=T, turn=101, stages_ms={"response": 101.0, "engine": 7.0}))["latency"]
    assert latency["response"] == {"p50": 51.0, "p95": 96.0, "p99": 100.0, "min": 1.0, "max": 101.0, "count": 101}
    assert latency["engine"]["count"] == 1
    assert len(latency["turns"]) == 101
    assert latency["turns"][0] == {"turn": 1, "stages_ms": {"response": 1.0, "engine": None}}
    assert shown()["latency"] == {"turns": []}


def test_the_rest_of_what_happened_stands_in_its_list():
    data = shown(
        e.StateEntered(at=T + 1, state="start"),
        e.StateEntered(at=T + 2, state="book", from_state="start", reason="wants a table"),
        e.KeyPressed(at=T + 3, digit="5", direction="inbound"),
        e.AnswerTyped(at=T + 4, answer_type="human"),
        e.LineKnown(at=T + 5, sip={"codec": "PCMU"}),
        e.LineKnown(at=T + 6, sip={"final_code": 200}),
        e.Flagged(at=T + 7, code="unbacked_claim", detail="booked"),
        e.MetadataChanged(at=T + 8, metadata={"a": None}),
        e.KnowledgeUsed(at=T + 9, query="Parking?", passages=(e.PassageRef("b", "s", "faq.md", 0.5, "Below."),)),
    )
    assert data["knowledge"] == [
        {
            "time": "2023-11-14T22:13:29.000000Z",
            "query": "Parking?",
            "passages": [
                {
                    "knowledge_base_id": "b", "source_id": "s", "source": "faq.md", "page": None, "score": 0.5,
                    "excerpt": "Below.",
                }
            ],
        }
    ]  # fmt: skip
    assert [row["state"] for row in data["state_path"]] == ["start", "book"]
    assert data["dtmf"] == [{"digit": "5", "direction": "inbound", "time": "2023-11-14T22:13:23.000000Z"}]
    assert data["answer_type"] == "human"
    assert data["sip"] == {"codec": "PCMU", "final_code": 200}
    assert data["flags"][0]["code"] == "unbacked_claim"
    assert data["metadata"] == {"a": None}


def test_what_is_left_out_is_empty_and_not_missing():
    record = folded(said(1, "agent", "Hi", 1), e.VariableSet(at=T, name="a", variable_type="string", value="b"))
    whole, lean = record.to_api(), record.to_api(include_transcript=False, include_variables=False)
    assert set(whole) == set(lean)
    assert (lean["transcript"], lean["transcript_string"], lean["variable_values"]) == ([], "", [])


def test_a_snapshot_stays_as_it_is():
    record = folded(*ANSWERED, said(1, "agent", "Hi", 3))
    before = record.snapshot()
    frozen = encode(before.to_api())
    for event in (
        said(1, "agent", "Hi there", 3),
        said(2, "user", "Hello", 4),
        e.VariableSet(at=T, name="a", variable_type="string", value="b"),
        e.LineKnown(at=T, sip={"codec": "PCMA"}),
        e.TurnMeasured(at=T, turn=1, stages_ms={}),
        step(Status.COMPLETED, 9, HUNG_UP),
    ):
        record.apply(event)
    assert encode(before.to_api()) == frozen
    assert encode(record.to_api()) != frozen


items = st.builds(
    said,
    item_id=st.integers(1, 6),
    role=st.sampled_from(["agent", "user", "tool"]),
    content=st.text(max_size=5),
    at=st.integers(0, 5),
)


@given(st.lists(items, max_size=30))
def test_the_transcript_is_what_sorting_the_last_forms_gives(events):
    last, first = {}, {}
    for event in events:
        last[event.item_id] = event
        first.setdefault(event.item_id, len(first))
    expected = sorted(last.values(), key=lambda item: (item.at, first[item.item_id]))
    assert folded(*events).transcript.items() == expected


def answer(question="q1", **values):
    return e.PostCallAnswer(
        id=f"a-{question}", question_id=question, name="Mood", description="How?", question_type="text", **values
    )


def test_answers_come_in_parts_and_the_last_one_to_a_question_counts():
    record = folded(
        *ANSWERED,
        step(Status.COMPLETED, 9, HUNG_UP),
        e.Reviewed(at=T + 10, answers=(answer("q1"), answer("q2", number=2.5)), summary="Short."),
        e.Reviewed(at=T + 11, answers=(answer("q1", text="Happy"),), done=True),
    )
    data = json.loads(encode(record.to_api()))
    assert record.reviewed
    assert data["summary"] == "Short."
    first, second = data["post_call_answers"]
    assert first == {
        "id": "a-q1",
        "question": {
            "id": "q1", "name": "Mood", "description": "How?", "question_type": "text", "is_optional": False,
            "question_origin": "custom",
        },
        "has_answer": True, "answer_text": "Happy", "answer_number": None, "answer_boolean": None,
        "selected_options": [],
    }  # fmt: skip
    assert (second["has_answer"], second["answer_number"]) == (True, 2.5)


@pytest.mark.parametrize(
    ("values", "has_answer"),
    [
        ({}, False),
        ({"boolean": False}, True),
        ({"number": 0}, True),
        ({"selected": (e.SelectedOption("o", "A"),)}, True),
    ],
)
def test_false_and_zero_are_answers_and_nothing_is_none(values, has_answer):
    data = shown(e.Reviewed(at=T, answers=(answer(**values),)))
    assert data["post_call_answers"][0]["has_answer"] is has_answer


def test_a_snapshot_keeps_its_answers_while_the_record_gets_more():
    record = folded(e.Reviewed(at=T, answers=(answer("q1"),)))
    twin = record.snapshot()
    record.apply(e.Reviewed(at=T, answers=(answer("q2"),), done=True))
    assert (list(twin.answers), twin.reviewed) == (["q1"], False)
