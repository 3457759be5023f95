"""Post-call questions: the batch, single ones, and what is refused."""

import uuid

import pytest

from offhook.store.keys import Scope

TEXT = {"name": "Reason", "description": "Why did the caller call?", "type": "text"}
CHOICE = {
    "name": "Mood", "description": "How did the caller feel?", "type": "single_choice",
    "options": [{"value": "Happy"}, {"value": "Angry"}],
}  # fmt: skip


@pytest.fixture
async def path(site, agent):
    made = await site.http.post("/v1/agents", json=agent)
    return f"/v1/agents/{made.json()['data']['id']}/post-call-questions"


async def save(site, path, *questions):
    return await site.http.post(path, json={"questions": list(questions)})


async def test_a_batch_makes_questions_that_the_list_and_each_path_show(site, path):
    answer = await save(site, path, {**TEXT, "optional": True, "examples": ["A broken tooth"], "model": "m1"}, CHOICE)
    assert answer.status_code == 200, answer.text
    text, choice = answer.json()["data"]
    assert (text["optional"], text["examples"], text["model"], text["options"]) == (True, ["A broken tooth"], "m1", [])
    assert [option["value"] for option in choice["options"]] == ["Happy", "Angry"]
    assert {"id", "value", "created_at"} == choice["options"][0].keys()
    assert (choice["is_active"], choice["question_origin"]) == (True, "custom")
    listed = (await site.http.get(path)).json()
    assert (listed["data"], listed["next_cursor"]) == ([text, choice], None)
    assert (await site.http.get(f"{path}/{choice['id']}")).json()["data"] == choice


async def test_a_batch_changes_a_question_by_its_id_and_leaves_absent_fields(site, path):
    text, choice = (await save(site, path, {**TEXT, "model": "m1"}, CHOICE)).json()["data"]
    happy = choice["options"][0]["id"]
    answer = await save(
        site, path,
        {**TEXT, "id": text["id"], "name": "Why"},
        {**CHOICE, "id": choice["id"], "options": [{"value": "Glad", "option_id": happy}, {"value": "Sad"}]},
    )  # fmt: skip
    changed, other = answer.json()["data"]
    assert (changed["name"], changed["model"], changed["id"]) == ("Why", "m1", text["id"])
    assert other["options"][0] == {**choice["options"][0], "value": "Glad"}
    assert len((await site.http.get(path)).json()["data"]) == 2


async def test_one_fault_refuses_the_whole_batch_and_names_its_path(site, path):
    answer = await save(site, path, TEXT, TEXT, {**TEXT, "type": "multiple_choice"})
    assert answer.status_code == 422
    assert [row["field"] for row in answer.json()["error"]["details"]] == ["questions[2].options"]
    assert (await site.http.get(path)).json()["data"] == []


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({**TEXT, "type": "date"}, "questions[0].type"),
        ({**TEXT, "name": " "}, "questions[0].name"),
        ({**TEXT, "name": "a\x00b"}, "questions[0].name"),
        ({**TEXT, "description": "x" * 4001}, "questions[0].description"),
        ({**TEXT, "examples": ["x"] * 21}, "questions[0].examples"),
        ({**TEXT, "question_type": "text"}, "questions[0].question_type"),
        ({**TEXT, "options": [{"value": "a"}]}, "questions[0].options"),
        ({**CHOICE, "options": []}, "questions[0].options"),
        ({**CHOICE, "options": [{"value": "a"}, {"value": "A"}]}, "questions[0].options[1].value"),
        ({**CHOICE, "options": [{"value": ""}]}, "questions[0].options[0].value"),
        ({"name": "n", "type": "text"}, "questions[0].description"),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_path(site, path, question, field):
    answer = await save(site, path, question)
    assert answer.status_code == 422
    assert [row["field"] for row in answer.json()["error"]["details"]] == [field]


@pytest.mark.parametrize("count", [0, 51])
async def test_a_batch_has_1_to_50_questions(site, path, count):
    answer = await save(site, path, *[TEXT] * count)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "questions"


async def test_an_agent_has_no_more_than_a_hundred(site, path):
    for _ in range(2):
        assert (await save(site, path, *[TEXT] * 50)).status_code == 200
    assert (await save(site, path, TEXT)).status_code == 409


async def test_a_patch_changes_what_it_names(site, path):
    (choice,) = (await save(site, path, CHOICE)).json()["data"]
    changed = await site.http.patch(f"{path}/{choice['id']}", json={"is_active": False, "description": "Mood?"})
    data = changed.json()["data"]
    assert (data["is_active"], data["description"], data["options"]) == (False, "Mood?", choice["options"])
    for change, field in [
        ({"name": None}, "name"), ({"options": []}, "options"), ({"type": "nothing"}, "type"),
        ({"options": [{"value": "a", "option_id": str(uuid.uuid4())}]}, "options[0].option_id"),
    ]:  # fmt: skip
        refused = await site.http.patch(f"{path}/{choice['id']}", json=change)
        assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (422, field)


async def test_a_deleted_question_is_gone(site, path):
    (text,) = (await save(site, path, TEXT)).json()["data"]
    gone = await site.http.delete(f"{path}/{text['id']}")
    assert (gone.status_code, gone.json()["data"]) == (200, None)
    for method in ("GET", "PATCH", "DELETE"):
        answer = await site.http.request(method, f"{path}/{text['id']}", json={} if method == "PATCH" else None)
        assert answer.status_code == 404, method


async def test_another_organizations_agent_and_a_foreign_question_are_404(site, path, agent):
    (text,) = (await save(site, path, TEXT)).json()["data"]
    stranger = {"X-Api-Key": site.key(organization_id=site.other_organization())}
    for method, where in [("GET", path), ("POST", path), ("GET", f"{path}/{text['id']}")]:
        body = {"questions": [TEXT]} if method == "POST" else None
        assert (await site.http.request(method, where, json=body, headers=stranger)).status_code == 404
    other = (await site.http.post("/v1/agents", json={**agent, "name": "Other"})).json()["data"]["id"]
    foreign = f"/v1/agents/{other}/post-call-questions"
    assert (await save(site, foreign, {**TEXT, "id": text["id"]})).status_code == 404
    assert (await site.http.delete(f"{foreign}/{text['id']}")).status_code == 404
    assert len((await site.http.get(path)).json()["data"]) == 1


async def test_reading_takes_agents_read_and_changing_agents_write(site, path):
    reader = {"X-Api-Key": site.key(Scope.AGENTS_READ)}
    assert (await site.http.get(path, headers=reader)).status_code == 200
    assert (await site.http.post(path, json={"questions": [TEXT]}, headers=reader)).status_code == 403
