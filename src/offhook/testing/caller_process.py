"""``python -m offhook.testing.caller_process``: the simulated caller as a program of its own.

Writes JSON lines to standard output: ``{"event": "ready"}`` once it can speak and hear, then waits for a line on
standard input, dials, writes an ``exchange`` a turn and ``ended`` at the end. Exit code 0 when every line was said.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import sys
from dataclasses import asdict
from pathlib import Path

import msgspec
import uvloop

from offhook.errors import OffhookError
from offhook.lines.line import Line
from offhook.lines.media.engine import MediaEngine
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.endpoint import SipEndpoint
from offhook.models.stt.local import LocalRecognizer
from offhook.models.tts.local import LocalSynthesizer
from offhook.server.logs import configure_logs
from offhook.settings import load_settings
from offhook.testing.script import CallerScript
from offhook.testing.simulated_caller import Exchange, SimulatedCaller

LOOPBACK = "127.0.0.1"


def _write(event: str, **facts: object) -> None:
    sys.stdout.write(msgspec.json.encode({"event": event, **facts}).decode() + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="offhook.testing.caller_process", description=__doc__)
    parser.add_argument("--to", required=True, help="SIP URI to dial")
    parser.add_argument("--from", dest="from_", default="+33612345678", help="the caller's number")
    parser.add_argument("--script", required=True, type=Path)
    parser.add_argument("--models-dir", required=True, type=Path)
    parser.add_argument("--cache-dir", type=Path, default=None, help="keeps rendered speech between runs")
    parser.add_argument("--limit-s", type=float, default=180.0)
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> int:
    """Hold one call; the exit code."""
    # Standard output is the protocol's, so log lines must go where `configure_logs` sends them.
    configure_logs(load_settings(log_level="warning"))
    script = CallerScript.load(arguments.script)
    recognizer = LocalRecognizer(arguments.models_dir)
    synthesizer = LocalSynthesizer(arguments.models_dir, arguments.cache_dir)
    caller = SimulatedCaller(recognizer, synthesizer, script, _tell)
    media = MediaEngine(asyncio.get_running_loop(), caller.frames, LOOPBACK, 30000, 39999)
    endpoint = SipEndpoint(
        host=LOOPBACK, port=0, public_host=None, media=media, on_call=lambda line: line.reject(486),
        allow=(ipaddress.ip_network("127.0.0.0/8"),),
    )  # fmt: skip
    media.start()
    try:
        await asyncio.gather(recognizer.start(), synthesizer.start(), endpoint.start())
        await caller.prepare()
        _write("ready")
        await asyncio.to_thread(sys.stdin.readline)
        ended = await caller.call(lambda: _dial(endpoint, arguments), arguments.limit_s)
        _write("ended", party=str(ended.party), code=ended.code, detail=ended.detail, finished=caller.finished)
    finally:
        await endpoint.close()
        media.close()
        await asyncio.gather(recognizer.close(), synthesizer.close())
    return 0 if caller.finished else 1


def _dial(endpoint: SipEndpoint, arguments: argparse.Namespace) -> Line:
    return endpoint.dial(Dial(to=arguments.to, from_=arguments.from_, headers={}, ring_timeout_s=30))


def _tell(exchange: Exchange) -> None:
    _write("exchange", **asdict(exchange))


def main() -> None:
    """Run, with errors as one line on standard error."""
    try:
        code = uvloop.run(run(_arguments()))
    except OffhookError as error:
        sys.stderr.write(f"{error}\n")
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
