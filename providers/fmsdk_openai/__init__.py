"""OpenAI, and every server that speaks its wire, as an fmsdk provider.

Needs no SDK: fmsdk speaks the APIs itself. The extra `fmsdk[openai]` is for clients of OpenAI's SDK
that the caller hands over.
"""

from fmsdk_openai.options import OpenAIOptions
from fmsdk_openai.provider import OpenAIProvider

__all__ = ["OpenAIOptions", "OpenAIProvider"]
