"""Requests to encode, and the bodies that they become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fmsdk.content import ToolCall
from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request, Tool, build
from fmsdk_google.encode import encode
from tests.support.paths import MEDIA

__all__ = [
    "CALL",
    "MP4",
    "NEW",
    "OLD",
    "PDF",
    "PNG",
    "SIGNED",
    "WAV",
    "WEATHER",
    "City",
    "body",
    "build_request",
    "codes",
    "encoded",
    "parts",
    "vertex",
]

PNG = (MEDIA / "red_triangle.png").read_bytes()
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
PDF = b"%PDF-1.4\n%%EOF\n"
WEATHER = Tool(
    "weather",
    "The weather in a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CALL = ToolCall("c1", "weather", {"city": "Rome"})
SIGNED = ToolCall(
    "c1", "weather", {"city": "Rome"}, provider="google", opaque='{"thoughtSignature":"s1"}'
)
NEW, OLD = "google:gemini-3.8-flash", "google:gemini-2.5-flash"


@dataclass
class City:
    name: str
    people: int | None = None


def build_request(prompt: Any = "Hello", *, model: str = NEW, **settings: Any) -> Request:
    return build(model, prompt, **settings)


def encoded(request: Request, **how: Any) -> Encoded:
    return encode(request, **{"vertex": False, "root": "/v1beta", "stream": False, **how})


def body(request: Request, **how: Any) -> dict[str, Any]:
    return json.loads(bytes(encoded(request, **how).body))


def vertex(request: Request) -> dict[str, Any]:
    return body(request, vertex=True, root="/v1beta1/projects/p/locations/global")


def codes(request: Request, **how: Any) -> list[str]:
    return [warning.code for warning in encoded(request, **how).warnings]


def parts(request: Request, **how: Any) -> list[Any]:
    return [part for turn in body(request, **how)["contents"] for part in turn["parts"]]
