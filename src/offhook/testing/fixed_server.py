"""``python -m offhook.testing.fixed_server``: the whole server with a recognizer and a voice of fixed delays.

For load tests: everything but the speech models is real. Prints the same JSON line as ``offhook serve --json``.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import msgspec
import uvloop

from offhook.server.logs import configure_logs
from offhook.server.platform import Platform
from offhook.server.providers import ModelShelf, Providers
from offhook.settings import Settings, load_settings
from offhook.testing.fixed import FixedRecognizer, FixedVoice

TEXTS = (
    "I would like to make an appointment.",
    "My name is Peter Miller.",
    "Next Tuesday, please.",
    "At half past ten.",
    "My number is 4 1 5, 5 5 5, 2 6 7 1.",
    "Yes.",
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="offhook.testing.fixed_server", description=__doc__)
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--max-calls", type=int, default=200)
    parser.add_argument("--sip-port", type=int, default=0)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--rtp-port-min", type=int, default=10000)
    parser.add_argument("--rtp-port-max", type=int, default=19999)
    parser.add_argument("--recognizer-delay-s", type=float, default=0.2)
    parser.add_argument("--voice-delay-s", type=float, default=0.1)
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    """Serve until told to stop."""
    settings: Settings = load_settings(
        data_dir=arguments.data_dir, max_calls=arguments.max_calls, http_host="127.0.0.1", sip_host="127.0.0.1",
        http_port=arguments.http_port, sip_port=arguments.sip_port,
        rtp_port_min=arguments.rtp_port_min, rtp_port_max=arguments.rtp_port_max,
    )  # fmt: skip
    configure_logs(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    providers = Providers(
        FixedRecognizer(TEXTS, arguments.recognizer_delay_s),
        FixedVoice(arguments.voice_delay_s),
        ModelShelf(settings),
        local=False,
    )
    platform = await Platform.open(settings, providers)
    try:
        ready = {"http": platform.url, "sip": platform.sip_address, "api_key": platform.new_key, "studio": None}
        sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await platform.close()


if __name__ == "__main__":
    uvloop.run(run(_arguments()))
