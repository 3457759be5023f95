"""What was expected of a call against what happened: pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.record.events import KeyPressed, StateEntered, ToolCalled, TranscriptAdded, TurnMeasured, VariableSet
from offhook.testing.scenarios.observed import Item, Observed, Sound
from offhook.testing.scenarios.schema import AnswerExpectation, CallerLine, Expectation, Scenario, ToolExpectation

WORDLESS = {"wait", "press_keys"}  # tools by which an agent answers without a word


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met: which, what it asks for, and what came instead."""

    where: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a call: after one line of the caller, or all of it."""

    said: str
    tools: list[ToolCalled]
    values: dict[str, Any]
    state: str | None


def judge(scenario: Scenario, observed: Observed, said: int) -> list[Failure]:
    """Every expectation that was not met; ``said`` is how many of the caller's lines were said."""
    failures = [Failure("scenario", "the call goes as planned", fault) for fault in observed.faults]
    failures += _unsaid(scenario, observed, said)
    sounds = {sound.line: sound for sound in observed.sounds}
    for place, line in enumerate(scenario.caller[:said]):
        if line.expect is not None and place in sounds:
            failures += _answer(line, line.expect, observed, sounds[place], f"caller[{place}].expect")
    failures += _call(scenario.expect, observed)
    return failures


def _unsaid(scenario: Scenario, observed: Observed, said: int) -> list[Failure]:
    # A caller who only wanted to put the phone down has nothing left to do when the other side did.
    left = [line for line in scenario.caller[said:] if not line.hang_up]
    if not left:
        return []
    line, last = left[0], observed.record.end_reason if observed.record else None
    awaited = f"waited for {line.after!r}" if line.after else "waited for its time"
    ended = f"the call ended: {last.code.value} ({last.detail})" if last else "the call did not end"
    heard = _words(_items_from(observed, observed.sounds[-1].start_ms if observed.sounds else 0))
    got = f"it {awaited}; {ended}; the agent's last words: {_quoted(heard)}"
    return [Failure(f"caller[{said}]", f"the caller gets to {line.act}", got)]


# ---------------------------------------------------------------------- one line


def _answer(
    line: CallerLine, expect: AnswerExpectation, observed: Observed, sound: Sound, where: str
) -> Iterator[Failure]:
    until_ms = next((other.start_ms for other in observed.sounds if other.line > sound.line), None)
    part = _part(observed, sound.start_ms, until_ms)
    yield from _words_failures(where, expect.says, expect.matches, expect.not_says, part.said)
    yield from _facts_failures(where, expect, part)
    if expect.nothing and part.said:
        yield Failure(f"{where}.nothing", "the agent says nothing", _quoted(part.said))
    if expect.within_ms is not None:
        began_ms = observed.first_voice_after(sound.end_ms)
        took = None if began_ms is None else began_ms - sound.end_ms
        if took is None or took > expect.within_ms:
            yield Failure(f"{where}.within_ms", f"an answer within {expect.within_ms} ms", _ms(took))
    if expect.stops_within_ms is not None:
        yield from _stops(where, expect.stops_within_ms, observed, sound)
    if expect.goes_on:
        yield from _goes_on(where, observed, sound, line)


def _stops(where: str, limit_ms: int, observed: Observed, sound: Sound) -> Iterator[Failure]:
    over = _item_at(observed, sound.start_ms)
    spoken = next((each for each in observed.voice if each.start_ms <= sound.start_ms < each.end_ms), None)
    expected = f"the agent stops within {limit_ms} ms"
    if spoken is None or over is None:
        yield Failure(f"{where}.stops_within_ms", expected, "the agent was silent when the caller spoke")
    elif not over.interrupted:
        yield Failure(f"{where}.stops_within_ms", expected, f"it was not interrupted: {_quoted(over.content)}")
    elif spoken.end_ms - sound.start_ms > limit_ms:
        yield Failure(f"{where}.stops_within_ms", expected, f"it spoke on for {spoken.end_ms - sound.start_ms} ms")


def _goes_on(where: str, observed: Observed, sound: Sound, line: CallerLine) -> Iterator[Failure]:
    over = _item_at(observed, sound.start_ms)
    expected = f"the agent goes on after {line.act}"
    if over is None:
        yield Failure(f"{where}.goes_on", expected, "the agent was silent when the caller spoke")
    elif over.interrupted:
        yield Failure(f"{where}.goes_on", expected, f"it was interrupted: {_quoted(over.content)}")


def _item_at(observed: Observed, at_ms: int) -> Item | None:
    """The utterance that had begun at a time, the latest such."""
    begun = [item for item in observed.items.values() if item.start_ms <= at_ms <= item.changed_ms]
    return max(begun, key=lambda item: item.start_ms, default=None)


# ---------------------------------------------------------------------- the whole call


