"""The command line. A command's module is imported when it is used, so that none waits for another's imports."""

from __future__ import annotations

import sys

from offhook.errors import AgentConfigError, OffhookError


def main() -> None:
    """Run ``offhook``: errors on stderr with exit code 1; 2 for wrong usage."""
    from offhook.cli.commands import app  # noqa: PLC0415 - typer costs 90 ms, which importing this need not

    try:
        app()
    except OffhookError as error:
        _print_error(error)
        sys.exit(1)


def _print_error(error: OffhookError) -> None:
    if not isinstance(error, AgentConfigError):
        print(f"offhook: {error}", file=sys.stderr)
        return
    print(f"offhook: {len(error.faults)} fault{'s' * (len(error.faults) > 1)} found", file=sys.stderr)
    for fault in error.faults:
        print(f"  {fault.field}: {fault.message}" if fault.field else f"  {fault.message}", file=sys.stderr)
