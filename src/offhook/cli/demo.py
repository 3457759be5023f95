"""``offhook demo``: a whole phone call on this machine, from an empty data directory to the record of it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx2
import msgspec
import typer
from rich.console import Console
from rich.json import JSON
from rich.table import Table

from offhook.errors import ConfigurationError, LineError
from offhook.record.events import CallEvent, StatusChanged, TranscriptAdded
from offhook.settings import Settings, load_settings

if TYPE_CHECKING:
    from offhook.server.platform import Platform

NUMBER = "+33123456789"
CALLER = "+33612345678"
READY_LIMIT_S = 120.0  # the first run renders the caller's lines, a few CPU-seconds each
CALL_LIMIT_S = 240.0
RECORDING_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is demonstrated: the agent's and the caller's files, and how it is shown."""

    agent: Path
    caller: Path
    llm: str
    quiet: bool
    listen: bool


@dataclass(slots=True)
class _Stage:
    console: Console
    over: asyncio.Event = field(default_factory=asyncio.Event)
    call_id: str = ""

    def watch(self, call_id: str, event: CallEvent) -> None:
        """Print what happens, as it happens."""
        self.call_id = call_id
        if isinstance(event, StatusChanged):
            self.console.print(f"[dim]call is {event.status.value}[/]")
            if event.end_reason is not None:
                self.over.set()
        elif isinstance(event, TranscriptAdded) and event.final and event.role in {"agent", "user"} and event.content:
            style, name = ("cyan", "Agent") if event.role == "agent" else ("green", "User")
            cut = " [yellow](interrupted)[/]" if event.interrupted else ""
            self.console.print(f"[bold {style}]{name}:[/] {event.content}{cut}")


def demo(
    agent: Annotated[Path | None, typer.Option(help="Agent file; the sample of the language when absent.")] = None,
    caller: Annotated[Path | None, typer.Option(help="Caller script; the sample's when absent.")] = None,
    language: Annotated[str, typer.Option(help="en or fr")] = "en",
    llm: Annotated[str, typer.Option(help="rules, local or openai_compatible")] = "rules",
    listen: Annotated[bool, typer.Option("--listen", help="Play the call on the speakers afterwards.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print only the call's JSON.")] = False,
) -> None:
    """Hold a real phone call on this machine and show its record."""
    if language not in {"en", "fr"}:
        raise typer.BadParameter("the samples speak en and fr", param_hint="--language")
    samples = Path(str(resources.files("offhook.agents") / "samples"))
    plan = DemoPlan(
        agent or samples / f"appointment.{language}.agent.yaml",
        caller or samples / f"caller.{language}.yaml",
        llm,
        quiet=json,
        listen=listen,
    )
    import uvloop  # noqa: PLC0415 - the command line starts fast without it

    sys.exit(uvloop.run(_run(plan)))


async def _run(plan: DemoPlan) -> int:
    from offhook.server.logs import configure_logs  # noqa: PLC0415 - the command line starts fast without the server

    console = Console(stderr=plan.quiet, quiet=plan.quiet, highlight=False)
    settings = _settings()
    configure_logs(settings)
    async with _platform(settings, console) as platform:
        key = await platform.make_key()
        agent_id = await platform.publish_agent(plan.agent, llm=plan.llm)
        await platform.add_number(NUMBER, agent_id)
        stage = _Stage(console)
        platform.calls.watchers.append(stage.watch)
        finished = await _hold_call(plan, settings, platform, stage)
        call = await _fetch(platform.url, key, stage.call_id)
        recording = await platform.recording_path(stage.call_id)
        if plan.quiet:
            sys.stdout.write(msgspec.json.encode(call).decode() + "\n")
        else:
            _show(console, call, recording)
    if plan.listen and recording is not None:
        _play(recording)
    return 0 if finished and call["status"] == "completed" else 1


def _settings() -> Settings:
    data_dir = Path(tempfile.mkdtemp(prefix="offhook-demo-"))
    return load_settings(
        data_dir=data_dir, http_host="127.0.0.1", http_port=0, sip_host="127.0.0.1", sip_port=0,
        log_level="warning",
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _platform(settings: Settings, console: Console) -> AsyncIterator[Platform]:
    from offhook.server.platform import Platform  # noqa: PLC0415 - as above

    with console.status("loading the recognizer and the voice …"):
        platform = await Platform.open(settings)
    try:
        console.print(f"[dim]server: {platform.url}  sip: {platform.sip_address}  data: {settings.data_dir}[/]")
        yield platform
    finally:
        await platform.close()


async def _hold_call(plan: DemoPlan, settings: Settings, platform: Platform, stage: _Stage) -> bool:
    from offhook.server.providers import SPEECH_CACHE  # noqa: PLC0415 - as above

    models_dir = settings.models_dir.expanduser()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "offhook.testing.caller_process",
        "--to", f"sip:{NUMBER}@{platform.sip_address}", "--from", CALLER, "--script", str(plan.caller),
        "--models-dir", str(models_dir), "--cache-dir", str(models_dir / SPEECH_CACHE), "--limit-s", str(CALL_LIMIT_S),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        with stage.console.status("the caller rehearses its lines …"):
            await asyncio.wait_for(_expect(process, "ready"), READY_LIMIT_S)
        if process.stdin is None:
            raise LineError("the caller's process has no input")
        process.stdin.write(b"dial\n")
        ended = await asyncio.wait_for(_expect(process, "ended"), CALL_LIMIT_S + 10)
        await asyncio.wait_for(stage.over.wait(), 10)
        return bool(ended["finished"])
    except TimeoutError as error:
        raise LineError("the caller's process did not get to the end of the call") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await process.wait()


async def _expect(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    if process.stdout is None:
        raise LineError("the caller's process has no output")
    async for line in process.stdout:
        message: dict[str, Any] = msgspec.json.decode(line)
        if message["event"] == event:
            return message
    raise LineError(f"the caller's process ended before {event!r}; its errors are above")


async def _fetch(url: str, key: str, call_id: str) -> dict[str, Any]:
    """The record over HTTP with a key, once its recording and its review are there."""
    async with httpx2.AsyncClient(base_url=url, headers={"X-Api-Key": key}) as client:
        for _ in range(int(RECORDING_LIMIT_S / 0.25)):
            answer = await client.get(f"/v1/calls/{call_id}")
            answer.raise_for_status()
            call: dict[str, Any] = answer.json()["data"]
            if call["recording_url"] is not None and call["summary"] is not None:
                break
            await asyncio.sleep(0.25)
        return call


def _show(console: Console, call: dict[str, Any], recording: Path | None) -> None:
    console.rule("GET /v1/calls/{id}")
    console.print(JSON(msgspec.json.encode(call).decode()))
    console.rule("latency")
    table = Table("turn", "response ms", "turn end", "model", "voice", "engine")
    for turn in call["latency"]["turns"]:
        stages = turn.get("stages_ms", turn)
        if stages.get("response") is not None:
            names = ("response", "turn_decision", "first_token", "first_byte", "engine")
            table.add_row(str(turn["turn"]), *(_ms(stages.get(name)) for name in names))
    console.print(table)
    console.print(f"recording: [bold]{recording}[/]")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _play(recording: Path) -> None:
    for player in (["play", "-q"], ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"], ["mpv", "--no-video"]):
        if shutil.which(player[0]):
            subprocess.run([*player, str(recording)], check=False)  # noqa: S603 - our own file, a fixed program
            return
    raise ConfigurationError("--listen needs a player: apt-get install sox libsox-fmt-all")
