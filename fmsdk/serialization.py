"""Messages, requests, responses and their parts as JSON text, and back.

    {"fmsdk": 1, "type": "Request", "value": {"$": "Request", "provider": …, "messages": […]}}

`fmsdk` is the version of the schema. Every fmsdk value is an object whose `$` is the name of its
class. Fields with their default value are left out. Money is text, so that no digit is lost. Media
are written as bytes (base64) or as a reference, which is the path or the URL. URLs and `FileRef`s
are always references. An `output` type becomes its JSON Schema, since a class has no JSON form; so
the `output` of a response that is read back consists of plain values.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from fmsdk import content, embedding, request, response, token_count, transcription, usage
from fmsdk.content import MediaPart
from fmsdk.embedding import Vectors
from fmsdk.errors import BadRequestError
from fmsdk.media.source import BytesSource, FileRef, PathSource, UrlSource
from fmsdk.quoting.quote import Quote
from fmsdk.request import Message, Request
from fmsdk.result import Result

__all__ = [
    "CLASSES",
    "SCHEMA_VERSION",
    "field_types",
    "from_json",
    "read_document",
    "to_json",
    "write_document",
]

SCHEMA_VERSION = 1
Serialisable = Message | Request | Result | content.Part | usage.Usage | usage.Cost | Quote
MediaForm = Literal["bytes", "reference"]

CLASSES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(content.Text, content.Image, content.Audio, content.Video, content.Document),
        *(content.Reasoning, content.ToolCall, content.ToolResult, content.FileRef),
        *(request.Message, request.Settings, request.Tool, request.Request),
        *(embedding.EmbedRequest, embedding.Embeddings),
        *(transcription.TranscribeRequest, transcription.Transcription, transcription.Segment),
        token_count.TokenCount,
        *(response.Choice, response.Response, response.TokenLogprob, response.Warning),
        *(usage.Usage, usage.InputUsage, usage.OutputUsage, usage.Cost, usage.CostLine),
        *(usage.Latency, usage.Attempt, usage.Timings, usage.Device, usage.Range, Quote),
    )
}
# Fields whose value is the caller's or the vendor's own JSON, which is written unchanged.
_JSON_FIELDS = frozenset(
    {
        ("ToolCall", "arguments"),
        ("Tool", "parameters"),
        ("Usage", "raw"),
        ("Usage", "server_tools"),
    }
)
_MONEY_FIELDS = frozenset(
    {
        *("total", "quantity", "unit_price", "amount", "hourly_price", "charged"),
        "max_cost",
        *("low", "expected", "high", "ceiling"),
    }
)
# Mappings whose values are fmsdk's own.
_MAPPING_FIELDS = frozenset(
    {("Quote", "by_modality"), ("Quote", "basis"), ("TokenCount", "by_modality")}
)
_TYPE_FIELDS = frozenset({("Request", "output"), ("Response", "output_type")})


def to_json(value: Serialisable, *, media: MediaForm = "bytes") -> str:
    """Write a message, request, response, part, usage, cost or quote as JSON text.

    Args:
        media: "bytes" reads every media file; "reference" writes paths, and raises for media
            without one (bytes, PIL images, samples).

    Raises:
        BadRequestError: a value of another kind, provider options, or media without a reference.
        InvalidMedia: a media file cannot be read.
    """
    document = write_document(value, media)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def write_document(value: Any, media: MediaForm = "bytes") -> dict[str, Any]:
    """What `to_json` writes, before it becomes text."""
    if type(value).__name__ not in CLASSES:
        raise BadRequestError(f"cannot write {type(value).__name__} as JSON")
    return {
        "fmsdk": SCHEMA_VERSION,
        "type": type(value).__name__,
        "value": _write(value, media),
    }


def from_json(text: str | bytes, *, files: bool = False) -> Any:
    """Read back what `to_json` wrote.

    Args:
        files: take media that name a file of this machine (`to_json(…, media="reference")`). Text
            from elsewhere could name any file, which would be read and sent.

    Raises:
        BadRequestError: not JSON, not written by fmsdk, of another schema version, or with the
            name of a file without `files`.
    """
    try:
        document: Any = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError("this is not JSON") from error
    return read_document(document, files=files)


def read_document(document: Any, *, files: bool = False) -> Any:
    """Read back what `write_document` wrote. Raises as `from_json` does."""
    version = cast("dict[str, Any]", document).get("fmsdk") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise BadRequestError(
            f"this is not JSON of fmsdk's schema version {SCHEMA_VERSION}, which to_json writes"
            + ("" if version is None else f" but of version {version!r}; use a matching fmsdk")
        )
    try:
        return _read(document["value"], files)
    except BadRequestError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        why = f"{error}"[:200]
        raise BadRequestError(
            f"this JSON was not written by fmsdk, or was changed: {why}"
        ) from error
    except RecursionError as error:
        raise BadRequestError("this JSON is nested deeper than fmsdk writes any") from error


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
    if CLASSES.get(name) is not type(value):
        raise BadRequestError(
            f"cannot write {name} as JSON. For a request with provider options, pass "
            "dataclasses.replace(request, options=None)"
        )
    result: dict[str, Any] = {"$": name}
    for field in fields(value):
        item = getattr(value, field.name)
        if field.init and item != field.default:
            result[field.name] = _write_field(value, name, field.name, item, media)
    return result


def _write_field(owner: Any, name: str, field: str, item: Any, media: MediaForm) -> Any:
    if (name, field) in _JSON_FIELDS:
        return dict(item)
    if (name, field) in _MAPPING_FIELDS:
        return {key: _write(value, media) for key, value in item.items()}
    if (name, field) in _TYPE_FIELDS:
        if isinstance(item, Mapping):
            return cast("Mapping[str, Any]", item)
        from fmsdk.schema.json_schema import json_schema

        return json_schema(item)
    if field == "raw_body":
        try:
            return {"text": item.decode("utf-8")}
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(item).decode("ascii")}
    if not isinstance(owner, MediaPart) or field != "source":
        return _write(item, media)
    source = owner.source
    if isinstance(source, UrlSource):
        return {"url": source.url}
    if isinstance(source, FileRef):
        return {"file": _write(source, media)}
    if media == "bytes":
        mime = source.mime if isinstance(source, BytesSource) else None
        return {"base64": owner.base64(), **({"mime": mime} if mime else {})}
    if isinstance(source, PathSource):
        return {"path": source.path}
    raise BadRequestError(
        f"this {owner.kind} is in memory and has no reference; pass media='bytes'"
    )


def _read(value: Any, files: bool) -> Any:
    if isinstance(value, list):
        return tuple(_read(item, files) for item in cast("list[Any]", value))
    if not isinstance(value, dict):
        return value
    document = cast("dict[str, Any]", value)
    name = document["$"]
    if name == "Vectors":
        numbers = base64.b64decode(document["base64"], validate=True)
        return Vectors.from_bytes(numbers, document["dimensions"])
    if name not in CLASSES:
        raise ValueError(f"unknown kind {name!r}")
    values = {
        key: _read_field(name, key, item, files) for key, item in document.items() if key != "$"
    }
    hints = field_types(name)
    for key, item in values.items():
        if not _matches(item, hints[key]):
            raise TypeError(f"{key} of {name} is {type(item).__name__}")
    if name == "ToolResult":
        return content.ToolResult(values.pop("call_id"), values.pop("content", ()), **values)
    if name == "Message":
        return Message(values["role"], values.get("parts", ()))
    return CLASSES[name](**values)


@cache
def field_types(name: str) -> dict[str, Any]:
    """The types of the fields that are written of the class `name`."""
    hints = get_type_hints(CLASSES[name], localns={"Header": object})
    return {spec.name: hints[spec.name] for spec in fields(CLASSES[name]) if spec.init}


def _matches(value: Any, hint: Any) -> bool:
    """Whether a value that was read is of a field's type. Types of the caller's own match all."""
    if hint is Any:
        return True
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_matches(value, each) for each in inner)
    if origin is Literal:  # another version of fmsdk may have more values
        return type(value) in map(type, inner)
    if origin is tuple:
        types = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return isinstance(value, tuple) and all(map(_matches, cast("Any", value), types))
    kind = origin or hint
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(kind, type) or kind is object or isinstance(value, kind)


def _read_field(name: str, field: str, item: Any, files: bool) -> Any:
    if (name, field) in _JSON_FIELDS or (name, field) in _TYPE_FIELDS:
        return item
    if (name, field) in _MAPPING_FIELDS:
        return {key: _read(value, files) for key, value in item.items()}
    if field == "raw_body":
        return _read_bytes(item)
    if field in _MONEY_FIELDS and isinstance(item, str):
        return Decimal(item)
    is_media = issubclass(CLASSES[name], MediaPart) and field == "source"
    return _read_source(item, files) if is_media else _read(item, files)


def _read_source(source: Any, files: bool) -> Any:
    if not isinstance(source, dict):  # text would be taken for a path
        raise TypeError("the source of a media part is no object")
    document = cast("dict[str, Any]", source)
    if "url" in document:
        url = document["url"]
        if not (isinstance(url, str) and url[:8].lower().startswith(("http://", "https://"))):
            raise ValueError("the URL of a media part is no http(s) URL")
        return UrlSource(url)
    if "file" in document:
        return _read(document["file"], files)
    if "path" not in document:
        mime: object = document.get("mime")
        if not isinstance(mime, str | None):
            raise TypeError("the media type of a media part is no text")
        return BytesSource(_read_bytes(document), mime)
    path = document["path"]
    if not isinstance(path, str):
        raise TypeError("the path of a media part is no text")
    if not files:
        raise BadRequestError(
            f"this JSON names a file of this machine, {PathSource(path).describe()}; if you trust "
            "it, read it with from_json(text, files=True)"
        )
    return PathSource(path)


def _read_bytes(document: dict[str, str]) -> bytes:
    if "text" in document:
        return document["text"].encode("utf-8")
    return base64.b64decode(document["base64"], validate=True)


def _core_schema(kind: type[Any], source: Any, *_: object) -> Any:
    from fmsdk.schema.pydantic_types import core_schema

    return core_schema(kind, source)


def _json_schema(kind: type[Any], *_: object) -> dict[str, Any]:
    from fmsdk.schema.pydantic_types import json_schema

    return json_schema(kind)


# pydantic asks these of a class, so that fields of models and FastAPI's endpoints can have it.
for _class in CLASSES.values():
    _class.__get_pydantic_core_schema__ = classmethod(_core_schema)
    _class.__get_pydantic_json_schema__ = classmethod(_json_schema)


def _subscript_response(kind: Any, parameters: Any) -> Any:
    alias = cast("Any", super(response.Response, kind)).__class_getitem__(parameters)
    if "pydantic_core" in sys.modules:
        alias.__pydantic_core_schema__ = _core_schema(kind, alias)
    return alias


# pydantic asks a subscripted dataclass (`Response[str]`) only for a schema that it has already.
cast("Any", response.Response).__class_getitem__ = classmethod(_subscript_response)
