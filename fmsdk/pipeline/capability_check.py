"""Checks content, settings and media against a model, before anything is sent.

Content that the model cannot take raises here. So do settings, except that a lenient request drops
them with a typed warning. Encoders check the limits of their wires.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from fmsdk.content import (
    Audio,
    Document,
    Image,
    MediaPart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Video,
)
from fmsdk.errors import InvalidMedia, UnsupportedContent, UnsupportedSetting
from fmsdk.media.source import BytesSource, FileRef, PathSource, UrlSource
from fmsdk.provider import Capabilities, UnsupportedSettings
from fmsdk.request import Request, Settings
from fmsdk.response import Warning

__all__ = ["check_media_bytes", "check_request", "verify_media"]

Q = TypeVar("Q", bound=Request)

_DEFAULTS = Settings()
_MEDIA = (Image, Audio, Video, Document)


def check_request(request: Q, capabilities: Capabilities) -> tuple[Q, tuple[Warning, ...]]:
    """The request as it may be sent, and a warning for each setting that was dropped.

    Raises:
        UnsupportedContent: a part, or a tool, that the model cannot take.
        UnsupportedSetting: a setting that cannot be honoured.
        InvalidMedia: a file that is missing, truncated, or not what it is used as.
    """
    for part in request.parts():
        _check_part(request, part, capabilities)
    _check_text_output(request, capabilities)
    has_defaults = request.settings == _DEFAULTS and not request.tools and request.output is None
    if has_defaults and (capabilities.system or request.system is None):
        return request, ()
    unsupported_settings = UnsupportedSettings(request)
    defaults = {
        name: getattr(_DEFAULTS, name)
        for name in request.settings.chosen()
        if not _keeps_setting(name, request.settings, capabilities, unsupported_settings)
    }
    changes: dict[str, Any] = {}
    if defaults:
        changes["settings"] = replace(request.settings, **defaults)
    if request.tools and not capabilities.tools:
        unsupported_settings.drop("tools", "this model calls no tools")
        changes["tools"] = ()
        if request.tool_choice not in ("auto", "none"):
            unsupported_settings.drop("tool_choice", "this model calls no tools")
            changes["tool_choice"] = "auto"
    if request.output is not None and not capabilities.structured:
        unsupported_settings.drop("output", "this model has no structured output")
        changes["output"] = None
    if request.system is not None and not capabilities.system:
        unsupported_settings.drop("system", "this model takes no system prompt")
        changes["system"] = None
    return (replace(request, **changes) if changes else request), tuple(
        unsupported_settings.warnings
    )


def _check_text_output(request: Request, capabilities: Capabilities) -> None:
    if request.settings.modalities != _DEFAULTS.modalities or "text" in capabilities.output:
        return
    outputs = "nothing that this API carries"
    if capabilities.output:
        outputs = f"{_join_names(capabilities.output)}, not text; see modalities"
    raise UnsupportedSetting(
        f"{request.name} answers in {outputs}",
        setting="modalities",
        provider=request.provider,
        model=request.model,
    )


def _keeps_setting(
    name: str,
    settings: Settings,
    capabilities: Capabilities,
    unsupported_settings: UnsupportedSettings,
) -> bool:
    if name == "modalities":
        missing = sorted(set(settings.modalities) - capabilities.output)
        if not missing:
            return True
        outputs = _join_names(capabilities.output)
        why = f"this model answers here in {outputs}, not {_join_names(missing)}"
        unsupported_settings.drop(name, why)
        return False
    if name in capabilities.settings:
        return True
    unsupported_settings.drop(name, "this model or its server has no such setting")
    return False


def _check_part(request: Request, part: Part, capabilities: Capabilities) -> None:
    if isinstance(part, Reasoning):
        return
    if isinstance(part, _MEDIA):
        if part.kind not in capabilities.input:
            raise _unsupported_content(request, part.kind, capabilities)
        verify_media(part)
    elif isinstance(part, Text):
        if "text" not in capabilities.input and part.text.strip():
            raise _unsupported_content(request, "text", capabilities)
    elif not capabilities.tools:
        kind = "tool call" if isinstance(part, ToolCall) else "tool result"
        raise _unsupported_content(request, kind, capabilities)


def _unsupported_content(
    request: Request, kind: str, capabilities: Capabilities
) -> UnsupportedContent:
    return UnsupportedContent(
        f"{request.name} takes {_join_names(capabilities.input)}, not {kind}",
        part=kind,
        provider=request.provider,
        model=request.model,
    )


def verify_media(part: MediaPart) -> None:
    """Check the header and the end of a media part. URLs and files that a provider holds cannot be
    checked.

    Raises:
        InvalidMedia: missing, truncated, or not what it is used as.
    """
    if isinstance(part.source, (UrlSource, FileRef)):
        return
    if part.header is not None:
        from fmsdk.media.integrity import check_integrity

        check_integrity(part.kind, part.source)


def check_media_bytes(request: Request, capabilities: Capabilities) -> None:
    """Compare the bytes of all media in the request with what the vendor takes, before any of
    them is read.

    Raises:
        InvalidMedia: they are too many.
    """
    limit, total = capabilities.max_media_bytes, 0
    for part in request.media():
        source = part.source
        if limit is not None and isinstance(source, (PathSource, BytesSource)):
            with source.open() as file:
                total += file.seek(0, os.SEEK_END)
            if total > limit:
                raise InvalidMedia(
                    f"up to {part.describe()} the media of this request have {total:,} bytes, and "
                    f"{request.name} takes at most {limit:,} in one request; send a URL, or a "
                    "FileRef of a file that was uploaded to the vendor"
                )


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