def _call(expect: Expectation, observed: Observed) -> Iterator[Failure]:
    where = "expect"
    part = _part(observed, None, None)
    yield from _words_failures(where, expect.says, expect.matches, expect.not_says, part.said)
    yield from _facts_failures(where, expect, part)
    users = [event for event in _last_forms(observed) if event.role == "user"]
    heard = " ".join(event.content for event in users)
    for text in _many(expect.hears):
        if _plain(text) not in _plain(heard):
            yield Failure(f"{where}.hears", _quoted(text), _quoted(heard))
    for name in expect.not_tools or ():
        if any(tool.name == name for tool in part.tools):
            yield Failure(f"{where}.not_tools", f"no call of {name}", _tools(part.tools))
    yield from _path_failures(expect, observed, users)
    yield from _time_failures(expect, observed)


def _path_failures(expect: Expectation, observed: Observed, users: Sequence[TranscriptAdded]) -> Iterator[Failure]:
    record = observed.record
    ended = record.end_reason if record else None
    states = [event.state for _, event in observed.events if isinstance(event, StateEntered)]
    keys = "".join(e.digit for _, e in observed.events if isinstance(e, KeyPressed) and e.direction == "outbound")
    flags = [f"{flag.code} ({flag.detail})" for flag in record.flags] if record else []
    cut = [item for item in observed.items.values() if item.interrupted]
    if expect.ended is not None and (ended is None or ended.code is not expect.ended):
        got = f"{ended.code.value} by {ended.party}: {ended.detail}" if ended else "the call did not end"
        yield Failure("expect.ended", expect.ended.value, got)
    if expect.states is not None and states != expect.states:
        yield Failure("expect.states", " → ".join(expect.states), " → ".join(states))
    if expect.keys is not None and keys != expect.keys:
        yield Failure("expect.keys", expect.keys, keys or "none")
    if expect.flags is not None and {flag.split(" ")[0] for flag in flags} != set(expect.flags):
        yield Failure("expect.flags", ", ".join(expect.flags) or "none", "; ".join(flags) or "none")
    if expect.interruptions is not None and len(cut) != expect.interruptions:
        got = f"{len(cut)}: {', '.join(_quoted(item.content) for item in cut)}"
        yield Failure("expect.interruptions", str(expect.interruptions), got)
    reasons = [user.turn_end_reason or "" for user in users]
    if expect.turn_ends is not None and reasons != expect.turn_ends:
        yield Failure("expect.turn_ends", ", ".join(expect.turn_ends), ", ".join(reasons))


def _time_failures(expect: Expectation, observed: Observed) -> Iterator[Failure]:
    if expect.response_ms is not None:
        measured = [event for _, event in observed.events if isinstance(event, TurnMeasured)]
        slowest = max((event.stages_ms.get("response") or 0 for event in measured), default=0)
        if slowest > expect.response_ms:
            yield Failure("expect.response_ms", f"at most {expect.response_ms} ms", f"{slowest:.0f} ms")
    if expect.dead_air_ms is not None:
        for start_ms, end_ms in waits(observed):
            if end_ms - start_ms > expect.dead_air_ms:
                got = f"{end_ms - start_ms} ms from {start_ms / 1000:.1f} s on"
                yield Failure("expect.dead_air_ms", f"at most {expect.dead_air_ms} ms of dead air", got)
    if expect.ends_within_s is not None:
        end_s = observed.events[-1][0] / 1000 if observed.events else 0.0
        if end_s > expect.ends_within_s:
            yield Failure("expect.ends_within_s", f"{expect.ends_within_s:g} s", f"{end_s:.1f} s")


def waits(observed: Observed) -> list[tuple[int, int]]:
    """When the caller waited for the agent's voice: from the end of words or keys, or of the agent's own, on.

    An answer is owed from the caller's last word until the agent has said it to its end, or has decided to wait.
    """
    found: list[tuple[int, int]] = []
    over_ms = observed.hung_up_ms if observed.hung_up_ms is not None else _end_ms(observed)
    for place, sound in enumerate(observed.sounds):
        if not sound.text:
            continue
        following = observed.sounds[place + 1] if place + 1 < len(observed.sounds) else None
        until_ms = min(over_ms, _settled_ms(observed, sound), following.start_ms if following else over_ms)
        quiet_ms = sound.end_ms
        for stretch in observed.voice:
            if stretch.end_ms > quiet_ms and stretch.start_ms < until_ms:
                found.append((quiet_ms, stretch.start_ms))
                quiet_ms = stretch.end_ms
        found.append((quiet_ms, until_ms))
    return [(start_ms, end_ms) for start_ms, end_ms in found if end_ms > start_ms]


