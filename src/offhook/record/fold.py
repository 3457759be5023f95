"""The record of a call: the pure fold of its events, and what the API shows of it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, assert_never

import msgspec

from offhook.errors import ConflictError
from offhook.record.cost import total
from offhook.record.events import (
    AnswerTyped,
    CallCreated,
    CallEvent,
    Costed,
    Flagged,
    KeyPressed,
    KnowledgeUsed,
    LineKnown,
    MetadataChanged,
    NotRecorded,
    PostCall,
    PostCallAnswer,
    Recorded,
    Reviewed,
    StateEntered,
    StatusChanged,
    ToolCalled,
    TranscriptAdded,
    TurnMeasured,
    VariableSet,
    VariablesResolved,
)
from offhook.record.latency import summary
from offhook.record.lifecycle import FINAL, EndReason, Status, allowed
from offhook.record.times import iso, to_us
from offhook.record.transcript import Transcript

PHONE_ONLY = ("from_number", "to_number", "direction", "answer_type")
# Decimals go out as JSON numbers with exactly their digits; a float would round them.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class CallRecord:
    """One call as far as its events tell. ``events_applied`` counts them, the first one included."""

    def __init__(self, created: CallCreated) -> None:
        self.created = created
        self.events_applied = 1
        self.status = Status.CREATED
        self.closing: StatusChanged | None = None
        self.ringing_at: float | None = None
        self.start_at: float | None = None
        self.end_at: float | None = None
        self.answer_type: str | None = None
        self.metadata: dict[str, Any] = created.metadata
        self.transcript = Transcript()
        self.variables: dict[str, VariableSet] = {}
        self.states: list[StateEntered] = []
        self.keys: list[KeyPressed] = []
        self.turns: dict[int, dict[str, float | None]] = {}
        self.sip: dict[str, Any] = {}
        self.carrier_call_id = created.carrier_call_id
        self.cost_lines: tuple[dict[str, str], ...] | None = None
        self.recording: Recorded | None = None
        self.not_recorded: NotRecorded | None = None
        self.answers: dict[str, PostCallAnswer] = {}
        self.summary: str | None = None
        self.reviewed = False
        self.told = False
        self.flags: list[Flagged] = []
        self.knowledge: list[KnowledgeUsed] = []

    @classmethod
    def create(cls, created: CallCreated) -> CallRecord:
        """The record of a call that has just come to be."""
        return cls(created)

    @classmethod
    def replay(cls, events: Iterable[CallEvent]) -> CallRecord:
        """Fold a call's stored events; the first is its CallCreated (else ConflictError)."""
        stream = iter(events)
        first = next(stream, None)
        if not isinstance(first, CallCreated):
            raise ConflictError("a call's first event is its creation")
        record = cls(first)
        for event in stream:
            record.apply(event)
        return record

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.created.call_id

    @property
    def end_reason(self) -> EndReason | None:
        """Why the call ended; None before."""
        return self.closing.end_reason if self.closing else None

    @property
    def duration_seconds(self) -> int | None:
        """End − start, rounded up to the second; None before the end, and for a call nobody answered."""
        if self.start_at is None or self.end_at is None:
            return None
        return -(-(to_us(self.end_at) - to_us(self.start_at)) // 1_000_000)

    @property
    def cost(self) -> Decimal | None:
        """Exact sum of the cost lines; None until they are known."""
        return None if self.cost_lines is None else total(self.cost_lines)

    def snapshot(self) -> CallRecord:
        """A copy that stays as it is while this record goes on; cheap, for events and items never change."""
        twin = copy.copy(self)
        twin.transcript = self.transcript.copy()
        twin.variables, twin.turns, twin.sip = dict(self.variables), dict(self.turns), dict(self.sip)
        twin.states, twin.keys, twin.flags = list(self.states), list(self.keys), list(self.flags)
        twin.knowledge = list(self.knowledge)
        twin.answers = dict(self.answers)
        return twin

    # ------------------------------------------------------------------ events

    def apply(self, event: CallEvent) -> bool:  # noqa: C901, PLR0912 - one flat case an event reads best as a table
        """Take one more event. False: it was a second end, and changed nothing.

        Raises ConflictError for a step the life cycle doesn't allow, or a second creation; the record stays as it was.
        """
        taken = True
        match event:
            case StatusChanged():
                taken = self._step(event)
            case TranscriptAdded():
                self.transcript.add(event)
            case VariableSet():
                self.variables[event.name] = event
            case StateEntered():
                self.states.append(event)
            case KeyPressed():
                self.keys.append(event)
            case AnswerTyped():
                self.answer_type = event.answer_type
            case TurnMeasured():
                self.turns[event.turn] = {**self.turns.get(event.turn, {}), **event.stages_ms}
            case LineKnown():
                self.sip.update(event.sip)
                self.carrier_call_id = event.carrier_call_id or self.carrier_call_id
            case Costed():
                self.cost_lines = event.lines
            case Recorded():
                self.recording = event
            case NotRecorded():
                self.not_recorded = event
            case Reviewed():
                self._review(event)
            case PostCall():
                self.told = True
            case MetadataChanged():
                self.metadata = event.metadata
            case Flagged():
                self.flags.append(event)
            case KnowledgeUsed():
                self.knowledge.append(event)
            case ToolCalled() | VariablesResolved():
                pass  # for those who are told of events: the record shows tool calls and variables by other ones
            case CallCreated():
                raise ConflictError(f"call {self.call_id} exists already")
            case _:
                assert_never(event)
        self.events_applied += 1
        return taken

    def _step(self, event: StatusChanged) -> bool:
        if self.status in FINAL and event.status in FINAL:
            return False
        if not allowed(self.status, event.status):
            raise ConflictError(f"call {self.call_id} is {self.status.value}: it cannot become {event.status.value}")
        self.status = event.status
        if event.status is Status.RINGING:
            self.ringing_at = event.at
        elif event.status is Status.IN_PROGRESS:
            # A clock set back between creation and answer must not put one before the other.
            self.start_at = max(event.at, self.created.at)
        elif event.status in FINAL:
            # A clock set back during the call must not give it a negative length.
            self.end_at = max(event.at, self.start_at or self.created.at)
            self.closing = event
        return True

    def _review(self, event: Reviewed) -> None:
        self.answers.update({answer.question_id: answer for answer in event.answers})
        self.summary = event.summary if event.summary is not None else self.summary
        self.reviewed = self.reviewed or event.done

    # ------------------------------------------------------------------ what the API shows

    def to_api(self, *, include_transcript: bool = True, include_variables: bool = True) -> dict[str, Any]:
        """``data`` of ``GET /v1/calls/{id}``, every field present. Costs are Decimals (``encode`` writes them).

        ``recording_url`` and ``recording_channels_url`` are null here: they are made when asked for.
        """
        created = self.created
        shown: dict[str, Any] = {
            "id": created.call_id,
            "status": self.status.value,
            "type": created.call_type,
            "direction": created.direction,
            "from_number": created.from_number,
            "to_number": created.to_number,
            "organization_id": created.organization_id,
            "agent_id": created.agent_id,
            "agent_version": created.agent_version,
            "configuration_id": created.configuration_id,
            "metadata": self.metadata,
            **self._times(),
            "end_reason": self.end_reason.to_api() if self.end_reason else None,
            "cost": self.cost,
            "cost_lines": self._cost_lines(),
            "transcript_string": self.transcript.text() if include_transcript else "",
            "transcript": self.transcript.to_api() if include_transcript else [],
            "variable_values": self.variable_values() if include_variables else [],
            "initial_variable_values": created.initial_variable_values,
            "answer_type": self.answer_type,
            **self._course(),
            "carrier_call_id": self.carrier_call_id,
            "sip": dict(self.sip) or None,
            "campaign_id": None,
            "secure_recording_url": created.secure_recording_url,
            "recording_url": None,
            "recording_channels_url": None,
        }
        if created.call_type == "web_call":
            for name in PHONE_ONLY:
                del shown[name]
        return shown

    def _times(self) -> dict[str, Any]:
        return {
            "created_at": iso(self.created.at),
            "ringing_at": _iso_or_none(self.ringing_at),
            "start_time": _iso_or_none(self.start_at),
            "end_time": _iso_or_none(self.end_at),
            "duration_seconds": self.duration_seconds,
            "redirect_duration_seconds": None,
        }

    def _course(self) -> dict[str, Any]:
        return {
            "post_call_answers": self.post_call_answers(),
            "summary": self.summary,
            "transfers": [],
            "dtmf": [{"digit": key.digit, "direction": key.direction, "time": iso(key.at)} for key in self.keys],
            "state_path": [
                {"state": step.state, "entered_at": iso(step.at), "reason": step.reason} for step in self.states
            ],
            "latency": summary(self.turns),
            "knowledge": [_knowledge(use) for use in self.knowledge],
            "flags": [{"code": flag.code, "detail": flag.detail, "time": iso(flag.at)} for flag in self.flags],
        }

    def _cost_lines(self) -> list[dict[str, Any]]:
        return [
            {
                "component": line["component"],
                "quantity": Decimal(line["quantity"]),
                "unit": line["unit"],
                "unit_price": Decimal(line["unit_price"]),
                "amount": Decimal(line["amount"]),
            }
            for line in self.cost_lines or ()
        ]

    def variable_values(self) -> list[dict[str, Any]]:
        """Each variable with its last value."""
        return [
            {"name": each.name, "type": each.variable_type, "value": each.value, "timestamp": iso(each.at)}
            for each in self.variables.values()
        ]

    def post_call_answers(self) -> list[dict[str, Any]]:
        """Each question the call was asked, with its answer."""
        return [_answer(answer) for answer in self.answers.values()]


def _knowledge(use: KnowledgeUsed) -> dict[str, Any]:
    passages = [
        {
            "knowledge_base_id": each.base_id,
            "source_id": each.source_id,
            "source": each.source,
            "page": each.page,
            "score": each.score,
            "excerpt": each.excerpt,
        }
        for each in use.passages
    ]
    return {"time": iso(use.at), "query": use.query, "passages": passages}


def encode(shown: object) -> bytes:
    """JSON of what ``to_api`` gives; decimals are numbers with exactly their digits."""
    return _ENCODER.encode(shown)


def _iso_or_none(at: float | None) -> str | None:
    return None if at is None else iso(at)


def _answer(answer: PostCallAnswer) -> dict[str, Any]:
    given = (answer.text, answer.number, answer.boolean)
    return {
        "id": answer.id,
        "question": {
            "id": answer.question_id,
            "name": answer.name,
            "description": answer.description,
            "question_type": answer.question_type,
            "is_optional": answer.is_optional,
            "question_origin": answer.question_origin,
        },
        "has_answer": bool(answer.selected) or any(value is not None for value in given),
        "answer_text": answer.text,
        "answer_number": answer.number,
        "answer_boolean": answer.boolean,
        "selected_options": [{"option": {"id": option.id, "value": option.value}} for option in answer.selected],
    }
