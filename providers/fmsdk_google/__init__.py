"""Google's Gemini models, on AI Studio and on Vertex, as an fmsdk provider.

Needs no SDK: fmsdk speaks the API itself. Vertex needs google-auth for its credentials
(`pip install 'fmsdk[google]'`).
"""

from fmsdk_google.options import GoogleOptions
from fmsdk_google.provider import GoogleProvider

__all__ = ["GoogleOptions", "GoogleProvider"]
