"""The doctor finds what is wrong and says what to do; it changes nothing."""

import json
import socket

import pytest

from offhook.cli.checks import State, check_disk, check_http_port, check_phonemes, check_rtp_ports, check_sip_port
from offhook.cli.doctor import show_settings
from offhook.settings import Settings, load_settings


async def test_a_port_in_use_is_told_with_its_setting():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = await check_http_port(Settings(http_port=taken.getsockname()[1]))
    assert found.state is State.NOTE
    assert "OFFHOOK_HTTP_PORT" in found.remedy


async def test_the_sip_port_is_looked_at_by_udp_too():
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        found = await check_sip_port(Settings(sip_host="127.0.0.1", sip_port=taken.getsockname()[1]))
    assert found.state is State.NOTE


async def test_an_address_that_is_not_this_machines_is_bad():
    found = await check_http_port(Settings(http_host="192.0.2.1", http_port=8000))
    assert found.state is State.BAD


async def test_too_few_rtp_ports_are_bad():
    assert (await check_rtp_ports(Settings(rtp_port_min=10000, rtp_port_max=10099))).found.endswith("50 calls")
    assert (await check_rtp_ports(Settings(rtp_port_min=10000, rtp_port_max=10099, max_calls=51))).state is State.BAD
    assert (await check_rtp_ports(Settings(rtp_port_min=10000, rtp_port_max=9000))).state is State.BAD


async def test_a_data_directory_that_is_a_file_is_bad(tmp_path):
    (tmp_path / "data").touch()
    found = await check_disk(Settings(data_dir=tmp_path / "data"))
    assert found.state is State.BAD
    assert "OFFHOOK_DATA_DIR" in found.remedy


async def test_a_missing_espeak_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    found = await check_phonemes(Settings())
    assert (found.state, found.found) == (State.BAD, "not installed")
    assert "apt-get install espeak-ng" in found.remedy


def test_every_setting_is_shown_and_no_secret(tmp_path):
    shown = show_settings(
        load_settings({}, tmp_path / "none", secret_key="hush", database_url="postgresql://me:hush@db/x")
    )
    assert len(shown) == len(Settings.model_fields)
    assert shown["OFFHOOK_HTTP_PORT"] == "8000"
    assert "hush" not in json.dumps(shown)


@pytest.fixture
def quiet_machine(monkeypatch, tmp_path):
    for name, value in {"HTTP_PORT": "0", "SIP_PORT": "0", "DATA_DIR": str(tmp_path / "data")}.items():
        monkeypatch.setenv(f"OFFHOOK_{name}", value)
    return tmp_path


def test_the_doctor_reports_every_check_and_changes_nothing(run, quiet_machine):
    _, out, _ = run("doctor", "--json")
    report = json.loads(out)
    names = [check["check"] for check in report["checks"]]
    assert {"http port", "sip port", "rtp ports", "disk", "models", "espeak-ng", "database", "storage", "clock"} == {
        *names
    }
    assert all(check["remedy"] for check in report["checks"] if check["state"] != "ok")
    assert list(quiet_machine.iterdir()) == []


def test_a_bad_finding_is_code_1(run, quiet_machine, monkeypatch):
    monkeypatch.setenv("OFFHOOK_HTTP_HOST", "192.0.2.1")
    monkeypatch.setenv("OFFHOOK_HTTP_PORT", "8000")
    code, out, _ = run("doctor")
    assert code == 1
    assert "BAD" in out
    assert "Choose another OFFHOOK_HTTP_PORT or host." in out


def test_an_unknown_setting_is_refused_with_the_nearest_known(run, quiet_machine, monkeypatch):
    monkeypatch.setenv("OFFHOOK_HTP_PORT", "1")
    code, _, err = run("doctor")
    assert code == 1
    assert "did you mean OFFHOOK_HTTP_PORT?" in err
