"""Every setting of the server, read from the environment (``OFFHOOK_*``) and ``offhook.toml``.

The environment wins over the file. An unknown ``OFFHOOK_`` name is an error that names the nearest known one.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from offhook.errors import ConfigurationError

PREFIX = "OFFHOOK_"
# Read by the command line itself, not by the server.
CLIENT_NAMES = frozenset({"OFFHOOK_URL", "OFFHOOK_API_KEY", "OFFHOOK_TRUNK_PASSWORD"})
_LISTS = frozenset({"sip_allow", "tool_allow", "webhook_allow"})  # several values, with commas between them
DEFAULT_ALLOW = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")


class Settings(BaseModel):
    """Frozen settings; each field ``name`` is the variable ``OFFHOOK_NAME`` and the key ``name`` of offhook.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(Path("data"), description="Database, recordings, knowledge files, key and tapes live here.")
    models_dir: Path = Field(
        Path("~/.cache/offhook/models"), description="Local model files (`offhook models fetch`) live here."
    )
    database_url: str | None = Field(None, description="Absent: SQLite in the data directory.")
    storage_url: str | None = Field(
        None, description="`s3://BUCKET/PREFIX` or `file:///FOLDER`; absent: files in the data directory."
    )
    s3_endpoint: str | None = Field(None, description="Base URL of an S3-compatible store; absent: AWS.")
    s3_region: str | None = Field(None, description="Region of the bucket; absent: `AWS_REGION`, else us-east-1.")
    http_host: str = Field("127.0.0.1", description="Address the API and Studio listen on.")
    http_port: int = Field(8000, ge=0, le=65535, description="Port of the API and Studio; 0 picks a free one.")
    sip_host: str = Field("0.0.0.0", description="Address SIP and RTP listen on.")  # noqa: S104 - a phone server
    sip_port: int = Field(5060, ge=0, le=65535, description="SIP port, UDP and TCP; 0 picks a free one.")
    sip_allow: tuple[str, ...] = Field(DEFAULT_ALLOW, description="Networks that may call in without a trunk.")
    rtp_port_min: int = Field(10000, ge=1024, le=65534, description="First RTP port (even).")
    rtp_port_max: int = Field(19999, ge=1025, le=65535, description="Last RTP port.")
    public_host: str | None = Field(None, description="Address put into SIP and SDP; absent: the route's own address.")
    public_url: str | None = Field(None, description="Base of URLs given to clients; absent: http://host:port.")
    secret_key: str | None = Field(
        None,
        description="Signs URLs and seals stored secrets; made and kept in the data directory when absent. "
        "Servers that share a database need the same.",
    )
    webhook_allow: tuple[str, ...] = Field(
        (), description="Networks that webhooks may reach beyond the public internet, such as 10.1.0.0/16."
    )
    event_retention_days: int = Field(
        30,
        ge=1,
        le=36500,
        description="Days that events (`/v1/events`, streams) and the log of settled webhook deliveries are kept; "
        "calls keep their record.",
    )
    tool_allow: tuple[str, ...] = Field(
        DEFAULT_ALLOW,
        description="Networks that agents' tools (functions, call context, MCP) may reach beyond the public internet. "
        "Link-local addresses and clouds' metadata services are never among the default ones.",
    )
    max_calls: int | None = Field(
        None, ge=1, description="Calls at once; absent: what the providers in use were measured to carry."
    )
    rate_limit_key: int = Field(300_000, ge=1, le=10**9, description="Requests a minute with one API key.")
    rate_limit_organization: int = Field(
        600_000, ge=1, le=10**9, description="Requests a minute with all keys of an organization."
    )
    rate_limit_failures: int = Field(
        300, ge=1, le=10**9, description="Requests a minute without a valid key from one address."
    )
    llm_base_url: str | None = Field(None, description="Base URL of an OpenAI-compatible server.")
    llm_api_key: str | None = Field(None, description="Key for that server.")
    llm_model: str | None = Field(None, description="Model name there, when the agent names none.")
    log_format: Literal["console", "json"] = Field("console", description="Shape of log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

    @field_validator("tool_allow", "webhook_allow")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)  # its ValueError names what is wrong with it
        return networks


def load_settings(environ: Mapping[str, str] | None = None, toml: Path | None = None, **overrides: object) -> Settings:
    """Read the settings; ``overrides`` (command-line options, None = not given) win over both sources.

    Raises ConfigurationError with the variable's name and the remedy.
    """
    env = os.environ if environ is None else environ
    path = toml or Path("offhook.toml")
    values: dict[str, Any] = _from_toml(path) if path.exists() else {}
    values.update(_from_environment(env))
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise ConfigurationError(f"{name}: {first['msg']} (got {first.get('input')!r})") from error


def ensure_secret_key(settings: Settings) -> str:
    """The key that signs URLs: the one set, else the data directory's own, made on first use.

    Raises ConfigurationError when the data directory can't be written.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data_dir / "secret_key"
    try:
        if path.exists():
            return path.read_text().strip()
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        # A link, unlike a rename, leaves the key of a process that was faster.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"OFFHOOK_DATA_DIR: {path} cannot be made or read: {error.strerror}") from error


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    for name in values:
        _check_known(name, f"{path}: {name}")
    return values


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, text in env.items():
        if not variable.startswith(PREFIX) or variable in CLIENT_NAMES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        _check_known(name, variable)
        values[name] = [part.strip() for part in text.split(",") if part.strip()] if name in _LISTS else text
    return values


def _check_known(name: str, shown: str) -> None:
    if name in Settings.model_fields:
        return
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.5)
    hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    raise ConfigurationError(f"{shown} is not a setting{hint} (`offhook doctor` lists them)")
