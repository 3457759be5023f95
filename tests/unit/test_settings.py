"""Settings come from environment and file; a wrong one is an error that says how to mend it."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from offhook.errors import ConfigurationError
from offhook.settings import ensure_secret_key, load_settings


@pytest.fixture
def toml(tmp_path):
    return tmp_path / "offhook.toml"


def test_the_environment_wins_over_the_file_and_options_over_both(toml):
    toml.write_text("http_port = 1111\nsip_port = 2222\n")
    settings = load_settings({"OFFHOOK_HTTP_PORT": "3333"}, toml, sip_host="127.0.0.1", data_dir=None)
    assert (settings.http_port, settings.sip_port, settings.sip_host) == (3333, 2222, "127.0.0.1")


def test_networks_are_a_list_with_commas(toml):
    assert load_settings({"OFFHOOK_SIP_ALLOW": "10.0.0.0/8, 192.0.2.0/24"}, toml).sip_allow == (
        "10.0.0.0/8",
        "192.0.2.0/24",
    )


def test_an_unknown_variable_names_the_nearest_known_one(toml):
    with pytest.raises(ConfigurationError, match="OFFHOOK_HTP_PORT is not a setting; did you mean OFFHOOK_HTTP_PORT"):
        load_settings({"OFFHOOK_HTP_PORT": "1"}, toml)
    toml.write_text("sip_prot = 1")
    with pytest.raises(ConfigurationError, match="sip_prot is not a setting; did you mean OFFHOOK_SIP_PORT"):
        load_settings({}, toml)


def test_a_value_that_does_not_fit_is_named(toml):
    with pytest.raises(ConfigurationError, match=r"OFFHOOK_HTTP_PORT: .* 'http'"):
        load_settings({"OFFHOOK_HTTP_PORT": "http"}, toml)


def test_a_file_that_is_no_toml_is_named(toml):
    toml.write_text("http_port = ")
    with pytest.raises(ConfigurationError, match=r"offhook\.toml: not valid TOML"):
        load_settings({}, toml)


def test_the_command_lines_own_variables_are_no_settings(toml):
    load_settings(
        {"OFFHOOK_URL": "http://x", "OFFHOOK_API_KEY": "k", "OFFHOOK_TRUNK_PASSWORD": "p", "PATH": "/bin"}, toml
    )


def test_a_secret_key_is_made_once_and_kept_for_its_owner_alone(toml, tmp_path):
    settings = load_settings({}, toml, data_dir=tmp_path / "data")
    key = ensure_secret_key(settings)
    assert len(key) >= 43  # 256 bits
    assert ensure_secret_key(settings) == key
    assert stat.S_IMODE((tmp_path / "data/secret_key").stat().st_mode) == 0o600


def test_a_secret_key_that_is_set_is_not_kept(toml, tmp_path):
    assert ensure_secret_key(load_settings({}, toml, data_dir=tmp_path / "data", secret_key="mine")) == "mine"
    assert not (tmp_path / "data").exists()


def test_all_who_start_together_agree_on_the_key(toml, tmp_path):
    settings = load_settings({}, toml, data_dir=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: ensure_secret_key(settings), range(32)))
    assert len(set(keys)) == 1


def test_a_data_directory_that_cannot_be_made_is_named(toml, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(ConfigurationError, match="OFFHOOK_DATA_DIR"):
        ensure_secret_key(load_settings({}, toml, data_dir=tmp_path / "data"))
