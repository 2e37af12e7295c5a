"""generateContent, of AI Studio and Vertex: https://ai.google.dev/api/generate-content"""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from fmsdk.content import (
    Audio,
    Document,
    FileRef,
    Image,
    MediaPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from fmsdk.request import Message, Tool
from tests.matrix.facts import Asked
from tests.matrix.readback import extra_headers
from tests.support.scripted_server import ReceivedRequest

__all__ = ["read"]

_BODY = {
    "cachedContent": "options.cached_content",
    "labels": "options.labels",
    "serviceTier": "options.service_tier",
}
_REST = frozenset(
    ["contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig"]
)
_CONFIG = {
    "maxOutputTokens": "max_output_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop",
    "seed": "seed",
    "candidateCount": "choices",
    "topK": "options.top_k",
    "presencePenalty": "options.presence_penalty",
    "frequencyPenalty": "options.frequency_penalty",
    "imageConfig": "options.image_config",
    "speechConfig": "options.speech_config",
}
_CONFIG_REST = frozenset(
    [
        "thinkingConfig",
        "responseModalities",
        "mediaResolution",
        "responseJsonSchema",
        "responseMimeType",
        "responseLogprobs",
        "logprobs",
    ]
)
_KINDS: dict[str, Any] = {"image": Image, "audio": Audio, "video": Video, "application": Document}
_DETAILS = {"LOW": "low", "HIGH": "high", "ULTRA_HIGH": "original"}


def read(seen: ReceivedRequest) -> Asked:
    """What a generateContent request asks."""
    body, config = seen.body, seen.body.get("generationConfig", {})
    settings = {_BODY[name]: value for name, value in body.items() if name in _BODY}
    settings |= {_CONFIG[name]: value for name, value in config.items() if name in _CONFIG}
    settings |= {name: value for name, value in _inner(body, config).items() if value is not None}
    settings["model"] = unquote(urlsplit(seen.path).path.rpartition("/")[2].partition(":")[0])
    # On Vertex tags are labels, those of the options and of the request alike.
    settings["tags"] = body.get("labels", {})
    settings["options.extra_body"] = _unknown(body, config)
    if headers := extra_headers(seen):
        settings["options.extra_headers"] = headers
    said = body.get("systemInstruction", {}).get("parts", [])
    system = [Message("system", [Text(piece["text"]) for piece in said])] if said else []
    return Asked(
        messages=(*system, *(_turn(content) for content in body["contents"])),
        settings=settings,
        tools=tuple(_tools(body)),
        output=config.get("responseJsonSchema"),
        held=config.get("responseMimeType") == "application/json",
    )


def _unknown(body: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    known = {*_CONFIG, *_CONFIG_REST}
    unknown = {name: value for name, value in body.items() if name not in {*_BODY, *_REST}}
    inside = {name: value for name, value in config.items() if name not in known}
    return unknown | ({"generationConfig": inside} if inside else {})


def _inner(body: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    thinking = config.get("thinkingConfig", {})
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    spoken = config.get("speechConfig", {}).get("voiceConfig", {}).get("prebuiltVoiceConfig", {})
    found: dict[str, Any] = {
        "logprobs": config.get("logprobs", 0) if config.get("responseLogprobs") else None,
        "reasoning": _reasoning(budget, level),
        "modalities": [name.lower() for name in config.get("responseModalities", ())] or None,
        "tool_choice": _choice(calling),
        "options.thinking_budget": budget,
        "options.include_thoughts": thinking.get("includeThoughts"),
        "options.media_resolution": _level(config.get("mediaResolution")),
        "options.voice": spoken.get("voiceName"),
        "options.safety_settings": {
            one["category"]: one["threshold"] for one in body.get("safetySettings", ())
        },
        "options.server_tools": [
            tool for tool in body.get("tools", ()) if "functionDeclarations" not in tool
        ],
    }
    return found


def _reasoning(budget: int | None, level: str | None) -> str | None:
    if level is not None:
        return level.lower()
    return None if budget is None else "none" if budget == 0 else "a budget"


def _choice(calling: dict[str, Any]) -> str | None:
    names = calling.get("allowedFunctionNames", [None])
    return {"NONE": "none", "ANY": names[0] or "required"}.get(calling.get("mode", ""))


def _tools(body: dict[str, Any]) -> list[Tool]:
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    # Arguments fit the schema in these modes, and where there are no calls at all.
    strict = calling.get("mode") in ("VALIDATED", "ANY", "NONE")
    declared = (tool.get("functionDeclarations", ()) for tool in body.get("tools", ()))
    return [
        Tool(one["name"], one.get("description", ""), one["parametersJsonSchema"], strict)
        for group in declared
        for one in group
    ]


def _turn(content: dict[str, Any]) -> Message:
    role: Any = {"model": "assistant"}.get(content["role"], content["role"])
    return Message(role, [part for piece in content["parts"] for part in _parts(piece)])


def _parts(piece: dict[str, Any]) -> list[Any]:
    """A part, and beside it the signature that it carries."""
    opaque = json.dumps(piece)
    if piece.get("thought"):
        return [Reasoning(piece.get("text", ""), opaque=opaque)]
    if "functionCall" in piece:
        call = piece["functionCall"]
        return [ToolCall(call["id"], call["name"], call["args"], None, "google", opaque)]
    if "functionResponse" in piece:
        return [_result(piece["functionResponse"])]
    signature = [Reasoning(opaque=opaque)] if "thoughtSignature" in piece else []
    return [Text(piece["text"]) if "text" in piece else _media(piece), *signature]


def _result(found: dict[str, Any]) -> ToolResult:
    ((key, said),) = found["response"].items()
    texts = said if isinstance(said, list) else [said]
    media = [_media(piece) for piece in found.get("parts", ())]
    parts = [*(Text(text) for text in texts), *media]
    return ToolResult(found["id"], parts, is_error=key == "error", name=found["name"])


def _media(piece: dict[str, Any]) -> MediaPart:
    detail = _DETAILS.get(_level(piece.get("mediaResolution", {}).get("level"), upper=True) or "")
    if "inlineData" in piece:
        blob = piece["inlineData"]
        source: Any = base64.b64decode(blob["data"], validate=True)
    else:
        blob = piece["fileData"]
        uri = blob["fileUri"]
        is_held = uri.startswith("gs://") or re.search(r"/v1beta/files/", uri)
        source = FileRef("google", uri) if is_held else uri
    kind = _KINDS[blob["mimeType"].partition("/")[0]]
    more: dict[str, Any] = {"detail": detail} if kind is Image else {}
    more |= {"name": blob.get("displayName")} if kind is Document else {}
    return kind(source, mime_type=blob["mimeType"], **more)


def _level(name: str | None, *, upper: bool = False) -> str | None:
    if name is None:
        return None
    found = name.removeprefix("MEDIA_RESOLUTION_")
    return found if upper else found.lower()
