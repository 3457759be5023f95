"""Knowledge bases over HTTP."""

import asyncio
import json
import re
import uuid

import pytest

from offhook.api.v1 import knowledge as routes
from offhook.calls.library import OrganizationLibrary
from offhook.errors import NotFoundError
from offhook.store.keys import Scope

ROOT = "/v1/knowledge-bases"
PARKING = "# Parking\n\nLeave your car in the garage below the building.\n\n# Hours\n\nWe open at nine."


@pytest.fixture
async def base(site):
    await site.knowledge.start()
    answer = await site.http.post(ROOT, json={"name": "House rules"})
    assert answer.status_code == 201
    assert answer.json()["message"] == "Knowledge base created successfully"
    return f"{ROOT}/{answer.json()['data']['id']}"


async def settled(site, path):
    async with asyncio.timeout(20):
        while (data := (await site.http.get(path)).json()["data"])["status"] == "ingesting":
            await asyncio.sleep(0.02)
    return data


def texts(*pairs):
    return {"text_sources": json.dumps([{"title": title, "content": content} for title, content in pairs])}


async def test_files_and_texts_become_sources_that_are_found(site, base):
    files = [
        ("file_sources[]", ("rules.md", PARKING.encode())),
        ("file_sources[]", ("prix.txt", "Le café coûte deux euros.".encode())),
    ]
    answer = await site.http.post(f"{base}/sources", files=files, data=texts(("Pets", "Dogs must be on a lead.")))
    assert (answer.status_code, answer.json()["message"]) == (200, "Sources added to knowledge base successfully")
    assert answer.json()["data"]["status"] == "ingesting"
    data = await settled(site, base)
    assert data["status"] == "ready"
    assert [(each["type"], each.get("file_name"), each.get("title")) for each in data["sources"]] == [
        ("text", None, "Pets"), ("file", "rules.md", None), ("file", "prix.txt", None),
    ]  # fmt: skip
    assert [each["passages"] for each in data["sources"]] == [1, 2, 1]
    answer = await site.http.post(f"{base}/search", json={"query": "Where can I leave my car?", "limit": 2})
    assert answer.json()["message"] == "Knowledge base searched successfully"
    found = answer.json()["data"]
    best = found["passages"][0]
    assert (best["text"], best["headings"], best["position"], best["page"]) == (
        "Leave your car in the garage below the building.", "Parking", 0, None,
    )  # fmt: skip
    assert best["source"] == {"id": data["sources"][1]["id"], "type": "file", "file_name": "rules.md"}
    # No model here: said, not failed.
    assert found["mode"] == "lexical"
    pets = (await site.http.post(f"{base}/search", json={"query": "pets"})).json()["data"]["passages"]
    assert [(each["headings"], each["text"]) for each in pets] == [("Pets", "Dogs must be on a lead.")]
    assert "offhook models fetch minilm" in found["note"]


async def test_an_agent_finds_what_its_organization_keeps_and_nothing_else(site, base):
    await site.http.post(f"{base}/sources", data=texts(("Parking", "Leave your car in the garage below.")))
    await settled(site, base)
    base_id, question = base.rsplit("/", 1)[1], "Where can I leave my car?"
    (passage,) = await OrganizationLibrary(site.knowledge, site.organization_id).search([base_id], question, 4)
    assert (passage.text, passage.source, passage.base_id) == (
        "Leave your car in the garage below.",
        "Parking",
        base_id,
    )
    with pytest.raises(NotFoundError):
        await OrganizationLibrary(site.knowledge, site.other_organization()).search([base_id], question, 4)


async def test_a_base_has_exactly_the_fields_of_the_contract(site, base):
    await site.http.post(f"{base}/sources", files={"file_sources[]": ("a.txt", b"Hello")}, data=texts(("T", "x")))
    answer = await site.http.get(base)
    assert answer.json()["message"] == "Knowledge base retrieved successfully"
    data = answer.json()["data"]
    assert set(data) == {"id", "organization_id", "name", "created_at", "status", "sources"}
    added = {"status", "reason", "passages", "size_bytes"}
    text, file = data["sources"]
    assert set(file) - added == {"id", "type", "created_at", "file_name", "file_url"}
    assert set(text) - added == {"id", "type", "created_at", "title"}


