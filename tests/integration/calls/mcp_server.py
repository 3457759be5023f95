"""A real MCP server for tests: ``python mcp_server.py PORT``."""

from __future__ import annotations

import asyncio
import sys

from mcp.server import MCPServer

server = MCPServer("clinic")


@server.tool(description="Free slots of a day")
def find_slots(day: str, limit: int = 3) -> list[str]:
    return [f"{day} {hour}:00" for hour in range(9, 9 + limit)]


@server.tool()
def book(slot: str) -> dict[str, str]:
    """Book a slot."""
    return {"booked": slot}


@server.tool()
def fail() -> str:
    """Always fails."""
    raise RuntimeError("the calendar is locked")


@server.tool()
async def slow() -> str:
    """Takes its time."""
    await asyncio.sleep(30)
    return "late"


@server.tool()
def huge() -> str:
    """Ten megabytes."""
    return "x" * 10_000_000


@server.tool()
def long() -> str:
    """More than a model can take."""
    return "y" * 100_000


if __name__ == "__main__":
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response="json" in sys.argv)
