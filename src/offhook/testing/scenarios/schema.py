"""A scenario as data: the agent, the world around it, what the caller does, and what must come of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from offhook.record.lifecycle import EndCode

# Two answers of the longest kind, and a presence check; a scenario that needs more says so.
LIMIT_S = 180.0
# The caller hears nothing for so long at the most (docs/conversation.md).
DEAD_AIR_MS = 4000
# A working day, so that "tomorrow" and opening hours mean the same in every run.
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Mode(StrEnum):
    """How a scenario is played."""

    TEXT = "text"
    AUDIO = "audio"
    SIP = "sip"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Pattern = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_pattern)]
Text = Annotated[str, Field(min_length=1, max_length=5000)]


def _many(value: object) -> str:
    return SEVERAL if isinstance(value, list) else ONE


# One thing or a list of such. The tags keep an error about the one from being told as an error about the other.
ONE, SEVERAL = "(one)", "(several)"
Texts = Annotated[Annotated[Text, Tag(ONE)] | Annotated[list[Text], Tag(SEVERAL)], Discriminator(_many)]
Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ToolExpectation(_Part):
    """A tool that must have been called. Arguments that are not named here may be anything."""

    name: Text
    arguments: dict[str, Any] = Field(default_factory=dict)
    success: bool | None = None
    result: Text | None = Field(None, description="What its answer contains.")


class AnswerExpectation(_Part):
    """What must come of one line of the caller: the agent's words and acts until the caller's next line."""

    says: Texts | None = Field(None, description="The agent's words contain it; case doesn't count.")
    matches: Pattern | None = None
    not_says: Texts | None = None
    nothing: Literal[True] | None = Field(None, description="The agent says nothing.")
    within_ms: Milliseconds | None = Field(None, description="From the line's end to the agent's voice.")
    state: Text | None = Field(None, description="The state the agent is in then.")
    variables: dict[str, Any] | None = Field(None, description="Values known by then; null: not known.")
    tools: list[ToolExpectation] | None = Field(None, description="In this order; others may come between.")
    stops_within_ms: Milliseconds | None = Field(None, description="The agent falls silent, from the line's onset.")
    goes_on: Literal[True] | None = Field(None, description="The agent says to its end what the line was said over.")


class Expectation(_Part):
    """What must have come of the call."""

    says: Texts | None = None
    matches: Pattern | None = None
    not_says: Texts | None = None
    hears: Texts | None = Field(None, description="The transcript has these words of the caller.")
    states: list[Text] | None = Field(None, description="Every state from the first on, and no other.")
    state: Text | None = Field(None, description="The state in which the call ended.")
    variables: dict[str, Any] | None = Field(None, description="Values at the end; null: not known.")
    tools: list[ToolExpectation] | None = Field(None, description="In this order; others may come between.")
    not_tools: list[Text] | None = None
    keys: Text | None = Field(None, description="What the agent pressed.")
    ended: EndCode | None = Field(None, strict=False)
    flags: list[Text] | None = Field(None, description="Codes of the record's flags, these and no other.")
    interruptions: Annotated[int, Field(ge=0)] | None = Field(None, description="Utterances that were cut off.")
    turn_ends: list[Text] | None = Field(None, description="Why each turn of the caller ended, in order.")
    response_ms: Milliseconds | None = Field(None, description="The slowest answer.")
    dead_air_ms: Milliseconds | None = Field(
        DEAD_AIR_MS, description="The longest silence while the caller waits for the agent; null: not looked at."
    )
    ends_within_s: Annotated[float, Field(gt=0)] | None = None


class CallerLine(_Part):
    """One thing the caller does, and when.

    One of ``say``, ``press``, ``noise_ms``, ``silence_ms``, ``hang_up``. Without a time it comes ``pause_ms`` after the
    agent has said something and fallen silent.
    """

    say: Text | None = None
    press: Annotated[str, Field(pattern=r"^[0-9*#]{1,64}$")] | None = None
    noise_ms: Milliseconds | None = Field(None, description="Sound that a voice detector takes for a voice; no words.")
    silence_ms: Milliseconds | None = None
    hang_up: Literal[True] | None = None

    after: Pattern | None = Field(None, description="Wait for these words of the agent (a regular expression).")
    pause_ms: Milliseconds = Field(600, description="After the agent's last word.")
    at_ms: Milliseconds | None = Field(None, description="At this time of the call, whatever the agent does.")
    continues_ms: Milliseconds | None = Field(None, description="So long after the caller's own last sound.")
    interrupts_ms: Milliseconds | None = Field(None, description="So long into what the agent says next.")

    heard_as: str | None = Field(None, description="What the recognizer makes of it (text mode).")
    not_recognized: Literal[True] | None = Field(None, description="The recognizer fails on it (text mode).")
    sounds_finished: Annotated[float, Field(ge=0, le=1)] = Field(
        0.95, description="The turn model's score (text mode)."
    )
    lasts_ms: Milliseconds | None = Field(None, description="How long the words take (text mode).")
    expect: AnswerExpectation | None = None

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        acts = [name for name in ACTS if getattr(self, name) is not None]
        if len(acts) != 1:
            raise ValueError(f"a line is one of {', '.join(ACTS)}; this one has {' and '.join(acts) or 'none'}")
        times = [name for name in TIMES if getattr(self, name) is not None]
        if len(times) > 1:
            raise ValueError(f"a line comes at one time; this one has {' and '.join(times)}")
        return self

    @property
    def act(self) -> str:
        """What it is, in a word or two for people."""
        if self.say is not None:
            return f"“{self.say}”"
        if self.press is not None:
            return f"presses {self.press}"
        if self.noise_ms is not None:
            return f"(noise, {self.noise_ms} ms)"
        return "hangs up" if self.hang_up else f"(silence, {self.silence_ms} ms)"


ACTS = ("say", "press", "noise_ms", "silence_ms", "hang_up")
TIMES = ("at_ms", "continues_ms", "interrupts_ms")


class HttpAnswer(_Part):
    """What a server answers: JSON, a text, a status, a redirect; late, or not at all."""

    json_: Any = Field(None, alias="json")
    body: str | None = None
    content_type: str = "text/plain"
    size_bytes: Annotated[int, Field(ge=1, le=50_000_000)] | None = Field(None, description="A body of so many bytes.")
    status: Annotated[int, Field(ge=100, le=599)] = 200
    redirect: str | None = Field(None, description="302 to this address.")
    delay_ms: Milliseconds = 0
    hangs: Literal[True] | None = Field(None, description="Never answers.")
    unreachable: Literal[True] | None = Field(None, description="Nobody listens there.")


HttpAnswers = Annotated[
    Annotated[HttpAnswer, Tag(ONE)] | Annotated[list[HttpAnswer], Tag(SEVERAL)], Discriminator(_many)
]


class HttpStub(_Part):
    """Answers to requests whose URL matches; of several answers the next one each time, the last one stays."""

    url: Pattern
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    answer: HttpAnswers


class ModelStep(_Part):
    """A part of a scripted model's answer to one request."""

    say: str | None = None
    call: Text | None = Field(None, description="Name of a tool, or go_to_STATE.")
    arguments: dict[str, Any] | str = Field(default_factory=dict, description="A text is sent as it stands.")
    wait_ms: Milliseconds | None = None
    fail: Annotated[int, Field(ge=400, le=599)] | Literal["timeout", "connection"] | None = None
    hang: Literal[True] | None = None
    endless: Text | None = Field(None, description="Says this again and again, without an end.")
    nothing: Literal[True] | None = Field(None, description="An answer without a word.")
    own: Literal[True] | None = Field(None, description="The agent's own model answers.")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        things = [name for name in STEPS if getattr(self, name) is not None]
        if len(things) != 1:
            raise ValueError(f"a step is one of {', '.join(STEPS)}; this one has {' and '.join(things) or 'none'}")
        return self


