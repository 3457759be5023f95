"""The export over HTTP: the list's filters, its own formats, other organizations' calls never."""

from __future__ import annotations

import csv
import io
import json

import pytest

from offhook.store.keys import Scope

EXPORT = "/v1/calls/export"


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_csv_is_the_default_and_comes_as_a_file(site):
    call = await site.call(recorded=True)
    answer = await site.http.get(EXPORT)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="calls.csv"'
    (row,) = rows(answer)
    assert (row["id"], row["from_number"]) == (call.call_id, "+33123456789")
    assert row["recording_url"].startswith(f"http://files/{call.call_id}.ogg")


async def test_json_is_what_the_list_shows(site, monkeypatch):
    monkeypatch.setattr("offhook.api.v1.calls.BATCH", 2)
    for number in range(5):
        await site.call(at=1_700_000_000.0 + number)
    listed = (await site.http.get("/v1/calls")).json()["data"]
    assert (await site.http.get(EXPORT, params={"format": "json"})).json() == listed
    lines = await site.http.get(EXPORT, params={"format": "jsonl"})
    assert lines.headers["content-type"] == "application/jsonl"
    assert [json.loads(line) for line in lines.text.splitlines()] == listed


async def test_filters_are_those_of_the_list(site):
    kept = await site.call(metadata={"k": "v"}, said="Bonjour")
    await site.call()
    for wanted in ({"metadata.k": "v"}, {"agent_id": kept.created.agent_id, "status": "completed"}):
        assert [row["id"] for row in rows(await site.http.get(EXPORT, params=wanted))] == [kept.call_id]
    (row,) = rows(await site.http.get(EXPORT, params={"metadata.k": "v", "include_transcript": "false"}))
    assert row["transcript_string"] == ""


@pytest.mark.parametrize("wrong", [{"format": "xml"}, {"status": "gone"}, {"agent_id": "7"}, {"metadata.": "x"}])
async def test_what_does_not_fit_is_refused_by_its_name(site, wrong):
    answer = await site.http.get(EXPORT, params=wrong)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == next(iter(wrong))


async def test_an_agents_variables_and_questions_have_columns(site, agent):
    agent["variables"] = [{"name": "city"}]
    agent["states"][0]["variables"] = [{"name": "day"}]
    made = (await site.http.post("/v1/agents", json=agent)).json()["data"]["id"]
    question = {"name": "Mood", "description": "How?", "type": "text"}
    await site.http.post(f"/v1/agents/{made}/post-call-questions", json={"questions": [question]})
    await site.call(agent_id=made)
    answer = await site.http.get(EXPORT, params={"agent_id": made})
    assert answer.text.splitlines()[0].endswith("metadata,variable.city,variable.day,answer.Mood")


async def test_another_organizations_calls_are_never_in_it(site):
    await site.call()
    stranger = {"X-Api-Key": site.key(Scope.CALLS_READ, organization_id=site.other_organization())}
    assert rows(await site.http.get(EXPORT, headers=stranger)) == []


async def test_a_database_that_fails_before_the_first_batch_is_an_error_answer(site, monkeypatch):
    def broken(*_, **__):
        raise TimeoutError

    monkeypatch.setattr(type(site.app.state.resources.calls), "after", broken)
    answer = await site.http.get(EXPORT)
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "internal_error")
