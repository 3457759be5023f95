"""Tools an agent can have in a state, by ``type``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from offhook.agents.base import Identifier, Items, Part
from offhook.agents.conditions import When
from offhook.agents.variables import VariableType

Description = Annotated[str, Field(max_length=2000)]
Filler = Annotated[str, Field(max_length=1000)]
Url = Annotated[str, Field(pattern=r"^(https?://|\{\{)", max_length=2000)]


class RequestHeader(Part):
    """An HTTP header of a request; the value is templated."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$")]  # RFC 9110 5.1: a token
    value: str = Field(max_length=4000)
    description: Description = ""


class ResponseMapping(Part):
    """Puts a piece of a JSON answer into a variable."""

    destination_variable: Identifier
    json_path_to_data: str = Field(min_length=1, max_length=500)


class FunctionParameter(Part):
    """A parameter that the model fills."""

    name: Identifier
    type: VariableType = Field(VariableType.STRING, strict=False)
    description: Description = ""
    required: bool = True


class _Tool(Part):
    description: Description = ""
    # When the rules model uses the tool; hang_up and wait have a condition of their own without it.
    when: When | None = None


class WaitTool(_Tool):
    """The agent skips its turn."""

    type: Literal["wait"]


class HangUpTool(_Tool):
    """The agent says the filler to its last sample, then the call ends."""

    type: Literal["hang_up"]
    filler_sentence: Filler | None = None


class TransferCallTool(_Tool):
    """Hands the caller over to a number, a SIP URI or a ``{{variable}}``."""

    type: Literal["transfer_call"]
    filler_sentence: Filler | None = None
    destination: str = Field(min_length=1, max_length=300)
    mode: Literal["blind", "attended"] = "blind"
    hours_variable: Identifier | None = None
    outside_hours: Literal["hang_up", "continue"] = "continue"


class LeaveVoicemailMessageTool(_Tool):
    """Waits for the beep or for silence, speaks the filler as the message, hangs up."""

    type: Literal["leave_voicemail_message"]
    filler_sentence: Filler


class PressKeysTool(_Tool):
    """Sends key presses to drive a menu; the model chooses the digits."""

    type: Literal["press_keys"]


class CustomFunctionTool(_Tool):
    """An HTTP request whose parameters the model fills."""

    type: Literal["custom_function"]
    name: Identifier
    filler_sentence: Filler | None = None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Url
    content_type: Literal["url_params", "json"] = "json"
    headers: Items[RequestHeader] = Field((), max_length=50)
    parameters: Items[FunctionParameter] = Field((), max_length=50)
    response_mapping: Items[ResponseMapping] = Field((), max_length=50)
    timeout_seconds: float = Field(10.0, gt=0, le=30)


class McpTool(_Tool):
    """The tools of an MCP server; None allows all of them."""

    type: Literal["mcp"]
    url: Url
    headers: Items[RequestHeader] = Field((), max_length=50)
    allowed_tools: Items[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(None, max_length=100)
    timeout_seconds: float = Field(10.0, gt=0, le=30)


class SendSmsTool(_Tool):
    """A text message to the caller through the number's carrier."""

    type: Literal["send_sms"]
    template: str = Field(min_length=1, max_length=1600)  # ten segments, what carriers take at most


Tool = Annotated[
    WaitTool
    | HangUpTool
    | TransferCallTool
    | LeaveVoicemailMessageTool
    | PressKeysTool
    | CustomFunctionTool
    | McpTool
    | SendSmsTool,
    Field(discriminator="type"),
]


def tool_name(tool: Tool) -> str:
    """Name under which the model calls the tool."""
    return tool.name if isinstance(tool, CustomFunctionTool) else tool.type
