"""JSON Schemas of output types (for the vendor) and of functions (for tools); answers as values.

msgspec describes and decodes dataclasses, TypedDicts, Structs and the standard types. pydantic does
so for its own models, where the caller has imported it. OpenAI's strict form is in
`fmsdk.schema.strict`.

Vendors require an object at the root of an answer. Another output (`list[int]`, a `Literal`, a
union) is requested as `{"result": …}`, and `parse_output` removes that wrapper.
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
from fmsdk.schema.json_text import find_json
from fmsdk.schema.nodes import check_form
from fmsdk.schema.strict import needs_wrapping, resolve_root, strict, without_nulls
from fmsdk.surrogates import replace_lone_surrogates
from fmsdk.validation import encode_json, to_plain_json

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
_MAX_REASON = 300
_BLANK = " \t\r\n\ufeff"
# "name: …" or "name (type): …", as a Google-style docstring has it.
_PARAMETER = re.compile(r"(\w+)(?:\s*\([^)]*\))?:\s*(.*)", re.DOTALL)
_NO_DEFAULT = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one output is requested and read. `read` raises ValueError at a mismatch."""

    name: str
    schema: bytes
    is_wrapped: bool
    read: Callable[[bytes], Any]


def output_schema(output: Any) -> tuple[str, dict[str, Any]]:
    """A name ([A-Za-z0-9_-], at most 64 characters) and the JSON Schema of an answer.

    `output` is a dataclass, TypedDict, msgspec Struct, pydantic model, any type composed of these
    and the standard types, or a JSON Schema itself (its name is its "title"). The root of the
    result is always an object, as the module's docstring says.

    Raises:
        BadRequestError: a type that JSON Schema cannot describe.
    """
    plan = _plan(output)
    return plan.name, msgspec.json.decode(plan.schema)


def json_schema(output: Any) -> dict[str, Any]:
    """The JSON Schema of `output` without a wrapper, with its name as title. Used as an `output`
    itself, it requests the same answer, and reads it as plain values.

    Raises:
        BadRequestError: a type that JSON Schema cannot describe.
    """
    name, schema = output_schema(output)
    if _plan(output).is_wrapped:
        inner = schema.pop("properties")[_WRAPPER]
        definitions = {key: schema[key] for key in _DEFINITIONS if key in schema}
        schema = {**inner, **definitions}
    return {"title": name, **schema}


def parse_output(output: Any, text: str) -> Any:
    """The answer `text` as `output`: an instance of the type, or plain values for a JSON Schema.

    Tolerated are white space and a byte order mark, reasoning before the answer ("…</think>"), a
    fence or text around it, a missing `{"result": …}` wrapper, null for an optional property
    (`strict` requests it that way), and, only for types, keys that the type does not have. With
    `str`, a text that is not JSON is the answer. A JSON Schema is checked with `jsonschema` where
    that is installed; without it the answer must only be JSON.

    Raises:
        InvalidOutput: it is not JSON, or does not match, and the message says where; or several
            different JSON values in it match.
    """
    plan = _plan(output)
    reasons: list[str] = []
    text = replace_lone_surrogates(text).strip(_BLANK)
    for pieces in find_json(text):
        values: dict[str, Any] = {}
        for piece in pieces:
            for candidate in _answer_candidates(piece.encode("utf-8", "replace"), plan):
                try:
                    values[piece] = plan.read(candidate)
                    break
                except (ValueError, RecursionError) as error:
                    reasons.append(str(error))
        if len(values) > 1:
            reasons.insert(0, f"{len(values)} different values in it match")
            break
        if values:
            return next(iter(values.values()))
    if output is str and text:
        return text
    reason = reasons[0] if text else "it is empty"
    raise InvalidOutput(f"the answer does not match {plan.name}: {_shorten(reason)}")


