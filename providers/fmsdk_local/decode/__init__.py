"""From a local model's text to fmsdk's events: reasoning, tool calls, plain text. Pure.

`text` goes through the text, `harmony` through gpt-oss's channels; `calls` reads tool calls in the
forms that models write them in; `dialect` says which of them a checkpoint uses.
"""

from __future__ import annotations

from fmsdk_local.decode.dialect import Dialect
from fmsdk_local.decode.events import Delta, ToolSchemas, decode_finish
from fmsdk_local.decode.harmony import HarmonyDecoder
from fmsdk_local.decode.text import TextDecoder

__all__ = [
    "Delta",
    "Dialect",
    "HarmonyDecoder",
    "TextDecoder",
    "ToolSchemas",
    "decode_finish",
]
