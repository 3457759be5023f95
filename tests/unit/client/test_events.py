"""Server-Sent Events as the HTML standard reads them."""

from __future__ import annotations

from offhook.client import ServerEvent
from offhook.client.events import EventParser


def parsed(text: str) -> list[ServerEvent]:
    parser = EventParser()
    return [event for line in text.split("\n") if (event := parser.feed(line)) is not None]


def test_an_event_ends_with_an_empty_line():
    assert parsed('id: 7\nevent: event_tool\ndata: {"a": 1}\n\ndata: 2') == [ServerEvent("7", "event_tool", {"a": 1})]


def test_comments_and_empty_events_are_passed_over():
    assert parsed(": still here\n\n\nevent: x\n\n") == []


def test_the_last_id_stays_until_another_comes():
    assert [event.id for event in parsed("id: 1\ndata: 1\n\ndata: 2\n\nid: 3\ndata: 3\n\n")] == ["1", "1", "3"]


def test_data_of_several_lines_is_one():
    assert parsed("data: [1,\ndata: 2]\n\n") == [ServerEvent(None, "message", [1, 2])]
