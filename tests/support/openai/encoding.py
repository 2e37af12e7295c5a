"""Requests to encode, and their bodies."""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import dataclass
from typing import Any

from PIL import Image as PillowImage

from fmsdk.media.audio import encode_wav
from fmsdk.request import Request, Tool, build
from fmsdk_openai.encode import OpenAIRequest, encode
from fmsdk_openai.server_dialect import OPENAI

__all__ = [
    "PDF",
    "PNG",
    "WAV",
    "WEATHER",
    "City",
    "body",
    "build_request",
    "chat",
    "codes",
    "data_url",
    "encoded",
    "png",
    "responses",
]


PDF = (
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog /Pages 2 0 R>>\nendobj\n"
    b"2 0 obj\n<</Type/Pages /Kids [] /Count 1>>\nendobj\n"
    b"trailer\n<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"
)
WAV = encode_wav([math.sin(t / 9) for t in range(800)], 8000)


def png() -> bytes:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (4, 3), "red").save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()
WEATHER = Tool(
    "weather",
    "The weather in a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


@dataclass
class City:
    name: str
    people: int | None = None


def build_request(
    prompt: Any = "Hello", *, model: str = "openai:gpt-4.1", **settings: Any
) -> Request:
    return build(model, prompt, **settings)


def encoded(request: Request, **how: Any) -> OpenAIRequest:
    return encode(request, **{"dialect": OPENAI, "api": None, "stream": False, **how})


def body(request: Request, **how: Any) -> dict[str, Any]:
    return json.loads(bytes(encoded(request, **how).body))


def chat(request: Request, **how: Any) -> dict[str, Any]:
    return body(request, api="chat", **how)


def responses(request: Request, **how: Any) -> dict[str, Any]:
    return body(request, api="responses", **how)


def codes(request: Request, **how: Any) -> list[str]:
    return [warning.code for warning in encoded(request, **how).warnings]


# --- content ---


def data_url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
