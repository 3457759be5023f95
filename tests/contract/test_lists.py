"""What holds of every list."""

import pytest
from sqlalchemy import event as sa_event

MORE = 6


@pytest.fixture
def lists(routes):
    """Every list of the document, those under an object too."""
    return [
        route
        for route in routes
        if route.method == "GET" and "limit" in {each["name"] for each in route.spec.get("parameters", ())}
    ]


@pytest.fixture
def asked(site):
    """The queries that are made."""
    found = []

    def note(connection, cursor, statement, *_):
        found.append(statement)

    sa_event.listen(site.database.engine, "before_cursor_execute", note)
    yield found
    sa_event.remove(site.database.engine, "before_cursor_execute", note)


async def make_more(site, agent, ids):
    """More of everything that lists show."""
    question = {"description": "Why did they call?", "type": "text"}
    for number in range(MORE):
        for path, body in (
            ("/v1/agents", {**agent, "name": f"Agent {number}"}),
            (f"/v1/agents/{ids['agent_id']}/post-call-questions", {"questions": [{**question, "name": f"Q{number}"}]}),
            ("/v1/phone-numbers", {"number": f"+3312345678{number}", "inbound_agent_id": ids["agent_id"]}),
            ("/v1/trunks", {"name": f"t{number}", "host": "sip.example.com"}),
            ("/v1/api-keys", {"name": f"key {number}"}),
        ):
            answer = await site.http.post(path, json=body)
            assert answer.status_code in {200, 201, 409}, answer.text
        await site.call(agent_id=ids["agent_id"], metadata={"n": number})


@pytest.mark.parametrize("use_cursor", ["true", "false"])
async def test_a_longer_list_takes_no_more_queries(site, agent, ids, lists, asked, use_cursor):
    async def counted():
        queries, items = {}, {}
        for route in lists:
            asked.clear()
            answer = await site.http.get(route.filled(ids), params={"use_cursor": use_cursor, "limit": 50})
            assert answer.status_code == 200, f"{route}: {answer.text}"
            queries[str(route)], items[str(route)] = len(asked), len(answer.json()["data"])
        return queries, items

    queries, items = await counted()
    await make_more(site, agent, ids)
    more_queries, more_items = await counted()
    assert more_queries == queries
    assert max(queries.values()) <= 5
    grown = {name for name in items if more_items[name] > items[name]}
    assert grown >= {"GET /v1/calls", "GET /v1/agents", "GET /v1/phone-numbers", "GET /v1/trunks", "GET /v1/api-keys"}


async def test_every_list_refuses_a_cursor_that_is_none_by_its_name(site, ids, lists):
    for route in lists:
        if "cursor" not in {each["name"] for each in route.spec["parameters"]}:
            continue
        for cursor in ("yesterday", "2024-13-01T00:00:00Z", "99999-01-01T00:00:00Z", "1", "' OR 1=1", "\x00", "2024"):
            answer = await site.http.get(route.filled(ids), params={"cursor": cursor, "use_cursor": "true"})
            assert answer.status_code == 422, f"{route} {cursor!r}: {answer.text}"
            assert [fault["field"] for fault in answer.json()["error"]["details"]] == ["cursor"], str(route)
