"""Custom functions over HTTP: what the agent's configuration describes is sent, and its answer read."""

from __future__ import annotations

from offhook.agents.functions import HttpRequest, ToolOutcome, failure, read_answer
from offhook.agents.tools import CustomFunctionTool
from offhook.calls.tools.http import ToolHttp
from offhook.errors import ForbiddenAddressError, ToolError


class HttpFunctions:
    """A ToolExecutor."""

    def __init__(self, http: ToolHttp) -> None:
        self._http = http

    async def run(self, tool: CustomFunctionTool, request: HttpRequest) -> ToolOutcome:
        """Send a request and read its answer, within the tool's time limit; whatever goes wrong is a failed outcome."""
        try:
            status, text = await self._http.send(request, tool.timeout_seconds)
        except (ToolError, ForbiddenAddressError) as error:
            return failure(str(error))
        return read_answer(tool, status, text)
