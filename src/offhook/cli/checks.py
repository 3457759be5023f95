"""The doctor's checks, each a function of the settings."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from offhook.errors import ConfigurationError, OffhookError
from offhook.files import open_files
from offhook.models.files import list_models
from offhook.settings import Settings

if TYPE_CHECKING:
    from offhook.store.database import Database

DISK_LEAST_BYTES = 1_000_000_000  # two hours of tape and recording are 270 MB; ten such calls at once and some air
RTP_PORTS_A_CALL = 2  # RTP on the even port, the odd one left to RTCP

BUILT_AT = Path(__file__).stat().st_mtime - 86_400  # a day for time zones of archives


class State(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True):
    """What a check found, and what to do about it ("" when nothing is)."""

    check: str
    state: State
    found: str
    remedy: str = ""


async def check_http_port(settings: Settings) -> Finding:
    """The API's port can be listened on, or Offhook already does."""
    return _port("http port", "OFFHOOK_HTTP_PORT", settings.http_host, settings.http_port, (socket.SOCK_STREAM,))


async def check_sip_port(settings: Settings) -> Finding:
    """The SIP port can be listened on by UDP and TCP."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    return _port("sip port", "OFFHOOK_SIP_PORT", settings.sip_host, settings.sip_port, kinds)


async def check_rtp_ports(settings: Settings) -> Finding:
    """The range of RTP ports is long enough, and its first port is free."""
    low, high = settings.rtp_port_min, settings.rtp_port_max
    calls = (high - low + 1) // RTP_PORTS_A_CALL
    if calls < 1 or (settings.max_calls or 0) > calls:
        wanted = f"{settings.max_calls} calls need twice as many ports"
        remedy = f"Widen OFFHOOK_RTP_PORT_MIN … OFFHOOK_RTP_PORT_MAX: {wanted}."
        return Finding("rtp ports", State.BAD, f"{low}-{high}: room for {max(0, calls)} calls", remedy)
    return Finding("rtp ports", State.OK, f"{low}-{high}: room for {calls} calls")


async def check_disk(settings: Settings) -> Finding:
    """The data directory can be written and has room."""
    folder = settings.data_dir.expanduser().absolute()
    remedy = "Choose another folder with OFFHOOK_DATA_DIR, or mend its owner and mode."
    try:
        # Before the first start it isn't there, and the doctor changes nothing.
        there = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding("disk", State.BAD, f"{folder} cannot be written: {error.strerror}", remedy)
    if free < DISK_LEAST_BYTES:
        return Finding("disk", State.BAD, f"{folder}: {_megabytes(free)} free", "Free a gigabyte, or move the data.")
    return Finding("disk", State.OK, f"{folder}: {_megabytes(free)} free")


async def check_models(settings: Settings) -> Finding:
    """The files of the local recognizer and voice are there."""
    folder = settings.models_dir.expanduser()
    missing = [model.name for model in list_models(folder) if not model.present and not model.optional]
    if missing:
        remedy = f"offhook models fetch {' '.join(missing)} (agents that use other providers do without)."
        return Finding("models", State.BAD, f"{folder} lacks {', '.join(missing)}", remedy)
    return Finding("models", State.OK, f"{folder}: recognizer and voice are there")


async def check_phonemes(settings: Settings) -> Finding:  # noqa: ARG001 - every check takes the settings
    """The program that the local voice needs is there."""
    program = shutil.which("espeak-ng")
    if program is None:
        remedy = "apt-get install espeak-ng (the local voice needs it; other voices don't)."
        return Finding("espeak-ng", State.BAD, "not installed", remedy)
    version = await _answer(program, "--version")
    return Finding("espeak-ng", State.OK, version.partition("  Data")[0])


async def check_database(settings: Settings) -> Finding:
    """The database answers and has this version's schema."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - costs 200 ms

    from offhook.store.database import FILE_NAME, Database, database_url, first_line  # noqa: PLC0415

    if settings.database_url is None and not (settings.data_dir / FILE_NAME).exists():
        return Finding("database", State.OK, "in the data directory, made at the first start")
    remedy = "Start the database, or mend OFFHOOK_DATABASE_URL."
    try:
        database = Database(database_url(settings))
    except ConfigurationError as error:
        return Finding("database", State.BAD, str(error), remedy)
    shown = database.shown
    try:
        current, product = _has_current_schema(database), database.product()
    except DBAPIError as error:
        return Finding("database", State.BAD, f"{shown}: {first_line(error)}", remedy)
    finally:
        database.close()
    if not current:
        return Finding(
            "database", State.NOTE, f"{shown}: {product}, not at this version's schema", "offhook db upgrade"
        )
    return Finding("database", State.OK, f"{shown}: {product} answers, schema up to date")


async def check_storage(settings: Settings) -> Finding:
    """A recording can be stored and read back."""
    if settings.storage_url is None and not settings.data_dir.expanduser().exists():
        return Finding("storage", State.OK, "in the data directory, made at the first start")
    remedy = "Mend OFFHOOK_STORAGE_URL and what it needs, or the folder's owner and mode."
    try:
        store = open_files(settings, "recordings", under="")
        await store.probe()
    except OffhookError as error:
        return Finding("storage", State.BAD, str(error), remedy)
    return Finding("storage", State.OK, store.location)


async def check_clock(settings: Settings) -> Finding:  # noqa: ARG001 - every check takes the settings
    """The clock is right: records, signed URLs and keys live by it."""
    remedy = "Set the clock; apt-get install systemd-timesyncd keeps it right."
    if time.time() < BUILT_AT:
        return Finding("clock", State.BAD, f"{time.ctime()}: earlier than this program's files", remedy)
    program = shutil.which("timedatectl")
    if program is None:
        return Finding("clock", State.OK, f"{time.ctime()} (whether it is synchronized can't be seen here)")
    if await _answer(program, "show", "-p", "NTPSynchronized", "--value") == "no":
        return Finding("clock", State.NOTE, f"{time.ctime()}: not synchronized", remedy)
    return Finding("clock", State.OK, time.ctime())


def _has_current_schema(database: Database) -> bool:
    from alembic.migration import MigrationContext  # noqa: PLC0415 - comes with the database
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    head = ScriptDirectory(str(resources.files("offhook.store") / "migrations")).get_current_head()
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


async def _answer(program: str, *arguments: str) -> str:
    asked = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await asked.communicate()
    return output.decode().strip()


def _port(check: str, setting: str, host: str, port: int, kinds: tuple[socket.SocketKind, ...]) -> Finding:
    if port == 0:
        return Finding(check, State.OK, "a free one is picked at start")
    where = f"{host}:{port}"
    for kind in kinds:
        try:
            _bind(host, port, kind)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                remedy = f"If it isn't Offhook itself that runs there, end that program or choose another {setting}."
                return Finding(check, State.NOTE, f"{where} is in use", remedy)
            remedy = f"Choose another {setting} or host."
            return Finding(check, State.BAD, f"{where}: {error.strerror}", remedy)
    return Finding(check, State.OK, f"{where} is free")


def _bind(host: str, port: int, kind: socket.SocketKind) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, kind)) as probe:
        if kind is socket.SOCK_STREAM:
            # As servers do: a port that a closed connection still lingers on is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


CHECKS: Final[Mapping[str, Callable[[Settings], Awaitable[Finding]]]] = {
    "http port": check_http_port,
    "sip port": check_sip_port,
    "rtp ports": check_rtp_ports,
    "disk": check_disk,
    "models": check_models,
    "espeak-ng": check_phonemes,
    "database": check_database,
    "storage": check_storage,
    "clock": check_clock,
}
