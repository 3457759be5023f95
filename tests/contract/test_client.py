"""The typed client against the application: every list, a life of an agent, a call, and what refusals become."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import httpx2
import pytest

from offhook.client import ApiStatusError, AsyncClient, Client, ConnectionFailedError, FileSource, TextSource
from offhook.server.http import HttpServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def client(site):
    async with AsyncClient("http://test", site.key(), transport=httpx2.ASGITransport(app=site.app)) as made:
        yield made


def test_the_client_is_what_the_document_says():
    spec = importlib.util.spec_from_file_location("make_client", ROOT / "tools" / "make_client.py")
    maker = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    for name, text in maker.sources().items():
        written = (maker.PACKAGE / name).read_text()
        assert written == text, f"{name} is stale: run `python tools/make_client.py`"


async def test_an_agent_from_its_draft_to_its_end(client, agent):
    made = await client.create_agent(agent)
    await client.deploy_agent(made["id"])
    changed = await client.change_agent(made["id"], {"initial_message": "Good morning"})
    assert (changed["version"], changed["initial_message"]) == (2, "Good morning")
    assert [each.active for each in (await client.list_versions(made["id"])).items] == [False, True]
    (question,) = await client.save_post_call_questions(
        made["id"], questions=[{"name": "Why", "description": "Why did they call?", "type": "text"}]
    )
    assert (await client.get_post_call_question(made["id"], question.id)).name == "Why"
    assert [each.name async for each in client.iter_agents(limit=1)] == ["Desk"]
    await client.delete_agent(made["id"])
    with pytest.raises(ApiStatusError) as refused:
        await client.get_agent(made["id"])
    assert (refused.value.status, refused.value.type) == (404, "not_found")
    assert refused.value.request_id


async def test_calls_are_placed_read_page_by_page_and_changed(client, site, agent):
    ids = [(await site.call(at=1_700_000_000.0 + n, metadata={"city": "Lyon"})).call_id for n in range(5)]
    assert [call.id async for call in client.iter_calls(limit=2)] == ids[::-1]
    page = await client.list_calls(use_cursor=False, page=2, limit=2, metadata={"city": "Lyon"})
    assert ([call.id for call in page.items], page.total_items) == ([ids[2], ids[1]], 5)
    call = await client.change_call(ids[0], metadata={"a": [1, None]})
    assert (call.metadata, call.status, call.duration_seconds) == ({"city": "Lyon", "a": [1, None]}, "completed", 11)
    assert call.transcript[0].content == "Hello"
    made = await client.create_agent(agent)
    await client.deploy_agent(made["id"])
    number = await client.add_number(number="+33123456789", inbound_agent_id=made["id"])
    started = await client.start_phone_call(
        from_number=number.number, to_number="+33612345678", agent_id=made["id"], idempotency_key="k"
    )
    again = await client.start_phone_call(
        from_number=number.number, to_number="+33612345678", agent_id=made["id"], idempotency_key="k"
    )
    assert started == again
    assert len(site.desk.placed) == 1


async def test_knowledge_is_uploaded_and_named(client):
    base = await client.create_knowledge_base(name="Opening hours")
    filled = await client.add_knowledge_sources(
        base.id, files=[FileSource("hours.txt", b"Open from 8 to 6.")], texts=[TextSource("Parking", "It is free.")]
    )
    assert sorted(source.type for source in filled.sources) == ["file", "text"]


async def test_faults_name_their_fields(client):
    with pytest.raises(ApiStatusError, match="name") as refused:
        await client.create_agent({"language": "en"})
    assert refused.value.status in {400, 422}
    assert "name" in {fault.field for fault in refused.value.details}


async def test_the_blocking_client_does_the_same_over_a_socket(site, agent):
    server = HttpServer(site.app, "127.0.0.1", 0)
    await server.start()
    url, key = f"http://127.0.0.1:{server.port}", site.key()

    def use() -> list[str]:
        with Client(url, key) as client:
            made = client.create_agent(agent)
            client.deploy_agent(made["id"])
            return [each.name for each in client.iter_agents()]

    assert await asyncio.to_thread(use) == ["Desk"]
    await server.close()

    def ask() -> None:
        with Client(url, key) as client:
            client.list_agents()

    with pytest.raises(ConnectionFailedError, match="GET /v1/agents"):
        await asyncio.to_thread(ask)
