"""fmsdk's values as types of pydantic: fields of models, `TypeAdapter`s, FastAPI's endpoints.

Their JSON is what `fmsdk.to_json` writes. What is read names no file of this machine. Only pydantic
imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticSerializationUnexpectedValue
from pydantic_core import core_schema as schemas

from fmsdk.content import MediaPart
from fmsdk.embedding import Vectors
from fmsdk.errors import BadRequestError
from fmsdk.response import Response
from fmsdk.serialization import (
    CLASSES,
    SCHEMA_VERSION,
    field_types,
    read_document,
    write_document,
)

__all__ = ["core_schema", "json_schema"]

_PLAIN_TYPES = {
    str: "string",
    Decimal: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
}


def core_schema(kind: type[Any], source: Any) -> schemas.CoreSchema:
    """How pydantic reads and writes a value of the class `kind`. `source` is the class as it was
    written: a `Response[City]` gets its `output_type` back, which JSON does not hold."""
    outputs = [] if kind is not Response else [t for t in get_args(source) if t is not Any]

    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            result = read_document(value)
        except BadRequestError as error:
            raise ValueError(error.message) from error
        if not isinstance(result, kind):
            raise ValueError(f"this is the JSON of {type(result).__name__}, not {kind.__name__}")
        if outputs and result.output_type is not None:
            return replace(result, output_type=outputs[0])
        return result

    def write(value: Any) -> dict[str, Any]:
        if not isinstance(value, kind):  # another member of a union
            raise PydanticSerializationUnexpectedValue(f"{type(value).__name__} is unexpected")
        return write_document(value)

    return schemas.no_info_plain_validator_function(
        read,
        serialization=schemas.plain_serializer_function_ser_schema(write),
    )


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of what `to_json` writes of a value of the class `kind`."""
    name = kind.__name__
    return {
        "title": name,
        "description": f"A value of `fmsdk.{name}`, as `fmsdk.to_json` writes it.",
        "type": "object",
        "properties": {
            "fmsdk": {"const": SCHEMA_VERSION},
            "type": {"const": name},
            "value": _object_schema(name),
        },
        "required": ["fmsdk", "type", "value"],
    }


def _object_schema(name: str) -> dict[str, Any]:
    kind = CLASSES[name]
    properties: dict[str, Any] = {"$": {"const": name}}
    properties.update((field, _type_schema(hint)) for field, hint in field_types(name).items())
    if issubclass(kind, MediaPart):
        file = _object_schema("FileRef")
        forms = {"url": {"type": "string"}, "base64": {"type": "string"}, "file": file}
        properties["source"] = {
            "anyOf": [
                {"type": "object", "properties": {form: schema}, "required": [form]}
                for form, schema in forms.items()
            ]
        }
    required = [
        spec.name
        for spec in fields(kind)
        if spec.init and spec.default is MISSING and spec.default_factory is MISSING
    ]
    return {"type": "object", "properties": properties, "required": ["$", *required]}


def _type_schema(hint: Any) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return {"anyOf": [_type_schema(each) for each in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        if inner[1:] == (...,):
            return {"type": "array", "items": _type_schema(inner[0])}
        return {"type": "array", "prefixItems": [_type_schema(each) for each in inner]}
    if hint in _PLAIN_TYPES:
        return {"type": _PLAIN_TYPES[hint]}
    if hint in (bytes, Vectors):
        return {"type": "object"}
    kind: Any = origin or hint
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return {"type": "object"}
    return _object_schema(kind.__name__) if kind in CLASSES.values() else {}
