"""Anthropic, and every server that speaks its Messages API, as an fmsdk provider.

Needs no SDK: fmsdk speaks the API itself. The extra `fmsdk[anthropic]` is for Anthropic's profiles
and for clients of its SDK that the caller hands over.
"""

from fmsdk_anthropic.options import AnthropicOptions
from fmsdk_anthropic.provider import AnthropicProvider

__all__ = ["AnthropicOptions", "AnthropicProvider"]
