"""Operations on agents.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offhook.client import shapes
from offhook.client.request import Page, build, read_data, read_page, segment
from offhook.client.transport import Transport


class AgentsMethods(Transport):
    """What can be done with agents."""

    def create_agent(self, configuration: Mapping[str, Any]) -> shapes.Agent:
        """Make an agent; its configuration is a draft until it is deployed."""
        request = build("POST", "/v1/agents", body=configuration)
        return read_data(self.send(request), shapes.Agent)

    def list_agents(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.AgentSummary]:
        """Agents of the organization, newest first, each with its newest version."""
        request = build(
            "GET", "/v1/agents", query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit}
        )
        return read_page(self.send(request), shapes.AgentSummary)

    def iter_agents(self, *, limit: int | None = None) -> Iterator[shapes.AgentSummary]:
        """All of ``list_agents``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_agents(limit=limit, use_cursor=True, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_agent(self, agent_id: str, *, version: int | None = None) -> shapes.Agent:
        """An agent's configuration: of a version, else of the published one, else of the draft."""
        request = build("GET", f"/v1/agents/{segment(agent_id)}", query={"version": version})
        return read_data(self.send(request), shapes.Agent)

    def change_agent(self, agent_id: str, configuration: Mapping[str, Any]) -> shapes.Agent:
        """Change global settings at once; anything else makes or changes the draft."""
        request = build("PATCH", f"/v1/agents/{segment(agent_id)}", body=configuration)
        return read_data(self.send(request), shapes.Agent)

    def delete_agent(self, agent_id: str) -> None:
        """Take an agent out of service; the records of its calls stay."""
        request = build("DELETE", f"/v1/agents/{segment(agent_id)}")
        self.send(request)

    def list_versions(
        self,
        agent_id: str,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.VersionSummary]:
        """All versions, newest first."""
        request = build(
            "GET",
            f"/v1/agents/{segment(agent_id)}/versions",
            query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit},
        )
        return read_page(self.send(request), shapes.VersionSummary)

    def iter_versions(self, agent_id: str, *, limit: int | None = None) -> Iterator[shapes.VersionSummary]:
        """All of ``list_versions``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_versions(agent_id=agent_id, limit=limit, use_cursor=True, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def diff_agent(self, agent_id: str, *, from_: int | None = None, to: int | None = None) -> shapes.AgentDiff:
        """What changed between two versions of an agent."""
        request = build("GET", f"/v1/agents/{segment(agent_id)}/diff", query={"from": from_, "to": to})
        return read_data(self.send(request), shapes.AgentDiff)

    def deploy_agent(self, agent_id: str, *, version: int | None = None) -> shapes.DeployedVersion:
        """Publish a version, by default the newest; an old number rolls back."""
        request = build("POST", f"/v1/agents/{segment(agent_id)}/deploy", query={"version": version})
        return read_data(self.send(request), shapes.DeployedVersion)
