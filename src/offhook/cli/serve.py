"""``offhook serve``: API, Studio and calls in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from offhook.settings import Settings, load_settings

if TYPE_CHECKING:
    from offhook.server.platform import Platform


def serve(
    host: Annotated[str | None, typer.Option(help="Address that HTTP and SIP listen on.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of the API; 0 picks a free one.")] = None,
    sip_port: Annotated[int | None, typer.Option(help="SIP port, UDP and TCP; 0 picks a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line when ready.")] = False,
) -> None:
    """Run the platform: API and calls in one process. Ctrl-C ends calls in progress properly."""
    settings = load_settings(
        http_host=host, sip_host=host, http_port=http_port, sip_port=sip_port, data_dir=data_dir
    )  # fmt: skip
    import uvloop  # noqa: PLC0415 - the command line starts fast without it

    uvloop.run(_serve(settings, as_json=json))


async def _serve(settings: Settings, *, as_json: bool) -> None:
    from offhook.server.logs import configure_logs  # noqa: PLC0415 - the command line starts fast without the server
    from offhook.server.providers import local_providers  # noqa: PLC0415

    configure_logs(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    providers = local_providers(settings)
    platform: Platform | None = None
    # The models take the longest. Their processes load while this one imports the server, which takes a second.
    loading = asyncio.gather(providers.recognizer.start(), providers.synthesizer.start(), return_exceptions=True)
    try:
        server = await asyncio.to_thread(import_module, "offhook.server.platform")
        platform = await server.Platform.open(settings, providers)
        _announce(platform, as_json=as_json)
        await stop.wait()
    finally:
        await loading
        await (platform or providers).close()


def _announce(platform: Platform, *, as_json: bool) -> None:
    key = platform.new_key
    if as_json:
        ready = {"http": platform.url, "sip": platform.sip_address, "api_key": key, "studio": None}
        print(msgspec.json.encode(ready).decode(), flush=True)
        return
    print(f"API    {platform.url}   (documentation: {platform.url}/docs)")
    print(f"SIP    {platform.sip_address}   (UDP and TCP)")
    print(f"room   {platform.calls.capacity} calls at once")
    if key is not None:
        print(f"key    {key}   (shown this once; `offhook keys create` makes more)")
    print("Ctrl-C stops", flush=True)