def _settled_ms(observed: Observed, sound: Sound) -> int:
    """When what the caller said was answered in full; the call's end when it never was."""
    done = [
        i.changed_ms for i in observed.items.values() if i.final and not i.interrupted and i.changed_ms > sound.end_ms
    ]
    done += [
        at_ms
        for at_ms, event in observed.events
        if isinstance(event, ToolCalled) and event.name in WORDLESS and at_ms > sound.end_ms
    ]
    return min(done, default=_end_ms(observed))


def _end_ms(observed: Observed) -> int:
    return observed.events[-1][0] if observed.events else 0


# ---------------------------------------------------------------------- words, tools, values


def _part(observed: Observed, from_ms: int | None, until_ms: int | None) -> _Part:
    def inside(at_ms: int) -> bool:
        return (from_ms is None or at_ms >= from_ms) and (until_ms is None or at_ms < until_ms)

    known = [(at_ms, event) for at_ms, event in observed.events if until_ms is None or at_ms < until_ms]
    return _Part(
        _words([item for item in observed.items.values() if inside(item.start_ms)]),
        [event for at_ms, event in observed.events if isinstance(event, ToolCalled) and inside(at_ms)],
        {event.name: event.value for _, event in known if isinstance(event, VariableSet)},
        next((event.state for _, event in reversed(known) if isinstance(event, StateEntered)), None),
    )


def _words_failures(
    where: str, says: str | list[str] | None, matches: str | None, not_says: str | list[str] | None, said: str
) -> Iterator[Failure]:
    for text in _many(says):
        if _plain(text) not in _plain(said):
            yield Failure(f"{where}.says", _quoted(text), _quoted(said))
    for text in _many(not_says):
        if _plain(text) in _plain(said):
            yield Failure(f"{where}.not_says", f"not {_quoted(text)}", _quoted(said))
    if matches is not None and not re.search(matches, said, re.IGNORECASE):
        yield Failure(f"{where}.matches", f"/{matches}/", _quoted(said))


def _facts_failures(where: str, expect: AnswerExpectation | Expectation, part: _Part) -> Iterator[Failure]:
    if expect.state is not None and part.state != expect.state:
        yield Failure(f"{where}.state", expect.state, part.state or "none")
    for name, value in (expect.variables or {}).items():
        if part.values.get(name) != value:
            got = json.dumps(part.values.get(name), ensure_ascii=False)
            yield Failure(f"{where}.variables.{name}", json.dumps(value, ensure_ascii=False), got)
    rest = list(part.tools)
    for wanted in expect.tools or ():
        place = next((number for number, tool in enumerate(rest) if _fits(wanted, tool)), None)
        if place is None:
            yield Failure(f"{where}.tools", _wanted(wanted), _tools(part.tools))
        else:
            rest = rest[place + 1 :]


def _fits(wanted: ToolExpectation, tool: ToolCalled) -> bool:
    arguments = _json(tool.arguments)
    given = arguments if isinstance(arguments, Mapping) else {}
    return (
        tool.name == wanted.name
        and all(given.get(name) == value for name, value in wanted.arguments.items())
        and wanted.success in {None, tool.success}
        and (wanted.result is None or _plain(wanted.result) in _plain(tool.result))
    )


def _wanted(wanted: ToolExpectation) -> str:
    parts = [f"{wanted.name}({json.dumps(wanted.arguments, ensure_ascii=False) if wanted.arguments else '…'})"]
    if wanted.success is not None:
        parts.append("that succeeds" if wanted.success else "that fails")
    if wanted.result is not None:
        parts.append(f"with {_quoted(wanted.result)}")
    return " ".join(parts)


def _tools(tools: Sequence[ToolCalled]) -> str:
    called = [f"{t.name}({t.arguments}) → {'' if t.success else 'failed: '}{t.result[:200]}" for t in tools]
    return "; ".join(called) or "no tool was called"


def _items_from(observed: Observed, from_ms: int) -> list[Item]:
    return [item for item in observed.items.values() if item.start_ms >= from_ms]


def _last_forms(observed: Observed) -> list[TranscriptAdded]:
    return observed.record.transcript.items() if observed.record else []


def _words(items: Sequence[Item]) -> str:
    return " ".join(item.content for item in sorted(items, key=lambda item: item.start_ms))


def _many(texts: str | list[str] | None) -> list[str]:
    if texts is None:
        return []
    return [texts] if isinstance(texts, str) else texts


def _plain(text: str) -> str:
    """Without case, typographic apostrophes and runs of spaces."""
    return " ".join(text.casefold().replace("’", "'").replace("\u202f", " ").split())


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "nothing"


def _ms(took: int | None) -> str:
    return "none came" if took is None else f"{took} ms"


def _json(text: str) -> Any:  # noqa: ANN401 - what a model wrote
    try:
        return json.loads(text)
    except ValueError:
        return None
