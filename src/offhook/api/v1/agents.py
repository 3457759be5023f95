"""Agents: drafts, versions, deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query
from starlette.responses import Response

from offhook.agents.diff import diff
from offhook.agents.load import parse_agent
from offhook.agents.variables import BUILT_IN
from offhook.api.auth import Caller, requires
from offhook.api.envelope import RawResponse, success, success_body
from offhook.api.paging import ByCursor, paginate
from offhook.api.resources import Resources, Shared
from offhook.api.v1.agent_schemas import AgentData, AgentDiff, AgentSummary, DeployedVersion, VersionSummary, agent_body
from offhook.api.v1.envelopes import Listing, Success, answers
from offhook.errors import AgentConfigError, Fault, NotFoundError
from offhook.record.times import iso_us
from offhook.store.agents import GLOBAL_SETTINGS, Agent, Version
from offhook.store.keys import Scope
from offhook.store.knowledge import base_ids_of

router = APIRouter(tags=["agents"])
Reader = Annotated[Caller, Depends(requires(Scope.AGENTS_READ))]
Writer = Annotated[Caller, Depends(requires(Scope.AGENTS_WRITE))]
Configuration = Annotated[dict[str, Any], Body()]
VersionNumber = Annotated[int | None, Query(ge=1, le=2**31 - 1)]

# A client may send back what it was given: these are ours to say, and are passed over.
_READ_ONLY = frozenset({"id", "organization_id", "version", "configuration_id", "active", "created_at"})


@router.post("/v1/agents", status_code=201, responses=answers(201, Success[AgentData]), openapi_extra=agent_body())
def create_agent(body: Configuration, caller: Writer, shared: Shared) -> Response:
    """Make an agent; its configuration is a draft until it is deployed."""
    configuration = _with_known_bases(shared, caller, _checked(_writable(body)))
    agent = shared.agents.create(caller.organization_id, configuration)
    version = shared.agents.latest(caller.organization_id, agent.id)
    return success(_shown(version, agent), "Agent created successfully", 201)


@router.get("/v1/agents", responses=answers(200, Listing[AgentSummary]))
def list_agents(paging: ByCursor, caller: Reader, shared: Shared) -> Response:
    """Agents of the organization, newest first, each with its newest version."""
    agents = shared.agents.all(caller.organization_id)
    newest = shared.agents.newest_versions(caller.organization_id)
    return paginate(
        agents,
        paging,
        "Agents retrieved successfully",
        lambda agent: agent.created_us,
        lambda agent: _summary(agent, newest[agent.id]),
    )


@router.get("/v1/agents/{agent_id}", responses=answers(200, Success[AgentData], 404))
def get_agent(agent_id: UUID, caller: Reader, shared: Shared, version: VersionNumber = None) -> Response:
    """An agent's configuration: of a version, else of the published one, else of the draft."""
    agent = shared.agents.get(caller.organization_id, str(agent_id))
    number = version or agent.published_version
    if number is None:
        found = shared.agents.latest(caller.organization_id, agent.id)
    else:
        found = shared.agents.version(caller.organization_id, agent.id, number)
    return success(_shown(found, agent), "Agent retrieved successfully")


@router.patch("/v1/agents/{agent_id}", responses=answers(200, Success[AgentData], 404), openapi_extra=agent_body())
def change_agent(agent_id: UUID, body: Configuration, caller: Writer, shared: Shared) -> Response:
    """Change global settings at once; anything else makes or changes the draft."""
    changes = _writable(body)
    if changes.keys() <= GLOBAL_SETTINGS.keys():
        return _change_globals(shared, caller, str(agent_id), changes)

    def revised(before: dict[str, Any]) -> dict[str, Any]:
        return _with_known_bases(shared, caller, _checked({**before, **changes}))

    draft = shared.agents.revise(caller.organization_id, str(agent_id), revised)
    message = f"Agent draft configuration updated to version {draft.version}. Deploy it to make it active."
    return success(_shown(draft, shared.agents.get(caller.organization_id, draft.agent_id)), message)


def _change_globals(shared: Resources, caller: Caller, agent_id: str, changes: dict[str, Any]) -> Response:
    newest = shared.agents.latest(caller.organization_id, agent_id)
    whole = _checked({**newest.configuration, **changes})
    agent = shared.agents.set_globals(caller.organization_id, agent_id, {name: whole[name] for name in changes})
    number = agent.published_version or newest.version
    current = shared.agents.version(caller.organization_id, agent_id, number)
    return success(_shown(current, agent), "Agent global settings updated successfully")


