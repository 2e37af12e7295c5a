"""JSON Schema: of an output type for the vendor, of a function for a tool; and answers into values.

msgspec describes and decodes dataclasses, TypedDicts, Structs and the standard types; pydantic
its own models, where the caller has imported it. OpenAI's strict form is `fmsdk.schema.strict`.

Vendors want an object at the root of an answer. An output that is none (`list[int]`, a `Literal`,
a union) is asked for as `{"result": …}`, which `parse_output` takes off again.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NotRequired, cast, get_args, get_type_hints

import msgspec

from fmsdk.errors import BadRequestError, InvalidOutput
from fmsdk.schema.strict import check_form, needs_wrapping, rooted, strict, without_nulls
from fmsdk.validation import json_of, plain_of

__all__ = [
    "function_schema",
    "json_schema",
    "needs_wrapping",
    "output_schema",
    "parse_output",
    "strict",
    "without_nulls",
]

_WRAPPER = "result"
_DEFINITIONS = ("$defs", "definitions")
_LONGEST_REASON = 300
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n?```", re.DOTALL | re.IGNORECASE)
# "name: …" or "name (type): …", as a Google-style docstring has it.
_PARAMETER = re.compile(r"(\w+)(?:\s*\([^)]*\))?:\s*(.*)", re.DOTALL)
_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one output is asked for and read. `read` raises ValueError with where it does not fit."""

    name: str
    schema: bytes
    wrapped: bool
    read: Callable[[bytes], Any]


def output_schema(output: Any) -> tuple[str, dict[str, Any]]:
    """A name ([A-Za-z0-9_-], at most 64) and the JSON Schema of what an answer shall be.

    `output` is a dataclass, TypedDict, msgspec Struct, pydantic model, any type made of them and
    the standard ones, or a JSON Schema itself (named by its "title"). The root of the result is
    always an object: see the module for the rest.

    Raises:
        BadRequestError: a type that JSON Schema cannot describe.
    """
    plan = _plan(output)
    return plan.name, msgspec.json.decode(plan.schema)


def json_schema(output: Any) -> dict[str, Any]:
    """The JSON Schema of `output` as it is, without wrapper, its name as title; as an `output`
    itself it asks for the same and reads the same, in plain values.

    Raises:
        BadRequestError: a type that JSON Schema cannot describe.
    """
    name, schema = output_schema(output)
    if _plan(output).wrapped:
        inner = schema.pop("properties")[_WRAPPER]
        kept = {key: schema[key] for key in _DEFINITIONS if key in schema}
        schema = {**inner, **kept}
    return {"title": name, **schema}


def parse_output(output: Any, text: str) -> Any:
    """The answer `text` as `output`: an instance of the type, or plain values for a JSON Schema.

    Tolerated are white space and a ```json fence around the answer, a missing `{"result": …}`
    wrapper, null for an optional property (`strict` asks for it so), and, for types alone, keys
    that the type does not have. A JSON Schema is checked with `jsonschema` where that is
    installed; without it the answer need only be JSON.

    Raises:
        InvalidOutput: it is not JSON or does not fit; the message says where.
    """
    plan = _plan(output)
    body = _unfenced(text).encode("utf-8", "surrogatepass")
    reasons: list[str] = []
    for candidate in _candidates(body, plan):
        try:
            return plan.read(candidate)
        except (ValueError, RecursionError) as error:
            reasons.append(str(error))
    reason = reasons[0] if body else "it is empty"
    raise InvalidOutput(f"the answer does not fit {plan.name}: {_clipped(reason)}")


