"""Anthropic, and every server that speaks its Messages API, as an fmsdk provider.

Importing this needs no Anthropic SDK; calling a model does (`pip install 'fmsdk[anthropic]'`).
"""

from fmsdk_anthropic.options import AnthropicOptions
from fmsdk_anthropic.provider import AnthropicProvider

__all__ = ["AnthropicOptions", "AnthropicProvider"]