async def test_a_file_s_url_gives_the_file_for_get_only_and_never_as_a_page(site, base):
    page = b"<script>alert(1)</script><p>Hi</p>"
    await site.http.post(f"{base}/sources", files={"file_sources[]": ("é page.html", page)})
    url = (await site.http.get(base)).json()["data"]["sources"][0]["file_url"]
    answer = await site.http.get(url, headers={"X-Api-Key": ""})
    assert (answer.status_code, answer.content) == (200, page)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await site.http.post(url)).status_code == 403
    changed = re.sub(r"Signature=.", "Signature=0" if "Signature=0" not in url else "Signature=1", url)
    assert (await site.http.get(changed)).status_code == 403
    assert (await site.http.get(url.partition("?")[0])).status_code == 403


async def test_a_broken_file_fails_with_its_reason_and_harms_no_other(site, base):
    files = [("file_sources[]", ("bad.pdf", b"no pdf")), ("file_sources[]", ("good.txt", b"The lift is broken."))]
    await site.http.post(f"{base}/sources", files=files)
    data = await settled(site, base)
    assert data["status"] == "failed"
    assert [each["status"] for each in data["sources"]] == ["failed", "ready"]
    assert "no PDF" in data["sources"][0]["reason"]
    found = (await site.http.post(f"{base}/search", json={"query": "lift"})).json()["data"]
    assert [each["text"] for each in found["passages"]] == ["The lift is broken."]
    answer = await site.http.request("DELETE", f"{base}/sources", json={"source_ids": [data["sources"][0]["id"]]})
    assert answer.json()["message"] == "Sources deleted from knowledge base successfully"
    assert answer.json()["data"]["status"] == "ready"


async def test_removed_sources_are_no_longer_found_and_their_files_are_gone(site, base, tmp_path):
    await site.http.post(f"{base}/sources", data=texts(("A", "apples"), ("B", "pears")))
    data = await settled(site, base)
    unknown = {"source_ids": [data["sources"][0]["id"], str(uuid.uuid4())]}
    assert (await site.http.request("DELETE", f"{base}/sources", json=unknown)).status_code == 404
    assert len((await site.http.get(base)).json()["data"]["sources"]) == 2
    await site.http.request("DELETE", f"{base}/sources", json={"source_ids": [data["sources"][0]["id"]]})
    found = (await site.http.post(f"{base}/search", json={"query": "apples or pears"})).json()["data"]["passages"]
    assert [each["source"]["title"] for each in found] == ["B"]
    assert len([path for path in (tmp_path / "knowledge").rglob("*") if path.is_file()]) == 1
    assert (await site.http.delete(base)).json()["message"] == "Knowledge base deleted successfully"
    assert (await site.http.get(base)).status_code == 404
    assert not [path for path in (tmp_path / "knowledge").rglob("*") if path.is_file()]


async def test_another_organization_s_base_is_not_there(site, base):
    await site.http.post(f"{base}/sources", data=texts(("A", "apples")))
    data = await settled(site, base)
    theirs = {"X-Api-Key": site.key(organization_id=site.other_organization())}
    ids = {"source_ids": [data["sources"][0]["id"]]}
    for method, path, sent in (
        ("GET", base, {}),
        ("DELETE", base, {}),
        ("POST", f"{base}/sources", {"data": texts(("B", "b"))}),
        ("DELETE", f"{base}/sources", {"json": ids}),
        ("POST", f"{base}/search", {"json": {"query": "apples"}}),
    ):
        assert (await site.http.request(method, path, headers=theirs, **sent)).status_code == 404, (method, path)
    assert (await site.http.get(ROOT, headers=theirs)).json()["data"] == []
    assert len((await site.http.get(base)).json()["data"]["sources"]) == 1
    own = (await site.http.post(ROOT, headers=theirs, json={"name": "Theirs"})).json()["data"]["id"]
    found = await site.http.post(f"{ROOT}/{own}/search", headers=theirs, json={"query": "apples"})
    assert found.json()["data"]["passages"] == []


