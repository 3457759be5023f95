"""Commands print tables for people, JSON for programs, and faults on stderr with code 1."""

import json

import pytest

from offhook.cli.backend import CallFilter, NewCall, NewTrunk
from offhook.errors import NotFoundError
from offhook.record.lifecycle import Status

AGENT = """
name: Reception
base_prompt: You answer the phone.
initial_state_name: hello
states:
  - name: hello
    prompt: Greet the caller.
"""
CALL = {
    "id": "call-1",
    "created_at": "2025-01-01T12:00:00Z",
    "status": "completed",
    "direction": "inbound",
    "from_number": "+33611111111",
    "to_number": "+33123456789",
    "agent_id": "agent-1",
    "duration_seconds": 61,
    "end_reason": {"code": "caller_hung_up", "party": "caller", "detail": "BYE"},
    "variable_values": [{"name": "day", "type": "string", "value": "Monday"}],
    "transcript": [],
    "transcript_string": "Agent: Hello\nUser: Monday",
}


def test_apply_makes_a_draft_and_says_how_to_publish_it(run, backend, tmp_path):
    file = tmp_path / "reception.agent.yaml"
    file.write_text(AGENT)
    code, out, _ = run("agents", "apply", file)
    assert code == 0
    assert out.startswith("agent-1  Reception, version 1: a draft")
    assert backend.agents[0]["states"][0]["name"] == "hello"
    assert backend.closed
    run("agents", "apply", file, "--deploy")
    assert backend.agents[1]["active"]


def test_a_faulty_agent_file_is_refused_with_every_fault_by_its_path(run, backend, tmp_path):
    file = tmp_path / "bad.agent.yaml"
    file.write_text(AGENT.replace("initial_state_name: hello", "initial_state_name: nowhere") + "surprise: 1\n")
    code, out, err = run("agents", "apply", file)
    assert (code, out) == (1, "")
    assert f"{file}: surprise: " in err
    assert backend.agents == []


def test_a_missing_agent_file_is_named(run, tmp_path):
    code, _, err = run("agents", "apply", tmp_path / "none.yaml")
    assert code == 1
    assert "none.yaml" in err


