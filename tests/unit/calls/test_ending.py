import pytest

from offhook.calls.ending import answered, unanswered
from offhook.lines.line import Ended, Party


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (486, "busy", "busy"),
        (600, "busy", "busy"),
        (603, "no_answer", "declined"),
        (480, "no_answer", "no_answer"),
        (408, "no_answer", "no_answer"),
        (487, "no_answer", "no_answer"),
        (404, "failed", "invalid_number"),
        (503, "failed", "carrier_error"),
        (488, "failed", "carrier_error"),
        (None, "failed", "carrier_error"),
    ],
)
def test_an_outbound_call_that_nobody_took_ends_as_its_final_code_says(code, status, reason):
    final, end = unanswered(Ended(Party.CALLEE, code, "…"), direction="outbound")
    assert (final, end.code) == (status, reason)


def test_a_caller_who_gives_up_while_it_rings_cancels_the_call():
    final, end = unanswered(Ended(Party.CALLER, 487, "CANCEL"), direction="inbound")
    assert (final, end.code, end.party) == ("canceled", "canceled", "caller")


@pytest.mark.parametrize(
    ("direction", "party", "code"),
    [
        ("inbound", Party.CALLER, "caller_hung_up"),
        ("outbound", Party.CALLEE, "callee_hung_up"),
        ("inbound", Party.CARRIER, "media_lost"),
    ],
)
def test_an_answered_call_names_who_hung_up(direction, party, code):
    assert answered(Ended(party, None, "BYE"), direction=direction).code == code
