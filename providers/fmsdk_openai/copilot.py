"""The headers that GitHub Copilot's endpoint wants with a request.

Its wire is documented by its clients alone; these are the headers that they agree on. Nothing
here exchanges tokens: the token given is sent as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from fmsdk.content import Image, ToolResult
from fmsdk.request import Request

__all__ = ["copilot_headers"]


def copilot_headers(request: Request) -> Mapping[str, str]:
    """Who began this turn, which is what it is billed by, and whether there are pictures."""
    last = request.messages[-1]
    is_user_turn = last.role == "user" and not all(
        isinstance(part, ToolResult) for part in last.parts
    )
    headers = {"X-Initiator": "user" if is_user_turn else "agent"}
    if any(isinstance(part, Image) for part in request.media()):
        headers["Copilot-Vision-Request"] = "true"
    return headers
