"""From a `Request` to a model's input tensors.

`chat` is pure; `prompt` opens the media, renders the chat template and tokenises.
"""

from __future__ import annotations

from fmsdk_local.encode.chat import Chat, ChatEncoder
from fmsdk_local.encode.prompt import Prompt, PromptEncoder

__all__ = ["Chat", "ChatEncoder", "Prompt", "PromptEncoder"]
