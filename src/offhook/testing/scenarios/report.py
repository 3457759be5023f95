"""Outcomes for people, for programs, and for build servers."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from offhook.testing.scenarios.outcome import Moment, Outcome

SPEAKERS = {"agent", "caller"}
# What XML 1.0 can't carry, even escaped.
_UNFIT = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


def headline(outcome: Outcome) -> str:
    """One line an outcome."""
    if outcome.skipped is not None:
        return f"{outcome.name}: skipped, {outcome.skipped}"
    if outcome.error is not None:
        return f"{outcome.name}: can't be played"
    many = "" if not outcome.failures else f", {len(outcome.failures)} expectation(s) not met"
    return f"{outcome.name} ({outcome.call_seconds:.1f} s of call in {outcome.seconds * 1000:.0f} ms{many})"


def story(outcome: Outcome) -> str:
    """What went wrong, and the call as it went, as plain text."""
    lines = [f"{outcome.name}  [{outcome.mode}]  {outcome.where}"]
    if outcome.error is not None:
        lines += [f"  {line}" for line in outcome.error.splitlines()]
    for failure in outcome.failures:
        lines += [
            f"  ✗ {failure.where}", f"      expected: {failure.expected}", f"      got:      {failure.got}",
        ]  # fmt: skip
    if outcome.moments:
        lines += ["", "  The call:"]
        lines += [f"  {moment_line(moment)}" for moment in outcome.moments]
    return "\n".join(lines)


def moment_line(moment: Moment) -> str:
    """``  4.21  caller  I would like to book an appointment.``; what nobody said is in brackets."""
    text = moment.text if moment.who in SPEAKERS else f"[{moment.text}]"
    return f"{moment.at_ms / 1000:7.2f}  {moment.who:<8}  {text}"


def as_data(outcome: Outcome) -> dict[str, object]:
    """An outcome as JSON data."""
    return {
        "name": outcome.name,
        "file": outcome.where,
        "mode": outcome.mode.value,
        "outcome": "skipped" if outcome.skipped else "failed" if outcome.failed else "passed",
        "skipped": outcome.skipped,
        "error": outcome.error,
        "failures": [{"where": each.where, "expected": each.expected, "got": each.got} for each in outcome.failures],
        "seconds": round(outcome.seconds, 3),
        "call_seconds": outcome.call_seconds,
        "moments": [{"at_ms": each.at_ms, "who": each.who, "text": each.text} for each in outcome.moments],
        "call": outcome.call,
    }


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """JUnit's XML, as build servers read it."""
    failed = sum(bool(each.failures) for each in outcomes)
    errors = sum(each.error is not None for each in outcomes)
    counts = {
        "name": "offhook scenarios",
        "tests": str(len(outcomes)),
        "failures": str(failed),
        "errors": str(errors),
        "skipped": str(sum(each.skipped is not None for each in outcomes)),
        "time": f"{sum(each.seconds for each in outcomes):.3f}",
    }
    root = Element("testsuites", {name: value for name, value in counts.items() if name != "skipped"})
    suite = SubElement(root, "testsuite", counts)
    for outcome in outcomes:
        case = SubElement(
            suite, "testcase",
            {"classname": outcome.where, "name": _fit(f"{outcome.name} [{outcome.mode}]"), "file": outcome.where,
             "time": f"{outcome.seconds:.3f}"},
        )  # fmt: skip
        if outcome.error is not None:
            _tell(case, "error", outcome.error.splitlines()[0], outcome.error)
        elif outcome.failures:
            first = outcome.failures[0]
            _tell(case, "failure", f"{first.where}: expected {first.expected}, got {first.got}", story(outcome))
        elif outcome.skipped is not None:
            SubElement(case, "skipped", {"message": outcome.skipped})
        if outcome.moments:
            lines = [moment_line(moment) for moment in outcome.moments]
            SubElement(case, "system-out").text = _fit("\n".join(lines))
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + document


def _tell(case: Element, tag: str, message: str, text: str) -> None:
    SubElement(case, tag, {"message": _fit(message)}).text = _fit(text)


def _fit(text: str) -> str:
    return text.translate(_UNFIT)