STEPS = ("say", "call", "wait_ms", "fail", "hang", "endless", "nothing", "own")
ModelAnswer = Annotated[Annotated[ModelStep, Tag(ONE)] | Annotated[list[ModelStep], Tag(SEVERAL)], Discriminator(_many)]


class Timing(_Part):
    """How long the parts of a call take in text mode: what they take on one core, as measured."""

    recognizer_ms: Milliseconds = 250
    voice_ms: Milliseconds = Field(200, description="Until a clause's first sound.")
    letters_per_s: Annotated[int, Field(ge=5, le=40)] = 15


class Scenario(_Part):
    """One call: who is called, what the world is like, what the caller does, what must come of it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    agent: str | dict[str, Any] = Field(
        description="An agent file, from this file's folder; sample:appointment.en; or the configuration itself."
    )
    changes: dict[str, Any] = Field(default_factory=dict, description="Put into the agent's configuration.")
    tags: list[Text] = Field(default_factory=list)
    modes: list[Annotated[Mode, Field(strict=False)]] = Field(default_factory=lambda: list(Mode), min_length=1)
    language: str | None = Field(None, description="The caller's; the agent's when absent.")
    voice: str | None = Field(None, description="The caller's voice (audio, sip).")
    direction: Literal["inbound", "outbound"] | None = None
    from_number: str = "+33612345678"
    to_number: str = "+33123456789"
    at: Annotated[datetime, Field(strict=False), AfterValidator(_aware)] = MONDAY
    variables: dict[str, Any] = Field(default_factory=dict, description="Initial values of a call that is placed.")
    functions: dict[str, HttpAnswers] = Field(default_factory=dict)
    http: list[HttpStub] = Field(default_factory=list)
    model: list[ModelAnswer] | None = Field(None, description="A scripted model: an answer a request; the last stays.")
    fallback_model: list[ModelAnswer] | None = None
    timing: Timing = Timing()
    limit_s: Annotated[float, Field(gt=0, le=36_000)] = LIMIT_S
    caller: list[CallerLine] = Field(default_factory=list, max_length=500)
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _variables_are_of_placed_calls(self) -> Self:
        if self.variables and self.direction == "inbound":
            raise ValueError("calls that come in have no initial variables: use direction outbound, or call_context")
        return self

    @property
    def outbound(self) -> bool:
        """Whether the agent calls; a call with initial variables is one that was placed."""
        return self.direction == "outbound" or (self.direction is None and bool(self.variables))

    @property
    def stays(self) -> bool:
        """Whether the caller waits for the other side to end the call, after the last line was answered."""
        ended = self.expect.ended
        return ended is not None and ended not in {EndCode.CALLER_HUNG_UP, EndCode.CALLEE_HUNG_UP}
