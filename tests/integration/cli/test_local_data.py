"""Commands on a data directory that nobody has used before, as a newcomer runs them."""

import json
import uuid

import pytest

AGENT = """
name: Reception
base_prompt: You answer the phone.
initial_state_name: hello
states:
  - name: hello
    prompt: Greet the caller.
"""


@pytest.fixture
def agent_file(tmp_path):
    file = tmp_path / "reception.agent.yaml"
    file.write_text(AGENT)
    return file


def answer(done):
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_an_agent_goes_from_file_to_number(offhook, agent_file):
    agent = answer(offhook("agents", "apply", agent_file, "--deploy", "--json"))
    assert (agent["name"], agent["version"], agent["active"]) == ("Reception", 1, True)
    number = answer(offhook("numbers", "add", "+33123456789", "--agent", agent["id"], "--json"))
    assert number["inbound_agent_id"] == agent["id"]
    assert answer(offhook("numbers", "list", "--json")) == [number]
    again = offhook("numbers", "add", "+33123456789")
    assert again.returncode == 1
    assert "+33123456789 is in use already" in again.stderr


def test_applying_again_makes_a_draft_until_it_is_deployed(offhook, agent_file):
    first = answer(offhook("agents", "apply", agent_file, "--deploy", "--json"))
    agent_file.write_text(AGENT.replace("Greet the caller.", "Say good day."))
    second = answer(offhook("agents", "apply", agent_file, "--json"))
    assert (second["id"], second["version"], second["active"]) == (first["id"], 2, False)
    assert "Greet the caller." in offhook("agents", "export", first["id"]).stdout
    answer(offhook("agents", "apply", agent_file, "--deploy", "--json"))
    assert "Say good day." in offhook("agents", "export", first["id"]).stdout
    listed = answer(offhook("agents", "list", "--json"))
    assert [(agent["version"], agent["active"]) for agent in listed] == [(2, True)]


def test_an_unknown_agent_for_a_number_is_named(offhook):
    stranger = str(uuid.uuid4())
    done = offhook("numbers", "add", "+33123456789", "--agent", stranger)
    assert done.returncode == 1
    assert f"no agent {stranger}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["numbers", "add", "12", "--type", "pstn"], "E.164"),
        (["numbers", "add", "+33123456789", "--agent", "nobody"], "inbound_agent_id"),
        (["trunks", "add", "t", "--host", "no host"], "host"),
        (["trunks", "add", "t", "--host", "sip.example", "--allow", "everybody"], "allowed_sources.0"),
    ],
)
def test_what_the_api_would_refuse_is_refused_here_too(offhook, arguments, named):
    done = offhook(*arguments)
    assert done.returncode == 1
    assert named in done.stderr


def test_a_sip_name_is_a_number_of_type_sip(offhook):
    assert answer(offhook("numbers", "add", "reception", "--json"))["type"] == "sip"
    assert answer(offhook("numbers", "add", "+33123456789", "--json"))["type"] == "pstn"


def test_a_key_is_made_listed_and_revoked(offhook):
    made = answer(offhook("keys", "create", "--name", "ci", "--scope", "calls:read", "--expires", "1", "--json"))
    assert made["key"].startswith("ok_live_")
    (listed,) = answer(offhook("keys", "list", "--json"))
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert (listed["scopes"], listed["revoked_at"]) == (["calls:read"], None)
    assert offhook("keys", "revoke", made["id"]).returncode == 0
    assert answer(offhook("keys", "list", "--json"))[0]["revoked_at"] is not None


def test_a_trunk_is_listed_without_its_password(offhook):
    made = answer(
        offhook("trunks", "add", "carrier", "--host", "sip.example", "--allow", "192.0.2.0/24", "--json",
                OFFHOOK_TRUNK_PASSWORD="hush")
    )  # fmt: skip
    assert made["allowed_sources"] == ["192.0.2.0/24"]
    listed = offhook("trunks", "list", "--json")
    assert answer(listed) == [made]
    assert "hush" not in listed.stdout


def test_an_unknown_call_is_an_error(offhook):
    for arguments in (("show", "nothing"), ("recording", "nothing", "-o", "a.ogg")):
        done = offhook("calls", *arguments)
        assert done.returncode == 1
        assert done.stderr == "offhook: no call nothing\n"


def test_a_call_without_a_server_says_what_is_missing(offhook):
    done = offhook("call", "sip:me@127.0.0.1", "--from", "+33123456789", "--agent", "a")
    assert done.returncode == 1
    assert "`offhook serve`" in done.stderr
    assert answer(offhook("keys", "list", "--json"))[0]["revoked_at"] is not None


def test_the_database_is_upgraded_on_command(offhook, data_dir):
    done = offhook("db", "upgrade")
    assert done.returncode == 0
    assert (data_dir / "offhook.db").exists()
    assert "up to date" in done.stdout
