"""How a line that ended before it was answered, or after, becomes the call's final status and end reason."""

from __future__ import annotations

from offhook.lines.line import Ended, Party
from offhook.record.lifecycle import EndCode, EndReason, Status

_BUSY = {486, 600}
_NO_ANSWER = {408, 480, 487}
_INVALID = {404, 410, 484, 604}


def unanswered(ended: Ended, *, direction: str) -> tuple[Status, EndReason]:
    """Final status of a call whose line ended before the answer (spec of calls: SIP codes to statuses)."""
    party = str(ended.party)
    if ended.party is Party.CALLER:
        return Status.CANCELED, EndReason(EndCode.CANCELED, party, ended.detail)
    if direction == "inbound":
        return Status.FAILED, EndReason(EndCode.PLATFORM_FAILURE, party, ended.detail)
    code = ended.code
    if code in _BUSY:
        return Status.BUSY, EndReason(EndCode.BUSY, party, ended.detail)
    if code == 603:
        return Status.NO_ANSWER, EndReason(EndCode.DECLINED, party, ended.detail)
    if code in _NO_ANSWER:
        return Status.NO_ANSWER, EndReason(EndCode.NO_ANSWER, party, ended.detail)
    if code in _INVALID:
        return Status.FAILED, EndReason(EndCode.INVALID_NUMBER, party, ended.detail)
    return Status.FAILED, EndReason(EndCode.CARRIER_ERROR, party, ended.detail)


def answered(ended: Ended, *, direction: str) -> EndReason:
    """Why an answered call ended when its line went."""
    far_end = Party.CALLER if direction == "inbound" else Party.CALLEE
    if ended.party in {Party.CALLER, Party.CALLEE}:
        code = EndCode.CALLER_HUNG_UP if far_end is Party.CALLER else EndCode.CALLEE_HUNG_UP
        return EndReason(code, str(far_end), ended.detail)
    return EndReason(EndCode.MEDIA_LOST, str(ended.party), ended.detail)
