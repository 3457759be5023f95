"""The same commands against a server's API give the same as on its data directory."""

import uuid

import httpx2
import pytest

from offhook.agents.load import load_agent
from offhook.api.app import create_app
from offhook.api.control import ApiDeps
from offhook.cli.backend import CallFilter, NewCall, NewTrunk
from offhook.cli.local import LocalBackend
from offhook.cli.remote import RemoteBackend
from offhook.errors import AgentConfigError, ConfigurationError, ConflictError, NotFoundError
from offhook.knowledge.service import Knowledge
from offhook.settings import Settings
from offhook.store.keys import Scope
from offhook.store.sealing import Sealer
from offhook.store.writer import CallWriter
from offhook.webhooks.service import Webhooks

AGENT = """
name: Reception
initial_state_name: hello
variables: [{name: day, type: string, description: The day, source: extracted}]
states: [{name: hello, prompt: Greet the caller.}]
"""


class Placed:
    """Calls of a server that only notes them."""

    def __init__(self):
        self.requests = []

    async def start_phone_call(self, request):
        self.requests.append(request)
        return "7c0b3c6e-0000-4000-8000-000000000001"


@pytest.fixture
async def local(data_dir):
    backend = LocalBackend.open(Settings(data_dir=data_dir))
    yield backend
    await backend.close()


@pytest.fixture
async def server(local, data_dir):
    """The API on the data directory; ``server.connect(key)`` is a backend of it."""
    writer = CallWriter(local._database)
    placed = Placed()
    knowledge = Knowledge(local._database, Settings(data_dir=data_dir), "secret")
    webhooks = Webhooks(local._database, "secret")
    sealer = Sealer(Settings(data_dir=data_dir).secret_key or (data_dir / "secret_key").read_text())
    app = create_app(ApiDeps(local._database, writer, placed, local._recordings, knowledge, webhooks, sealer))
    opened = []

    class Server:
        requests = placed.requests

        def connect(self, key):
            opened.append(RemoteBackend("http://server.example", key, httpx2.ASGITransport(app=app)))
            return opened[-1]

    async with app.router.lifespan_context(app):
        yield Server()
    for backend in opened:
        await backend.close()
    await webhooks.close()
    await writer.close()


@pytest.fixture
async def remote(server, local):
    made = await local.create_key("tests", ["admin"], None)
    return server.connect(made["key"])


def config(text=AGENT):
    return load_agent(text).model_dump(mode="json", by_alias=True)


async def test_an_agent_applied_to_a_server_is_the_one_on_its_data(remote, local):
    made = await remote.apply_agent(config(), deploy=True)
    assert (made["version"], made["active"]) == (1, True)
    again = await remote.apply_agent(config(AGENT.replace("Greet", "Welcome")), deploy=False)
    assert (again["id"], again["version"], again["active"]) == (made["id"], 2, False)
    here, there = (await local.list_agents())[0], (await remote.list_agents())[0]
    assert {name: here[name] for name in ("id", "name", "language", "version", "active")} == {
        name: there[name] for name in ("id", "name", "language", "version", "active")
    }
    published = await local.get_agent(made["id"])
    assert published["states"] == (await remote.get_agent(made["id"]))["states"]
    assert published["states"][0]["prompt"] == "Greet the caller."


async def test_numbers_trunks_and_keys_look_the_same(remote, local):
    agent = await remote.apply_agent(config(), deploy=True)
    trunk = await remote.add_trunk(
        NewTrunk("carrier", "sip.example", 5061, "tls", "me", "hush", True, ("192.0.2.0/24",))
    )
    number = await remote.add_number("+33123456789", "pstn", agent["id"], trunk["id"])
    assert await local.list_numbers() == await remote.list_numbers() == [number]
    (here,), (there,) = await local.list_trunks(), await remote.list_trunks()
    assert here == {name: there[name] for name in here}
    # What one of them sealed the other can open.
    assert [each.password.open() for each in local._trunks.every()] == ["hush"]
    await remote.create_key("ci", [Scope.CALLS_READ], 30)
    listed = await remote.list_keys()
    assert [key["name"] for key in listed] == ["ci", "tests"]
    assert [set(key) for key in await local.list_keys()] == [set(key) for key in listed]


async def test_a_revoked_key_is_refused(server, remote):
    made = await remote.create_key("ci", [Scope.ADMIN], None)
    other = server.connect(made["key"])
    await other.list_agents()
    await remote.revoke_key(made["id"])
    with pytest.raises(ConfigurationError, match="revoked"):
        await other.list_agents()


async def test_both_refuse_the_same(remote, local):
    for backend in (remote, local):
        await backend.add_number(f"+3312345678{len(await local.list_numbers())}", "pstn", None, None)
        with pytest.raises(ConflictError, match="in use"):
            await backend.add_number("+33123456780", "pstn", None, None)
        with pytest.raises(AgentConfigError):
            await backend.add_number("12", "pstn", None, None)
        with pytest.raises(NotFoundError):
            await backend.get_call(str(uuid.uuid4()))
        with pytest.raises(NotFoundError):
            await backend.revoke_key(str(uuid.uuid4()))


async def test_a_server_places_a_call(server, remote):
    call = NewCall("sip:me@127.0.0.1:5070", "+33123456789", str(uuid.uuid4()), {"name": "Ann"})
    assert await remote.start_call(call) == "7c0b3c6e-0000-4000-8000-000000000001"
    assert server.requests[0].to_number == "sip:me@127.0.0.1:5070"
    assert server.requests[0].variables == {"name": "Ann"}


async def test_calls_are_listed_alike(remote, local):
    assert await remote.list_calls(CallFilter()) == await local.list_calls(CallFilter()) == []
