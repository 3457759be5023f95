"""The shapes of agents in requests and answers, for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from offhook.agents.config import AgentConfig
from offhook.api.v1.call_schemas import Answer

REF = "#/components/schemas/{model}"


class AgentData(BaseModel):
    """An agent's whole configuration (see ``AgentConfig``), with what says which one it is."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    organization_id: UUID
    version: int
    configuration_id: UUID
    active: bool
    created_at: datetime
    name: str


class AgentSummary(Answer):
    """An agent in a list; ``version`` and ``active`` are those of its newest version."""

    id: UUID
    name: str
    language: str
    version: int
    published_version: int | None
    active: bool
    created_at: datetime


class DeployedVersion(Answer):
    """A published version."""

    version: int
    configuration_id: UUID
    created_at: datetime


class VersionSummary(DeployedVersion):
    """A version in a list."""

    active: bool


class AgentChange(Answer):
    """A difference; ``path`` is a JSON pointer in which named items stand by their name."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = Field(description="null where it was added.")
    after: Any = Field(description="null where it was removed.")


class AgentDiff(Answer):
    """What changed from one version to another."""

    from_: int = Field(alias="from")
    to: int
    changes: list[AgentChange]


def agent_body() -> dict[str, Any]:
    """The request body's part of an operation: faults of it are told by our own checks, not by the framework's."""
    schema = {"$ref": REF.format(model="AgentConfig")}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def agent_components() -> dict[str, Any]:
    """Schemas of the configuration and all it consists of."""
    whole = AgentConfig.model_json_schema(ref_template=REF)
    return {**whole.pop("$defs", {}), "AgentConfig": whole}