@router.delete("/v1/agents/{agent_id}", responses=answers(200, Success[None], 404))
def delete_agent(agent_id: UUID, caller: Writer, shared: Shared) -> Response:
    """Take an agent out of service; the records of its calls stay."""
    shared.agents.delete(caller.organization_id, str(agent_id))
    return RawResponse(success_body(b"null", "Agent deleted successfully"))


@router.get("/v1/agents/{agent_id}/versions", responses=answers(200, Listing[VersionSummary], 404))
def list_versions(agent_id: UUID, paging: ByCursor, caller: Reader, shared: Shared) -> Response:
    """All versions, newest first."""
    versions = shared.agents.versions(caller.organization_id, str(agent_id))
    message = "Agent versions retrieved successfully"
    return paginate(versions, paging, message, lambda version: version.created_us, _listed)


@router.get("/v1/agents/{agent_id}/diff", responses=answers(200, Success[AgentDiff], 404))
def diff_agent(
    agent_id: UUID,
    caller: Reader,
    shared: Shared,
    from_: Annotated[VersionNumber, Query(alias="from", description="Absent: the published version.")] = None,
    to: Annotated[VersionNumber, Query(description="Absent: the newest version.")] = None,
) -> Response:
    """What changed between two versions of an agent."""
    known = shared.agents.versions(caller.organization_id, str(agent_id))
    published = next((each.version for each in known if each.active), known[-1].version)
    before, after = (_chosen(known, number) for number in (from_ or published, to or known[0].version))
    changes = [asdict(change) for change in diff(before.configuration, after.configuration)]
    data = {"from": before.version, "to": after.version, "changes": changes}
    return success(data, "Agent versions compared successfully")


def _chosen(versions: Sequence[Version], number: int | None) -> Version:
    for version in versions:
        if version.version == number:
            return version
    raise NotFoundError(f"agent {versions[0].agent_id} has no version {number}")


@router.post("/v1/agents/{agent_id}/deploy", responses=answers(200, Success[DeployedVersion], 404, 409))
def deploy_agent(agent_id: UUID, caller: Writer, shared: Shared, version: VersionNumber = None) -> Response:
    """Publish a version, by default the newest; an old number rolls back."""
    wanted = shared.agents.versions(caller.organization_id, str(agent_id))
    chosen = _chosen(wanted, version or wanted[0].version)
    _with_known_bases(shared, caller, _checked(chosen.configuration))
    deployed = shared.agents.deploy(caller.organization_id, str(agent_id), chosen.version)
    return success(_deployed(deployed), "Agent deployed successfully")


def _writable(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without what an answer adds to a configuration."""
    changes = {name: value for name, value in body.items() if name not in _READ_ONLY}
    variables = changes.get("variables")
    if isinstance(variables, list):
        changes["variables"] = [
            each for each in variables if not (isinstance(each, dict) and each.get("name") in BUILT_IN)
        ]
    return changes


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """The whole configuration with every default filled in. Raises AgentConfigError."""
    configuration: dict[str, Any] = parse_agent(dict(data)).model_dump(mode="json", by_alias=True)
    return configuration


def _with_known_bases(shared: Resources, caller: Caller, configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration, if all knowledge bases it names are there. Raises AgentConfigError."""
    named = list(base_ids_of(configuration))
    missing = shared.knowledge.bases.missing(caller.organization_id, (base_id for _, base_id in named))
    if missing:
        faults = [Fault(path, f"no knowledge base {base_id}") for path, base_id in named if base_id in missing]
        raise AgentConfigError(faults)
    return configuration


def _shown(version: Version, agent: Agent) -> dict[str, Any]:
    try:
        configuration = _checked(version.configuration)
    except AgentConfigError:
        # Stored under older rules: it can be read and corrected, only not deployed.
        configuration = version.configuration
    built_in = [
        {"name": name, "type": kind.value, "description": "Built in", "source": "initial"}
        for name, kind in BUILT_IN.items()
    ]
    return {
        "id": version.agent_id,
        "organization_id": agent.organization_id,
        "version": version.version,
        "configuration_id": version.configuration_id,
        "active": version.active,
        "created_at": iso_us(agent.created_us),
        **configuration,
        "variables": built_in + list(configuration.get("variables", ())),
    }


def _summary(agent: Agent, newest: Version) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "language": newest.configuration.get("language", "en"),
        "version": newest.version,
        "published_version": agent.published_version,
        "active": newest.active,
        "created_at": iso_us(agent.created_us),
    }


def _listed(version: Version) -> dict[str, Any]:
    return {**_deployed(version), "active": version.active}


def _deployed(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "configuration_id": version.configuration_id,
        "created_at": iso_us(version.created_us),
    }
