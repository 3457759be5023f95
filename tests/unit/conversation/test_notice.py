"""That the call is recorded is said first and to its end."""

NOTICE = "This call is recorded so that we can serve you better, today and next time."


def test_the_notice_comes_before_the_greeting(stage):
    call = stage("Hello, how can I help?", NOTICE).run(12_000)
    assert call.transcript == [f"agent: {NOTICE}", "agent: Hello, how can I help?"]


def test_a_caller_who_speaks_over_it_is_answered_after_it(stage):
    call = stage("Hello, how can I help?", NOTICE, answers=["At nine."]).run(500)
    call.caller("When do you open tomorrow?")
    call.run(15_000)
    assert f"agent: {NOTICE}" in call.transcript, "heard whole"
    assert call.transcript[-1] == "agent: At nine."
    assert call.asked == ["When do you open tomorrow?"]
