"""OpenAI, and every server that speaks its wire, as an fmsdk provider.

Importing this needs no OpenAI SDK; calling a model does (`pip install 'fmsdk[openai]'`).
"""

from fmsdk_openai.options import OpenAIOptions
from fmsdk_openai.provider import OpenAIProvider

__all__ = ["OpenAIOptions", "OpenAIProvider"]
