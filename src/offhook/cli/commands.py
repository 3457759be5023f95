"""Which commands there are, and where each stands."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

# name → (module, attribute: a Typer of subcommands or a function, help shown in the list)
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "serve": ("offhook.cli.serve", "serve", "Run the platform: API and calls in one process."),
    "demo": ("offhook.cli.demo", "demo", "Hold a real phone call on this machine and show its record."),
    "call": ("offhook.cli.call", "call", "Place a call, and follow it with --watch."),
    "calls": ("offhook.cli.calls", "app", "Calls: list, show, recording."),
    "agents": ("offhook.cli.agents", "app", "Agents as files: apply, export, list."),
    "numbers": ("offhook.cli.numbers", "app", "Phone numbers: add, list."),
    "trunks": ("offhook.cli.trunks", "app", "Trunks that calls come and go by: add, list."),
    "keys": ("offhook.cli.keys", "app", "API keys: create, list, revoke."),
    "scenarios": ("offhook.cli.scenarios", "app", "Whole calls as files, played and judged: run, list, schema."),
    "models": ("offhook.cli.models", "app", "Local models: fetch, list."),
    "db": ("offhook.cli.db", "app", "The database: upgrade."),
    "doctor": ("offhook.cli.doctor", "doctor", "Check this machine and say what to do; show all settings."),
    "bench": ("offhook.cli.bench", "bench", "Run a benchmark of a checkout."),
}


class LazyCommands(TyperGroup):
    """Imports a command's module when it is run; the list of commands needs none."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as in the base, of a private type
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as in the base
        """The command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, summary = COMMANDS[cmd_name]
        if self._listing:
            return TyperCommand(cmd_name, help=summary)
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            found.command(name=cmd_name)(function)
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as in the base
        """The list, without importing what it lists."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


app = typer.Typer(
    cls=LazyCommands,
    help="AI voice agents on real phone calls, with a complete record of each call.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Options are each command's own; ``offhook COMMAND --help`` shows them."""
