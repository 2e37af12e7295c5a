"""What is checked before anything is sent: content, settings and media against a model.

Whatever the model cannot take raises here, or, for settings of a lenient request, is dropped
with a typed warning. Wire-specific limits are the encoders' to check.
"""

from __future__ import annotations

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
from fmsdk.errors import UnsupportedContent, UnsupportedSetting
from fmsdk.media.source import FileRef, UrlSource
from fmsdk.provider import Capabilities, UnsupportedSettings
from fmsdk.request import Request, Settings
from fmsdk.response import Warning

__all__ = ["check_request", "verify_media"]

Q = TypeVar("Q", bound=Request)

_DEFAULTS = Settings()
_MEDIA = (Image, Audio, Video, Document)


def check_request(request: Q, capabilities: Capabilities) -> tuple[Q, tuple[Warning, ...]]:
    """The request as it may be sent, and warnings for what a lenient one lost.

    Raises:
        UnsupportedContent: a part, or a tool, that the model cannot take.
        UnsupportedSetting: a setting that cannot be honoured.
        InvalidMedia: a file that is missing, truncated, or not what it is used as.
    """
    for part in request.parts():
        _check_part(request, part, capabilities)
    _check_answer(request, capabilities)
    is_plain = request.settings == _DEFAULTS and not request.tools and request.output is None
    if is_plain and (capabilities.system or request.system is None):
        return request, ()
    unsupported_settings = UnsupportedSettings(request)
    changed = {
        name: getattr(_DEFAULTS, name)
        for name in request.settings.chosen()
        if not _keeps_setting(name, request.settings, capabilities, unsupported_settings)
    }
    changes: dict[str, Any] = {}
    if changed:
        changes["settings"] = replace(request.settings, **changed)
    if request.tools and not capabilities.tools:
        unsupported_settings.drop("tools", "this model calls no tools")
        changes["tools"] = ()
        if request.tool_choice not in ("auto", "none"):
            unsupported_settings.drop("tool_choice", "this model calls no tools")
            changes["tool_choice"] = "auto"
    if request.output is not None and not capabilities.structured:
        unsupported_settings.drop("output", "this model cannot be held to a schema")
        changes["output"] = None
    if request.system is not None and not capabilities.system:
        unsupported_settings.drop("system", "this model takes no system prompt")
        changes["system"] = None
    return (replace(request, **changes) if changes else request), tuple(
        unsupported_settings.warnings
    )


def _check_answer(request: Request, capabilities: Capabilities) -> None:
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
    """Look at a media part's header and its end; media elsewhere (URLs, files a provider
    holds) cannot be looked at.

    Raises:
        InvalidMedia: missing, truncated, or not what it is used as.
    """
    if isinstance(part.source, (UrlSource, FileRef)):
        return
    header = part.header
    if header is not None:
        from fmsdk.media.integrity import check_integrity

        check_integrity(part.kind, part.source, header)


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
