"""A server as backend: what is asked of its API, and what its refusals become."""

import json
from datetime import datetime

import httpx2
import msgspec
import pytest

from offhook.cli.backend import CallFilter, NewCall, NewTrunk
from offhook.cli.remote import RemoteBackend
from offhook.client import shapes
from offhook.errors import (
    AgentConfigError,
    CapacityError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    OffhookError,
)


def whole(shape, **values):
    """An answer's shape with all its fields, these and any others."""
    plain = {str: "x", int: 1, bool: True, datetime: "2026-01-01T00:00:00Z"}
    fields = {entry.name: plain.get(entry.type) for entry in msgspec.structs.fields(shape)}
    lists = {entry.name: [] for entry in msgspec.structs.fields(shape) if getattr(entry.type, "__origin__", 0) is list}
    return {**fields, **lists, **values}


def a_call(call_id):
    return whole(shapes.Call, id=call_id, status="failed", metadata={}, initial_variable_values={}, latency={})


class Server:
    """Answers requests by (method, path) and remembers them."""

    def __init__(self):
        self.answers, self.requests = {}, []

    def on(self, method, path, data=None, status=200, **envelope):
        body = {"data": data, "message": "", "error": None, "status": status, **envelope}
        self.answers.setdefault((method, path), []).append(httpx2.Response(status, json=body))

    def refuse(self, method, path, status, message, details=()):
        error = {"message": message, "details": list(details), "status": status, "type": "x"}
        self.on(method, path, None, status, error=error)

    def handle(self, request):
        self.requests.append(request)
        answers = self.answers[request.method, request.url.path]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def bodies(self):
        return [json.loads(request.content) for request in self.requests if request.content]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
async def backend(server):
    made = RemoteBackend("http://phone.example/", "ok_live_1", httpx2.MockTransport(server.handle))
    yield made
    await made.close()


async def test_every_request_carries_the_key(server, backend):
    server.on("GET", "/v1/agents", [])
    await backend.list_agents()
    assert server.requests[0].headers["X-Api-Key"] == "ok_live_1"


async def test_a_new_agent_is_made_and_published(server, backend):
    server.on("GET", "/v1/agents", [])
    server.on("POST", "/v1/agents", {"id": "a1", "name": "Reception", "version": 1}, 201)
    server.on("POST", "/v1/agents/a1/deploy", whole(shapes.DeployedVersion, version=1))
    agent = await backend.apply_agent({"name": "Reception"}, deploy=True)
    assert agent == {"id": "a1", "name": "Reception", "version": 1, "active": True}
    assert server.requests[-1].url.params["version"] == "1"


async def test_an_agent_of_that_name_gets_a_draft(server, backend):
    server.on("GET", "/v1/agents", [whole(shapes.AgentSummary, id="a1", name="Reception")])
    server.on("PATCH", "/v1/agents/a1", {"id": "a1", "name": "Reception", "version": 2})
    assert (await backend.apply_agent({"name": "Reception"}, deploy=False))["version"] == 2
    assert [request.method for request in server.requests] == ["GET", "PATCH"]


async def test_all_pages_are_read(server, backend):
    server.on("GET", "/v1/agents", [whole(shapes.AgentSummary, id="a")], next_cursor="2025-01-01T00:00:00Z")
    server.on("GET", "/v1/agents", [whole(shapes.AgentSummary, id="b")], next_cursor=None)
    assert [agent["id"] for agent in await backend.list_agents()] == ["a", "b"]
    assert server.requests[1].url.params["cursor"] == "2025-01-01T00:00:00Z"


async def test_no_more_calls_are_read_than_wanted(server, backend):
    server.on("GET", "/v1/calls", [a_call("a"), a_call("b")], next_cursor="more")
    assert len(await backend.list_calls(CallFilter(limit=2, status="failed"))) == 2
    query = dict(server.requests[0].url.params)
    assert query == {
        "limit": "2", "use_cursor": "true", "status": "failed",
        "include_transcript": "false", "include_variable_values": "false",
    }  # fmt: skip
    assert len(server.requests) == 1


