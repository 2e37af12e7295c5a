"""Messages, requests, responses and what they hold as JSON text, and back.

    {"fmsdk": 1, "type": "Request", "value": {"$": "Request", "provider": …, "messages": […]}}

`fmsdk` is the version of the schema. Every value of ours is an object tagged by `$` with its
class; fields at their default are left out. Money is text, so that no digit is lost. Media go
by their bytes (base64), or by reference: the path as given, or the URL. URLs and `FileRef`s are
references always. An `output` type becomes its JSON Schema, since a class cannot be written
down; so `output` of a response read back is plain values.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, Literal, cast

from fmsdk import content, embedding, request, response, transcription, usage
from fmsdk.content import MediaPart
from fmsdk.embedding import Vectors
from fmsdk.errors import BadRequestError
from fmsdk.media.source import BytesSource, FileRef, PathSource, UrlSource
from fmsdk.request import Message, Request
from fmsdk.result import Result

__all__ = ["SCHEMA_VERSION", "from_json", "to_json"]

SCHEMA_VERSION = 1
Serialisable = Message | Request | Result | content.Part | usage.Usage | usage.Cost
MediaForm = Literal["bytes", "reference"]

_KNOWN: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(content.Text, content.Image, content.Audio, content.Video, content.Document),
        *(content.Reasoning, content.ToolCall, content.ToolResult, content.FileRef),
        *(request.Message, request.Settings, request.Tool, request.Request),
        *(embedding.EmbedRequest, embedding.Embeddings),
        *(transcription.TranscribeRequest, transcription.Transcription, transcription.Segment),
        *(response.Choice, response.Response, response.TokenLogprob, response.Warning),
        *(usage.Usage, usage.InputUsage, usage.OutputUsage, usage.Cost, usage.CostLine),
        *(usage.Latency, usage.Attempt, usage.Timings, usage.Device),
    )
}
# Fields whose value is the caller's or the vendor's own JSON, and passes through as it is.
_JSON = frozenset(
    {
        ("ToolCall", "arguments"),
        ("Tool", "parameters"),
        ("Usage", "raw"),
        ("Usage", "server_tools"),
    }
)
_MONEY = frozenset({"total", "quantity", "unit_price", "amount", "hourly_price", "charged"})
_TYPES = frozenset({("Request", "output"), ("Response", "output_type")})


def to_json(value: Serialisable, *, media: MediaForm = "bytes") -> str:
    """Write a message, request, response, part, usage or cost as JSON text.

    Args:
        media: "bytes" reads every media file in; "reference" keeps paths as paths, and raises
            for media that have none (bytes, PIL images, samples).

    Raises:
        BadRequestError: a value of another kind, provider options, or media without reference.
        InvalidMedia: a media file that cannot be read.
    """
    if type(value).__name__ not in _KNOWN:
        raise BadRequestError(f"cannot write {type(value).__name__} as JSON")
    whole = {
        "fmsdk": SCHEMA_VERSION,
        "type": type(value).__name__,
        "value": _write(value, media),
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Any:
    """Read back what `to_json` wrote.

    Raises:
        BadRequestError: not JSON, not ours, or of a later schema version.
    """
    try:
        whole: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("this is not JSON") from error
    version = cast("dict[str, Any]", whole).get("fmsdk") if isinstance(whole, dict) else None
    if version != SCHEMA_VERSION:
        raise BadRequestError(
            f"this is no JSON of fmsdk's schema version {SCHEMA_VERSION}"
            + ("" if version is None else f" but of version {version!r}; use a matching fmsdk")
        )
    try:
        return _read(whole["value"])
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise BadRequestError(f"this JSON is not what fmsdk writes: {error}") from error


def _write(value: Any, media: MediaForm) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_write(item, media) for item in cast("tuple[Any, ...]", value)]
    if isinstance(value, Vectors):
        numbers = base64.b64encode(value.to_bytes()).decode("ascii")
        return {"$": "Vectors", "dimensions": value.dimensions, "base64": numbers}
    name = type(value).__name__
    if _KNOWN.get(name) is not type(value):
        raise BadRequestError(
            f"cannot write {name} as JSON; of a request with provider options, write "
            "dataclasses.replace(request, options=None)"
        )
    written: dict[str, Any] = {"$": name}
    for field in fields(value):
        item = getattr(value, field.name)
        if field.init and item != field.default:
            written[field.name] = _write_field(value, name, field.name, item, media)
    return written


def _write_field(owner: Any, name: str, field: str, item: Any, media: MediaForm) -> Any:
    if (name, field) in _JSON:
        return dict(item)
    if (name, field) in _TYPES:
        return _schema_of(item)
    if field == "raw_body":
        return _write_bytes(item)
    if isinstance(owner, MediaPart) and field == "source":
        return _write_source(owner, media)
    return _write(item, media)


def _schema_of(output: Any) -> Mapping[str, Any]:
    if isinstance(output, Mapping):
        return cast("Mapping[str, Any]", output)
    from fmsdk.schema.json_schema import json_schema

    return json_schema(output)


def _write_bytes(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _write_source(part: MediaPart, media: MediaForm) -> dict[str, Any]:
    source = part.source
    if isinstance(source, UrlSource):
        return {"url": source.url}
    if isinstance(source, FileRef):
        return {"file": _write(source, media)}
    if media == "bytes":
        mime = source.mime if isinstance(source, BytesSource) else None
        return {"base64": part.base64(), **({"mime": mime} if mime else {})}
    if isinstance(source, PathSource):
        return {"path": source.path}
    raise BadRequestError(
        f"this {part.kind} is in memory and has no reference; write it with media='bytes'"
    )


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(item) for item in cast("list[Any]", value))
    if not isinstance(value, dict):
        return value
    written = cast("dict[str, Any]", value)
    name = written["$"]
    if name == "Vectors":
        numbers = base64.b64decode(written["base64"], validate=True)
        return Vectors.from_bytes(numbers, written["dimensions"])
    if name not in _KNOWN:
        raise ValueError(f"unknown kind {name!r}")
    given = {key: _read_field(name, key, item) for key, item in written.items() if key != "$"}
    if name == "ToolResult":
        return content.ToolResult(given.pop("call_id"), given.pop("content", ()), **given)
    if name == "Message":
        return Message(given["role"], given.get("parts", ()))
    return _KNOWN[name](**given)


def _read_field(name: str, field: str, item: Any) -> Any:
    if (name, field) in _JSON or (name, field) in _TYPES:
        return item
    if field == "raw_body":
        return _read_bytes(item)
    if field == "source" and isinstance(item, dict):
        return _read_source(cast("dict[str, Any]", item))
    if field in _MONEY and isinstance(item, str):
        return Decimal(item)
    return _read(item)


def _read_bytes(written: dict[str, str]) -> bytes:
    if "text" in written:
        return written["text"].encode("utf-8")
    return base64.b64decode(written["base64"], validate=True)


def _read_source(written: dict[str, Any]) -> Any:
    if "url" in written:
        return UrlSource(written["url"])
    if "file" in written:
        return _read(written["file"])
    if "path" in written:
        return PathSource(written["path"])
    return BytesSource(_read_bytes(written), written.get("mime"))
