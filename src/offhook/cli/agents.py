"""``offhook agents``: agents as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offhook.agents.load import dump_yaml, load_agent, parse_agent
from offhook.agents.variables import BUILT_IN
from offhook.cli.connect import Desk, connected, noun
from offhook.errors import AgentConfigError, Fault

app = noun("Agents as files.")
# What the API adds to a configuration; no part of a file.
READ_ONLY = ("id", "organization_id", "version", "configuration_id", "active", "created_at")


@app.command("apply")
@connected
async def apply(
    desk: Desk,
    file: Annotated[Path, typer.Argument(help="An agent file (*.agent.yaml or JSON).")],
    deploy: Annotated[bool, typer.Option("--deploy", help="Publish it: calls use it from now on.")] = False,
) -> None:
    """Make a draft of the agent in a file; an agent of its name gets a new version."""
    try:
        config = load_agent(file)
    except AgentConfigError as error:
        raise AgentConfigError([_in_file(file, fault) for fault in error.faults]) from error
    # Defaults and all: what the file no longer says must not live on from the version before.
    whole = config.model_dump(mode="json", by_alias=True)
    agent = await desk.backend.apply_agent(whole, deploy=deploy)
    state = "published" if deploy else "a draft; --deploy publishes it"
    desk.output.record(agent, f"{agent['id']}  {agent['name']}, version {agent['version']}: {state}")


@app.command("export")
@connected
async def export(desk: Desk, agent_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Print an agent as a file."""
    agent = await desk.backend.get_agent(agent_id)
    config = {name: value for name, value in agent.items() if name not in READ_ONLY}
    config["variables"] = [each for each in config.get("variables", []) if each["name"] not in BUILT_IN]
    if desk.output.as_json:
        desk.output.json(config)
    else:
        print(dump_yaml(parse_agent(config)), end="")


@app.command("list")
@connected
async def list_agents(desk: Desk) -> None:
    """Show the agents."""
    columns = {"id": "id", "name": "name", "language": "language", "version": "version", "published": "active"}
    desk.output.rows(await desk.backend.list_agents(), columns)


def _in_file(file: Path, fault: Fault) -> Fault:
    return Fault(f"{file}: {fault.field}" if fault.field else str(file), fault.message)