def function_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The JSON Schema of a function's parameters, for a tool.

    Parameters with a default are optional. Descriptions come from the "Args:" section of a
    Google-style docstring, or from `Annotated[…, msgspec.Meta(description=…)]`.

    Raises:
        BadRequestError: a parameter without a type hint, of a type JSON cannot carry,
            positional-only, `*args` or `**kwargs`.
    """
    name = getattr(function, "__name__", type(function).__name__)
    try:
        parameters = inspect.signature(function).parameters.values()
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        raise BadRequestError(f"the type hints of {name} cannot be read: {error}") from error
    fields: dict[str, Any] = {}
    for parameter in parameters:
        kind = parameter.kind
        if kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise BadRequestError(
                f"{name} cannot be a tool: a model passes arguments by name, and "
                f"{parameter.name!r} is {kind.description}"
            )
        if parameter.name not in hints:
            raise BadRequestError(
                f"{name} cannot be a tool: its parameter {parameter.name!r} has no type hint"
            )
        hint = hints[parameter.name]
        fields[parameter.name] = hint if parameter.default is _NO_DEFAULT else NotRequired[hint]
    # Below Python 3.12 pydantic accepts only the TypedDict of typing_extensions (and has it).
    module: Any = sys.modules.get("typing_extensions", typing)
    schema = _schema_of(module.TypedDict(name, fields), f"the parameters of {name}")
    schema = resolve_root(schema)
    schema.pop("title", None)
    descriptions = dict(_parameter_descriptions(inspect.getdoc(function) or ""))
    for parameter in parameters:
        node = schema["properties"][parameter.name]
        if isinstance(parameter.default, (str, int, float, bool)):
            node["default"] = parameter.default
        if parameter.name in descriptions:
            node.setdefault("description", descriptions[parameter.name])
    return schema


def _plan(output: Any) -> _Plan:
    if isinstance(output, Mapping):
        schema: dict[str, Any] = to_plain_json(cast("object", output), "the output schema")
        check_form(schema)
        return _create_plan(
            str(schema.get("title", "")),
            schema,
            lambda body: _validate(msgspec.json.decode(body), schema),
        )
    try:
        return _plan_type(output)
    except TypeError as error:  # only hashable types can be cached
        raise BadRequestError(f"output cannot be {output!r}: {_last_line(error)}") from error


@lru_cache(maxsize=256)
def _plan_type(output: Any) -> _Plan:
    name = getattr(output, "__name__", "")
    schema = _schema_of(output, f"output {name}".strip())
    return _create_plan(name, schema, _create_reader(output))


def _create_plan(name: str, schema: Mapping[str, Any], read: Callable[[bytes], Any]) -> _Plan:
    is_wrapped = needs_wrapping(schema)
    if is_wrapped:
        inner = dict(schema)
        definitions = {key: inner.pop(key) for key in _DEFINITIONS if key in inner}
        root = {
            "type": "object",
            "properties": {_WRAPPER: inner},
            "required": [_WRAPPER],
            "additionalProperties": False,
            **definitions,
        }
    else:
        root = resolve_root(schema)
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "output"
    return _Plan(name, encode_json(root, "the output schema"), is_wrapped, read)


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
    # It is not imported for this: a model can exist only where the caller imported pydantic.
    return sys.modules.get("pydantic")


def _mentions_pydantic(kind: Any) -> bool:
    if _pydantic() is None:
        return False
    if hasattr(kind, "__pydantic_validator__"):
        return True
    inside = (*get_args(kind), *getattr(kind, "__annotations__", {}).values())
    return any(_mentions_pydantic(inner) for inner in inside)


def _create_reader(kind: Any) -> Callable[[bytes], Any]:
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


def _validate(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value, checked if `jsonschema` is installed. No schema is fetched from elsewhere."""
    try:
        jsonschema: Any = importlib.import_module("jsonschema")
        referencing: Any = importlib.import_module("referencing")
    except ImportError:
        return without_nulls(value, schema)
    try:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        kind.check_schema(schema)
        errors = kind(schema, registry=referencing.Registry()).iter_errors(value)
        worst = jsonschema.exceptions.best_match(errors)
    except jsonschema.exceptions.SchemaError as error:
        raise BadRequestError(
            f"the output schema is not valid: {_shorten(error.message)}"
        ) from error
    except referencing.exceptions.Unresolvable as error:
        raise BadRequestError(
            f"the output schema has a reference to what is not in it: {error}"
        ) from error
    if worst is not None:
        raise ValueError(f"{_shorten(worst.message)} - at `{worst.json_path}`")
    return value


def _answer_candidates(body: bytes, plan: _Plan) -> Iterator[bytes]:
    """The texts to parse, in order: without the wrapper, unchanged, without nulls for absence."""
    if plan.is_wrapped and (inner := _unwrap(body)) is not None:
        yield inner
    yield body
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return
    sparse_value = without_nulls(value, msgspec.json.decode(plan.schema))
    if sparse_value != value:
        encoded = msgspec.json.encode(sparse_value)
        yield (_unwrap(encoded) if plan.is_wrapped else None) or encoded


def _unwrap(body: bytes) -> bytes | None:
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return None
    return bytes(fields[_WRAPPER]) if fields.keys() == {_WRAPPER} else None


def _parameter_descriptions(docstring: str) -> Iterator[tuple[str, str]]:
    """(parameter, description) from the "Args:" section of a Google-style docstring."""
    _, heading, section = docstring.partition("\nArgs:\n")
    if not heading:
        return
    body = re.split(r"\n(?=\S)", section)[0]
    for entry in re.split(r"\n(?=\S)", inspect.cleandoc(body)):
        if match := _PARAMETER.fullmatch(entry):
            yield match[1], " ".join(match[2].split())


def _last_line(error: Exception) -> str:
    return _shorten(str(error).strip().rpartition("\n")[2])


def _shorten(reason: str) -> str:
    return reason if len(reason) <= _MAX_REASON else f"{reason[:_MAX_REASON]}…"