def function_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The JSON Schema of a function's parameters, for a tool.

    Parameters with a default are optional. Descriptions come from the "Args:" section of a
    Google-style docstring, or from `Annotated[…, msgspec.Meta(description=…)]`.

    Raises:
        BadRequestError: a parameter without a type hint, of a type JSON cannot carry,
            positional-only, `*args` or `**kwargs`.
    """
    name = getattr(function, "__name__", type(function).__name__)
    parameters = inspect.signature(function).parameters.values()
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise BadRequestError(f"the type hints of {name} cannot be read: {error}") from error
    fields: dict[str, Any] = {}
    for parameter in parameters:
        _check(parameter, hints, name)
        hint = hints[parameter.name]
        fields[parameter.name] = hint if parameter.default is _REQUIRED else NotRequired[hint]
    schema = rooted(_schema_of(_typed_dict(name, fields), f"the parameters of {name}"))
    schema.pop("title", None)
    descriptions = dict(_described(inspect.getdoc(function) or ""))
    for parameter in parameters:
        told = schema["properties"][parameter.name]
        if isinstance(parameter.default, (str, int, float, bool)):
            told["default"] = parameter.default
        if parameter.name in descriptions:
            told.setdefault("description", descriptions[parameter.name])
    return schema


def _plan(output: Any) -> _Plan:
    if isinstance(output, Mapping):
        return _plan_of_schema(cast("Mapping[str, Any]", output))
    try:
        return _plan_of_type(output)
    except TypeError as error:  # only hashable types can be remembered
        raise BadRequestError(f"output cannot be {output!r}: {_last_line(error)}") from error


@lru_cache(maxsize=256)
def _plan_of_type(output: Any) -> _Plan:
    name = getattr(output, "__name__", "")
    schema = _schema_of(output, f"output {name}".strip())
    return _made(name, schema, _reader(output))


def _plan_of_schema(given: Mapping[str, Any]) -> _Plan:
    schema: dict[str, Any] = plain_of(given, "the output schema")
    check_form(schema)
    return _made(
        str(schema.get("title", "")),
        schema,
        lambda body: _validated(msgspec.json.decode(body), schema),
    )


def _made(name: str, schema: Mapping[str, Any], read: Callable[[bytes], Any]) -> _Plan:
    wrapped = needs_wrapping(schema)
    encoded = json_of(_wrap(schema) if wrapped else rooted(schema), "the output schema")
    return _Plan(re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "output", encoded, wrapped, read)


def _wrap(schema: Mapping[str, Any]) -> dict[str, Any]:
    inner = dict(schema)
    definitions = {key: inner.pop(key) for key in _DEFINITIONS if key in inner}
    return {
        "type": "object",
        "properties": {_WRAPPER: inner},
        "required": [_WRAPPER],
        "additionalProperties": False,
        **definitions,
    }


def _schema_of(kind: Any, what: str) -> dict[str, Any]:
    try:
        if not _mentions_pydantic(kind):
            return msgspec.json.schema(kind)
        if hasattr(kind, "model_json_schema"):
            return kind.model_json_schema()
        return _pydantic().TypeAdapter(kind).json_schema()
    # pydantic's own errors are RuntimeErrors and NameErrors, msgspec's TypeErrors.
    except (TypeError, NameError, RuntimeError, ValueError) as error:
        raise BadRequestError(
            f"{what} has no JSON Schema: {_last_line(error)}. Use dataclasses, TypedDicts, "
            "msgspec Structs or pydantic models, of JSON's types"
        ) from error


def _pydantic() -> Any:
    # Never imported for this: a model of its can only exist if somebody else did.
    return sys.modules.get("pydantic")


def _mentions_pydantic(kind: Any) -> bool:
    if _pydantic() is None:
        return False
    if hasattr(kind, "__pydantic_validator__"):
        return True
    inside = (*get_args(kind), *getattr(kind, "__annotations__", {}).values())
    return any(_mentions_pydantic(inner) for inner in inside)


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    # Below Python 3.12 pydantic accepts the TypedDict of typing_extensions alone (and has it).
    module: Any = sys.modules.get("typing_extensions", typing)
    return module.TypedDict(name, fields)


def _reader(kind: Any) -> Callable[[bytes], Any]:
    if not _mentions_pydantic(kind):
        return msgspec.json.Decoder(kind).decode
    pydantic = _pydantic()
    validate = (
        kind.model_validate_json
        if hasattr(kind, "model_validate_json")
        else pydantic.TypeAdapter(kind).validate_json
    )

    def read(body: bytes) -> Any:
        try:
            return validate(body)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(["$", *map(str, first["loc"])])
            raise ValueError(f"{first['msg']} - at `{where}`") from error

    return read


def _validated(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value, checked where `jsonschema` is installed; it fetches no schema from elsewhere."""
    try:
        jsonschema: Any = importlib.import_module("jsonschema")
        referencing: Any = importlib.import_module("referencing")
    except ImportError:
        return without_nulls(value, schema)
    try:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        kind.check_schema(schema)
        found = kind(schema, registry=referencing.Registry()).iter_errors(value)
        worst = jsonschema.exceptions.best_match(found)
    except jsonschema.exceptions.SchemaError as error:
        raise BadRequestError(
            f"the output schema is not valid: {_clipped(error.message)}"
        ) from error
    except referencing.exceptions.Unresolvable as error:
        raise BadRequestError(f"the output schema refers to what is not in it: {error}") from error
    if worst is not None:
        raise ValueError(f"{_clipped(worst.message)} - at `{worst.json_path}`")
    return value


def _candidates(body: bytes, plan: _Plan) -> Iterator[bytes]:
    """What may be the answer: without its wrapper, as it is, without nulls that mean absence."""
    if plan.wrapped and (inner := _unwrapped(body)) is not None:
        yield inner
    yield body
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return
    pruned = without_nulls(value, msgspec.json.decode(plan.schema))
    if pruned != value:
        encoded = msgspec.json.encode(pruned)
        yield (_unwrapped(encoded) if plan.wrapped else None) or encoded


def _unwrapped(body: bytes) -> bytes | None:
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return None
    return bytes(fields[_WRAPPER]) if fields.keys() == {_WRAPPER} else None


def _unfenced(text: str) -> str:
    body = text.strip()
    fenced = _FENCE.fullmatch(body)
    return fenced[1].strip() if fenced else body


def _check(parameter: inspect.Parameter, hints: Mapping[str, Any], function: str) -> None:
    kind = parameter.kind
    if kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise BadRequestError(
            f"{function} cannot be a tool: a model gives arguments by name, and "
            f"{parameter.name!r} is {kind.description}"
        )
    if parameter.name not in hints:
        raise BadRequestError(
            f"{function} cannot be a tool: its parameter {parameter.name!r} has no type hint"
        )


def _described(docstring: str) -> Iterator[tuple[str, str]]:
    """(parameter, description) from the "Args:" section of a Google-style docstring."""
    _, heading, section = docstring.partition("\nArgs:\n")
    if not heading:
        return
    body = re.split(r"\n(?=\S)", section)[0]
    for entry in re.split(r"\n(?=\S)", inspect.cleandoc(body)):
        if found := _PARAMETER.fullmatch(entry):
            yield found[1], " ".join(found[2].split())


def _last_line(error: Exception) -> str:
    return _clipped(str(error).strip().rpartition("\n")[2])


def _clipped(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