def test_an_exported_agent_can_be_applied_again(run, backend, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(AGENT)
    run("agents", "apply", file)
    code, out, _ = run("agents", "export", "agent-1")
    assert code == 0
    again = tmp_path / "b.yaml"
    again.write_text(out)
    assert run("agents", "apply", again)[0] == 0
    assert backend.agents[0] == backend.agents[1]


def test_what_a_server_adds_to_an_agent_is_not_exported(run, backend, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(AGENT)
    run("agents", "apply", file)
    built_in = {"name": "call_id", "type": "string", "description": "Built in", "source": "initial"}
    backend.agents[0].update(organization_id="o", created_at="2025-01-01T00:00:00Z", variables=[built_in])
    code, out, _ = run("agents", "export", "agent-1")
    assert code == 0
    assert not {"id", "version", "created_at", "variables"} & {line.partition(":")[0] for line in out.splitlines()}


def test_lists_are_tables_or_json(run, backend):
    backend.agents = [{"id": "agent-1", "name": "Reception", "language": "en", "version": 3, "active": True}]
    _, table, _ = run("agents", "list")
    assert table.split() == ["id", "name", "language", "version", "published", "agent-1", "Reception", "en", "3", "yes"]
    _, text, _ = run("agents", "list", "--json")
    assert json.loads(text) == backend.agents


def test_an_empty_list_says_so_but_is_json_all_the_same(run):
    assert run("numbers", "list") == (0, "", "none yet\n")
    assert run("numbers", "list", "--json") == (0, "[]\n", "")


def test_a_number_is_added_with_its_agent(run, backend):
    code, out, _ = run("numbers", "add", "+33123456789", "--agent", "agent-1", "--type", "pstn")
    assert code == 0
    assert "answered by agent agent-1" in out
    assert backend.numbers[0]["type"] == "pstn"


def test_a_trunks_password_can_come_from_the_environment(run, backend, monkeypatch):
    monkeypatch.setenv("OFFHOOK_TRUNK_PASSWORD", "secret")
    code, out, _ = run("trunks", "add", "carrier", "--host", "sip.example", "--transport", "tls", "--register")
    assert code == 0
    assert "secret" not in out
    assert backend.asked == [NewTrunk("carrier", "sip.example", None, "tls", None, "secret", True)]


def test_a_key_is_printed_alone_so_that_a_script_can_take_it(run, backend):
    code, out, err = run("keys", "create", "--name", "ci", "--scope", "calls:read", "--expires", "30")
    assert (code, out) == (0, "ok_live_secret\n")
    assert "not shown again" in err
    assert backend.asked == [("ci", ["calls:read"], 30)]


def test_an_unknown_scope_is_wrong_usage(run):
    code, _, err = run("keys", "create", "--name", "ci", "--scope", "everything")
    assert code == 2
    assert "calls:read" in err


def test_revoking_an_unknown_key_fails(run):
    code, out, err = run("keys", "revoke", "key-9")
    assert (code, out) == (1, "")
    assert "key-9" in err


def test_calls_are_filtered(run, backend):
    backend.calls = [CALL]
    _, out, _ = run("calls", "list", "--limit", "5", "--status", "completed", "--agent", "agent-1")
    assert backend.asked == [CallFilter(5, "agent-1", "completed")]
    assert "caller_hung_up" in out
    assert len(out.splitlines()) == 2


def test_a_call_is_shown_with_its_transcript(run, backend):
    backend.calls = [CALL]
    _, out, _ = run("calls", "show", "call-1")
    assert "day = Monday" in out
    assert "caller_hung_up BYE" in out
    assert out.endswith("Agent: Hello\nUser: Monday\n")
    _, text, _ = run("calls", "show", "call-1", "--json")
    assert json.loads(text) == CALL


def test_a_recording_is_saved_whole_or_not_at_all(run, backend, tmp_path):
    code, _, _ = run("calls", "recording", "call-1", "-o", tmp_path / "a.wav", "--channels")
    assert code == 0
    assert (tmp_path / "a.wav").read_bytes() == b"OggS"
    assert backend.asked == [("call-1", True, True)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_recordings_name_must_say_its_format(run, tmp_path):
    code, _, err = run("calls", "recording", "call-1", "-o", tmp_path / "a.mp3")
    assert code == 1
    assert ".ogg or .wav" in err


def test_a_recording_that_cannot_be_written_is_an_error(run, tmp_path):
    code, _, err = run("calls", "recording", "call-1", "-o", tmp_path / "nowhere" / "a.ogg")
    assert code == 1
    assert "cannot be written" in err


def test_a_call_is_placed_with_its_variables(run, backend):
    code, out, _ = run("call", "sip:me@127.0.0.1", "--from", "+331", "--agent", "a", "--var", "x=1=2", "--var", "y=")
    assert (code, out) == (0, "call-1\n")
    assert backend.asked == [NewCall("sip:me@127.0.0.1", "+331", "a", {"x": "1=2", "y": ""})]


def test_a_variable_without_a_value_is_wrong_usage(run):
    code, _, err = run("call", "+331", "--from", "+332", "--agent", "a", "--var", "x")
    assert code == 2
    assert "NAME=VALUE" in err


def item(role, content, **more):
    return {"role": role, "content": content, **more}


def test_a_watched_call_is_told_as_it_happens(run, backend, monkeypatch):
    monkeypatch.setattr("offhook.cli.call.POLL_S", 0)
    growing, hello = item("agent", "Hel"), item("agent", "Hello", end_time="2025-01-01T12:00:01Z")
    steps = [
        ("ringing", []),
        ("in_progress", [growing]),
        ("in_progress", [hello]),
        ("in_progress", [hello, item("tool", "{}"), item("user", "Mon")]),
        ("completed", [hello, item("tool", "{}"), item("user", "Monday")]),
    ]
    backend.calls = [[{"id": "call-1", "status": status, "transcript": items} for status, items in steps]]
    code, _, err = run("call", "+331", "--from", "+332", "--agent", "a", "--watch")
    assert code == 0
    assert err.splitlines() == ["[ringing]", "[in_progress]", "Agent: Hello", "[completed]", "User: Monday"]


@pytest.mark.parametrize("status", [Status.BUSY, Status.NO_ANSWER, Status.FAILED, Status.CANCELED])
def test_a_watched_call_that_was_not_held_is_code_1(run, backend, status):
    backend.calls = [{"id": "call-1", "status": status, "transcript": []}]
    code, out, err = run("call", "+331", "--from", "+332", "--agent", "a", "--watch", "--json")
    assert code == 1
    assert json.loads(out)["status"] == status
    assert f"ended {status}" in err


@pytest.mark.parametrize("name", ["calls.csv", "calls.json", "calls.jsonl"])
def test_an_export_is_saved_under_the_format_of_its_name(run, backend, tmp_path, name):
    to = tmp_path / name
    code, out, _ = run("calls", "export", "-o", to, "--agent", "a1", "--status", "completed", "--since", "2026-01-31")
    assert (code, to.read_bytes()) == (0, b"OggS")
    assert out.strip() == f"{to}: 4 bytes"
    (wanted,) = backend.asked
    assert (wanted.format, wanted.agent_id, wanted.status) == (name.partition(".")[2], "a1", "completed")
    assert wanted.since.isoformat() == "2026-01-31T00:00:00"


def test_an_export_that_breaks_off_leaves_no_file(run, backend, tmp_path):
    async def broken(wanted):
        yield b"half"
        raise NotFoundError("gone")

    backend.export_calls = broken
    code, _, err = run("calls", "export", "-o", tmp_path / "calls.csv")
    assert (code, list(tmp_path.iterdir())) == (1, [])
    assert "gone" in err


def test_an_export_under_another_name_is_refused(run, tmp_path):
    code, _, err = run("calls", "export", "-o", tmp_path / "calls.xlsx")
    assert (code, ".jsonl" in err) == (1, True)