async def test_reading_and_writing_take_their_scopes(site, base):
    reader, writer = ({"X-Api-Key": site.key(scope)} for scope in (Scope.AGENTS_READ, Scope.AGENTS_WRITE))
    assert (await site.http.get(base, headers=reader)).status_code == 200
    assert (await site.http.post(f"{base}/search", headers=reader, json={"query": "x"})).status_code == 200
    assert (await site.http.post(ROOT, headers=reader, json={"name": "x"})).status_code == 403
    assert (await site.http.post(f"{base}/sources", headers=reader, data=texts(("A", "a")))).status_code == 403
    assert (await site.http.delete(base, headers=reader)).status_code == 403
    assert (await site.http.get(base, headers=writer)).status_code == 403


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ({"files": {"file_sources[]": ("a.exe", b"MZ")}}, 422, "file_sources[]"),
        ({"files": {"file_sources[]": ("a.txt", b"")}}, 422, "file_sources[]"),
        ({"files": {"other": ("a.txt", b"x")}}, 422, "other"),
        ({"data": {"text_sources": "no json"}}, 422, "text_sources"),
        ({"data": {"text_sources": '[{"title": "t"}]'}}, 422, "text_sources[0].content"),
        ({"data": {"text_sources": '[{"title": "t", "content": "c", "x": 1}]'}}, 422, "text_sources[0].x"),
        ({"data": {"text_sources": "[]"}}, 422, "file_sources[]"),
        ({"json": {"text_sources": []}}, 422, "file_sources[]"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 400, None),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, None),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(site, base, sent, status, field):
    answer = await site.http.post(f"{base}/sources", **sent)
    assert answer.status_code == status, answer.text
    assert [fault["field"] for fault in answer.json()["error"]["details"]] == ([field] if field else [])
    assert (await site.http.get(base)).json()["data"]["sources"] == []


async def test_uploads_have_larger_bounds_than_other_bodies_but_bounds(site, base, monkeypatch):
    nine_mb = b"a line of text\n" * 600_000
    answer = await site.http.post(f"{base}/sources", files={"file_sources[]": ("nine.txt", nine_mb)})
    assert answer.status_code == 200
    monkeypatch.setattr(routes, "MAX_FILE_BYTES", 1000)
    answer = await site.http.post(f"{base}/sources", files={"file_sources[]": ("a.txt", b"x" * 1001)})
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "generic_error")
    answer = await site.http.post(f"{base}/sources", content=b"", headers={"Content-Length": "50000001"})
    assert answer.status_code == 413
    answer = await site.http.post(f"{base}/search", content=b"", headers={"Content-Length": "8000001"})
    assert answer.status_code == 413


async def test_an_agent_names_bases_that_are_there(site, base, agent):
    base_id = base.rpartition("/")[2]
    theirs = site.knowledge.bases.create(site.other_organization(), "Theirs").id
    agent["states"][0]["knowledge_base_ids"] = [base_id, theirs]
    answer = await site.http.post("/v1/agents", json=agent)
    assert answer.status_code == 422
    faults = answer.json()["error"]["details"]
    assert faults == [
        {"field": "states[0].knowledge_base_ids[1]", "message": f"no knowledge base {theirs}"},
    ]
    agent["states"][0]["knowledge_base_ids"] = [base_id]
    made = (await site.http.post("/v1/agents", json=agent)).json()["data"]
    path = f"/v1/agents/{made['id']}"
    answer = await site.http.patch(path, json={"knowledge_base_ids": [theirs]})
    assert [fault["field"] for fault in answer.json()["error"]["details"]] == ["knowledge_base_ids[0]"]
    # A draft doesn't hold a base; a published agent does.
    await site.http.post(f"{path}/deploy")
    answer = await site.http.delete(base)
    assert (answer.status_code, "'Desk'" in answer.json()["message"]) == (409, True)
    states = [{"name": "start", "prompt": "Be kind."}]
    await site.http.patch(path, json={"states": states})
    assert (await site.http.delete(base)).status_code == 409
    await site.http.post(f"{path}/deploy", params={"version": 2})
    assert (await site.http.delete(base)).status_code == 200
    # Rolling back to a version that names it is refused by name.
    answer = await site.http.post(f"{path}/deploy", params={"version": 1})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "states[0].knowledge_base_ids[0]"


async def test_lists_show_bases_newest_first(site, base):
    await site.http.post(ROOT, json={"name": "Second"})
    answer = (await site.http.get(ROOT)).json()
    assert [each["name"] for each in answer["data"]] == ["Second", "House rules"]
    assert answer["message"] == "Knowledge bases retrieved successfully"
    page = (await site.http.get(ROOT, params={"use_cursor": False, "limit": 1, "page": 2})).json()
    assert ([each["name"] for each in page["data"]], page["total_items"]) == (["House rules"], 2)