async def test_a_call_is_placed(server, backend):
    server.on("POST", "/v1/calls/phone", {"call_id": "c1"}, 201)
    assert await backend.start_call(NewCall("sip:me@x", "+331", "a1", {"name": "Ann"})) == "c1"
    assert server.bodies() == [
        {"from_number": "+331", "to_number": "sip:me@x", "agent_id": "a1", "dynamic_variables_values": {"name": "Ann"}}
    ]


async def test_numbers_trunks_and_keys_are_made_of_what_was_given(server, backend):
    server.on("POST", "/v1/phone-numbers", whole(shapes.PhoneNumber, id="n1", type="sip"), 201)
    server.on("POST", "/v1/trunks", whole(shapes.Trunk, id="t1", type="sip", transport="udp"), 201)
    server.on("POST", "/v1/api-keys", whole(shapes.NewApiKey, id="k1", key="ok"), 201)
    server.on("DELETE", "/v1/api-keys/k1")
    await backend.add_number("+331", "sip", "a1", None)
    await backend.add_trunk(NewTrunk("t", "sip.example"))
    await backend.create_key("ci", ["calls:read"], 30)
    await backend.revoke_key("k1")
    number, trunk, key = server.bodies()
    assert number == {"number": "+331", "type": "sip", "inbound_agent_id": "a1"}
    assert (trunk["name"], trunk["host"], "password" in trunk) == ("t", "sip.example", False)
    assert key["scopes"] == ["calls:read"]
    assert key["expires_at"].endswith("Z")


async def test_a_recording_is_fetched_from_the_server_wherever_it_keeps_it(server, backend):
    server.answers["GET", "/v1/calls/c1/recording"] = [httpx2.Response(200, content=b"RIFF")]
    assert b"".join([chunk async for chunk in backend.recording("c1", channels=True, wav=True)]) == b"RIFF"
    assert dict(server.requests[-1].url.params) == {"format": "wav", "channels": "split"}
    server.refuse("GET", "/v1/calls/c2/recording", 404, "Call c2 has no recording (yet)")
    with pytest.raises(NotFoundError, match="no recording"):
        await anext(backend.recording("c2", channels=False, wav=False))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, ConfigurationError), (403, ConfigurationError), (404, NotFoundError), (409, ConflictError),
     (503, CapacityError), (500, OffhookError)],
)  # fmt: skip
async def test_a_refusal_is_the_error_it_means(server, backend, status, kind):
    server.refuse("GET", "/v1/calls/c1", status, "No such call")
    with pytest.raises(kind, match="No such call"):
        await backend.get_call("c1")


async def test_faults_keep_their_paths(server, backend):
    server.refuse("POST", "/v1/calls/phone", 422, "bad", [{"field": "to_number", "message": "too short"}])
    with pytest.raises(AgentConfigError) as refused:
        await backend.start_call(NewCall("1", "+331", "a1"))
    assert [(fault.field, fault.message) for fault in refused.value.faults] == [("to_number", "too short")]


async def test_what_is_no_offhook_server_is_told(server, backend):
    server.answers["GET", "/v1/calls/c1"] = [httpx2.Response(200, text="<html>"), httpx2.Response(502, text="<html>")]
    with pytest.raises(OffhookError, match="is it an Offhook server"):
        await backend.get_call("c1")
    with pytest.raises(OffhookError, match="502, and not the server's own"):
        await backend.get_call("c1")


async def test_a_server_that_is_gone_is_told():
    def gone(request):
        raise httpx2.ConnectError("refused")

    backend = RemoteBackend("http://phone.example", "k", httpx2.MockTransport(gone))
    with pytest.raises(OffhookError, match=r"http://phone\.example cannot be reached"):
        await backend.list_keys()


@pytest.mark.parametrize(("url", "key", "names"), [("phone.example", "k", "--url"), ("http://x", None, "--api-key")])
def test_a_server_needs_url_and_key(url, key, names):
    with pytest.raises(ConfigurationError, match=names):
        RemoteBackend(url, key)
