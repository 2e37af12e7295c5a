"""From a `Request` to a model's input tensors.

`chat` is pure; `prompt` opens the media and tokenises.
"""

from __future__ import annotations

from fmsdk_local.encode.chat import Chat, encode
from fmsdk_local.encode.prompt import Prompt, PromptEncoder

__all__ = ["Chat", "Prompt", "PromptEncoder", "encode"]
