"""The life of a call: its states, the one table of allowed steps, and the closed list of ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Status of a call as the API shows it."""

    CREATED = "created"
    INITIATED = "initiated"
    STAGED = "staged"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REDIRECTION_COMPLETED = "redirection_completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELED = "canceled"


FINAL = frozenset(
    {
        Status.COMPLETED,
        Status.REDIRECTION_COMPLETED,
        Status.FAILED,
        Status.BUSY,
        Status.NO_ANSWER,
        Status.CANCELED,
    }
)
_UNANSWERED_ENDS = {Status.FAILED, Status.BUSY, Status.NO_ANSWER, Status.CANCELED}
STEPS: dict[Status, frozenset[Status]] = {
    Status.CREATED: frozenset({Status.INITIATED, Status.STAGED, Status.RINGING, *_UNANSWERED_ENDS}),
    Status.INITIATED: frozenset({Status.STAGED, Status.RINGING, Status.IN_PROGRESS, *_UNANSWERED_ENDS}),
    Status.STAGED: frozenset({Status.RINGING, Status.IN_PROGRESS, *_UNANSWERED_ENDS}),
    Status.RINGING: frozenset({Status.IN_PROGRESS, *_UNANSWERED_ENDS}),
    Status.IN_PROGRESS: frozenset({Status.COMPLETED, Status.REDIRECTION_COMPLETED, Status.FAILED}),
}


def allowed(before: Status, after: Status) -> bool:
    """Whether a call may step from one status to another; status only moves forward, a final one never changes."""
    return after in STEPS.get(before, frozenset())


class EndCode(StrEnum):
    """Why a call ended; a closed list."""

    CALLER_HUNG_UP = "caller_hung_up"
    CALLEE_HUNG_UP = "callee_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    TRANSFERRED = "transferred"
    MAX_DURATION = "max_duration"
    CALLER_SILENT = "caller_silent"
    VOICEMAIL_LEFT = "voicemail_left"
    VOICEMAIL_DETECTED = "voicemail_detected"
    CALL_SCREENED = "call_screened"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    CANCELED = "canceled"
    TERMINATED_BY_API = "terminated_by_api"
    INVALID_NUMBER = "invalid_number"
    CARRIER_ERROR = "carrier_error"
    MEDIA_LOST = "media_lost"
    PROVIDER_FAILURE = "provider_failure"
    CAPACITY = "capacity"
    PLATFORM_FAILURE = "platform_failure"


@dataclass(frozen=True, slots=True)
class EndReason:
    """Why a call ended, by whose act (caller, callee, agent, platform, provider, carrier), in a sentence."""

    code: EndCode
    party: str
    detail: str = ""

    def to_api(self) -> dict[str, str]:
        """As the API and webhooks show it."""
        return {"code": self.code.value, "party": self.party, "detail": self.detail}
