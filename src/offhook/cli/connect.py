"""Commands that work on the data directory or on a server: their common options, and the way to what they work on."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.backend import Backend
from offhook.cli.output import Output

Url = Annotated[str | None, typer.Option("--url", envvar="OFFHOOK_URL", help="A server instead of local data.")]
ApiKey = Annotated[str | None, typer.Option("--api-key", envvar="OFFHOOK_API_KEY", help="Key for that server.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Local data; OFFHOOK_DATA_DIR when absent.")]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
_COMMON = {"url": (Url, None), "api_key": (ApiKey, None), "data_dir": (DataDir, None), "json": (Json, False)}


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command has before it: the data it works on and where it prints."""

    backend: Backend
    output: Output


def noun(summary: str) -> typer.Typer:
    """A group of commands, such as ``offhook agents``."""
    return typer.Typer(no_args_is_help=True, help=summary, add_completion=False, pretty_exceptions_enable=False)


def connected(command: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make an async function of a desk a command with ``--url --api-key --data-dir --json``."""
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _COMMON.items()
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - typer made the values by the signature
        url, api_key, data_dir, as_json = (given.pop(name) for name in _COMMON)

        async def work() -> None:
            backend = open_backend(url, api_key, data_dir)
            try:
                await command(Desk(backend, Output(as_json)), **given)
            finally:
                await backend.close()

        asyncio.run(work())

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + common
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__wrapped__  # typer would read the hints of what is wrapped
    return run


def open_backend(url: str | None, api_key: str | None, data_dir: Path | None) -> Backend:
    """The server when a URL is given, else the data directory."""
    if url:
        from offhook.cli.remote import RemoteBackend  # noqa: PLC0415 - the HTTP client costs 150 ms

        return RemoteBackend(url, api_key)
    from offhook.cli.local import LocalBackend  # noqa: PLC0415 - the database costs 200 ms
    from offhook.settings import load_settings  # noqa: PLC0415 - pydantic costs 150 ms

    return LocalBackend.open(load_settings(data_dir=data_dir))
