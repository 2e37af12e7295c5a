"""Tokens of media before sending: `media_tokens`. A file for each vendor's rules."""

from fmsdk.quoting.media.count import MediaTokens
from fmsdk.quoting.media.media_tokens import media_tokens

__all__ = ["MediaTokens", "media_tokens"]
