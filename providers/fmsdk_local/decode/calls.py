"""Tool calls in the forms that local models write them in. Pure.

Each reader returns the calls of a text, or none where the text is no call in its form. The forms
are those of the models' chat templates; vLLM and SGLang read the same ones.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from fmsdk.surrogates import replace_lone_surrogates

__all__ = [
    "CALL_TAGS",
    "INNER_TAGS",
    "Call",
    "has_call_within",
    "is_call_like",
    "read_arguments",
    "read_bare",
    "read_fenced",
    "read_json",
]

Call = tuple[str, str]  # name, arguments as JSON text
Schemas = Mapping[str, Mapping[str, Any]]
Reader = Callable[[str, Schemas], list[Call]]

_MISTRAL, _MISTRAL_ARGS = "[TOOL_CALLS]", "[ARGS]"
_DEEPSEEK, _DEEPSEEK_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_DEEPSEEK_CALL, _DEEPSEEK_CALL_END = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"
_DEEPSEEK_SEPARATOR = "<｜tool▁sep｜>"
# Tags within calls that are tokens of their own in some tokenizers.
INNER_TAGS = (
    *(_MISTRAL_ARGS, "[CALL_ID]"),
    *(_DEEPSEEK_SEPARATOR, _DEEPSEEK_CALL_END),
    *("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
)

_FUNCTION = re.compile(r"<function=([^>\n]+)>(.*?)(?:</function>|$)", re.DOTALL)
# Qwen3-Coder leaves out closing tags at times: the next tag closes a value, too.
_PARAMETER = re.compile(r"<parameter=([^>\n]+)>(.*?)(?:</parameter>|(?=<parameter=)|$)", re.DOTALL)
_GLM_ARGUMENT = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_FENCE = re.compile(r"(?:json|tool_call|tool_code|python)?[ \t]*\n?(.*)", re.DOTALL)


def read_json(text: str, schemas: Schemas) -> list[Call]:
    """JSON: an object (Hermes, Qwen), a list (Granite), or objects one after the other, with
    semicolons between them (Llama 3)."""
    del schemas
    objects = re.split(r"[;\n]\s*(?=\{)", text.strip())
    return _calls_of(_parse_json(text)) or _calls_of([_parse_json(part) for part in objects])


def read_bare(text: str, schemas: Schemas) -> list[Call]:
    """JSON, or Python calls in a list (Llama 3.2 and 4: `[weather(city="Rome")]`)."""
    return read_json(text, schemas) or _read_python(text, schemas)


def read_fenced(text: str, schemas: Schemas) -> list[Call]:
    """The inside of a code fence, with the name of its language."""
    match = _FENCE.fullmatch(text)
    calls = read_bare(match[1], schemas) if match else []
    return calls if all(name in schemas for name, _ in calls) else []


def is_call_like(text: str, schemas: Schemas) -> bool:
    """Whether a text without tags was meant as a call: it begins as one of the forms do."""
    if any(re.match(rf"\[\s*{re.escape(name)}\(", text) for name in schemas):
        return True
    keys = set(re.findall(r'"(name|function|arguments|parameters)"\s*:', text))
    return bool(keys & {"name", "function"}) and bool(keys & {"arguments", "parameters"})


def has_call_within(text: str, schemas: Schemas) -> bool:
    """Whether a text has a call of one of the tools without tags: JSON with its name and arguments,
    or Python at the start of a line."""
    return any(
        (re.search(rf'"(?:name|function)"\s*:\s*"{name}"', text) and is_call_like(text, schemas))
        or re.search(rf"^[ \t]*(?:\[[ \t]*)?{name}\(.*\)", text, re.MULTILINE)
        for name in map(re.escape, schemas)
    )


def read_arguments(text: str) -> str | None:
    """Arguments alone, as JSON text; None where they are no JSON object."""
    value = _parse_json(text)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else None


def _read_tagged(text: str, schemas: Schemas) -> list[Call]:
    """The inside of `<tool_call>`: JSON (Hermes, Qwen), XML (Qwen3-Coder, Qwen3.5), or GLM's."""
    if "<function=" in text:
        return _read_xml(text, schemas)
    if "<arg_key>" in text:
        name = text.partition("<arg_key>")[0].strip()
        pairs = {key.strip(): value for key, value in _GLM_ARGUMENT.findall(text)}
        return [(name, _write_arguments(pairs, schemas.get(name)))]
    return read_bare(text, schemas) or _read_glm_name(text, schemas)


def _read_glm_name(text: str, schemas: Schemas) -> list[Call]:
    """GLM's call without arguments is the name alone."""
    return [(text.strip(), "{}")] if text.strip() in schemas else []


def _read_xml(text: str, schemas: Schemas) -> list[Call]:
    """`<function=name><parameter=key>value</parameter></function>`, or JSON inside a function, as
    Llama 3.1 writes it."""
    calls: list[Call] = []
    for name, body in _FUNCTION.findall(text):
        value = _parse_json(body)
        if isinstance(value, dict):
            arguments = json.dumps(value, ensure_ascii=False)
        else:
            pairs = {key.strip(): value for key, value in _PARAMETER.findall(body)}
            if body.strip() and not pairs:
                return []
            arguments = _write_arguments(pairs, schemas.get(name.strip()))
        calls.append((name.strip(), arguments))
    return calls


def _read_mistral(text: str, schemas: Schemas) -> list[Call]:
    """A JSON list of calls, or (since tokenizer version 11) `name[ARGS]{json}` after each tag."""
    del schemas
    value: object = _parse_json(text)
    if isinstance(value, list):
        return _calls_of(cast("object", value))
    calls: list[object] = []
    for item in text.split(_MISTRAL):
        name, brace, rest = item.partition("{")
        name = name.removesuffix(_MISTRAL_ARGS).partition("[CALL_ID]")[0].strip()
        calls.append({"name": name, "arguments": _parse_json(brace + rest)})
    return _calls_of(calls)


def _read_deepseek(text: str, schemas: Schemas) -> list[Call]:
    """`function<｜tool▁sep｜>name`, then fenced JSON (V3), or `name<｜tool▁sep｜>{json}` (V3.1)."""
    del schemas
    calls: list[object] = []
    for item in re.split(f"{_DEEPSEEK_CALL}|{_DEEPSEEK_CALL_END}", text):
        if not item.strip():
            continue
        before, _, after = item.partition(_DEEPSEEK_SEPARATOR)
        name, fence, arguments = after.partition("```")
        if fence:
            arguments = arguments.strip().removeprefix("json").removesuffix("```")
        else:
            name, arguments = before, after
        calls.append({"name": name.strip(), "arguments": _parse_json(arguments)})
    return _calls_of(calls)


def _read_functools(text: str, schemas: Schemas) -> list[Call]:
    """`functools[{…}, {…}]` of Phi-4-mini; the tag has taken the bracket."""
    return read_json("[" + text, schemas)


def _read_python(text: str, schemas: Schemas) -> list[Call]:
    try:
        body = ast.parse(text.strip(), mode="eval").body
        items = body.elts if isinstance(body, (ast.List, ast.Tuple)) else [body]
        calls: list[object] = []
        for item in items:
            if not isinstance(item, ast.Call):
                return []
            name = ast.unparse(item.func)
            name = name if name in schemas else name.removesuffix(".call")
            names = list(_properties(schemas.get(name)))
            keywords = {word.arg: ast.literal_eval(word.value) for word in item.keywords}
            positional = zip(names, item.args, strict=False)
            arguments = {key: ast.literal_eval(value) for key, value in positional}
            if None in keywords or len(names) < len(item.args):
                return []
            calls.append({"name": name, "arguments": {**arguments, **keywords}})
        return _calls_of(calls)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return []


def _calls_of(value: object) -> list[Call]:
    """The calls of a JSON value; none where one of them is no call."""
    calls: list[Call] = []
    for item in cast("list[object]", value if isinstance(value, list) else [value]):
        if not isinstance(item, dict):
            return []
        fields = cast("dict[str, Any]", item)
        if isinstance(fields.get("function"), dict):
            fields = fields["function"]  # as OpenAI's API nests them
        name: object = fields.get("name", fields.get("function"))
        arguments: object = fields.get("arguments", fields.get("parameters", {}))
        if isinstance(arguments, str):
            arguments = _parse_json(arguments)
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return []
        try:
            calls.append((name, json.dumps(arguments, ensure_ascii=False)))
        except (TypeError, ValueError):  # what only Python can write, such as a set
            return []
    return calls


def _write_arguments(pairs: dict[str, str], schema: Mapping[str, Any] | None) -> str:
    """Arguments that came as text, as JSON of the types that the schema declares."""
    properties = _properties(schema)
    values = {key: _convert(text, properties.get(key)) for key, text in pairs.items()}
    return json.dumps(values, ensure_ascii=False)


def _properties(schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    properties: object = (schema or {}).get("properties")
    return cast("Mapping[str, Any]", properties) if isinstance(properties, Mapping) else {}


def _convert(text: str, schema: object) -> object:
    text = text.removeprefix("\n").removesuffix("\n")
    if not isinstance(schema, Mapping):
        return text
    rows = cast("Mapping[str, Any]", schema)
    types: set[Any] = set()
    for choice in (rows, *rows.get("anyOf", ()), *rows.get("oneOf", ())):
        if isinstance(choice, Mapping):
            kinds: Any = cast("Mapping[str, Any]", choice).get("type")
            types.update(cast("list[Any]", kinds if isinstance(kinds, list) else [kinds]))
    if "null" in types and text.strip().lower() in ("null", "none"):
        return None
    if "string" in types or (not types - {None} and not text.strip().startswith(("{", "["))):
        return text
    value = _parse_json({"True": "true", "False": "false"}.get(text.strip(), text))
    return text if value is None else value


def _parse_json(text: str) -> Any:
    """The JSON value, also as Python writes it; None where it is neither."""
    try:
        return json.loads(replace_lone_surrogates(text))
    except (ValueError, RecursionError):
        pass
    if not text.strip().startswith(("{", "[")):
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


# The tag that begins calls, the one that ends them ("": the end of the answer), and the reader of
# what is between them.
CALL_TAGS: dict[str, tuple[str, Reader]] = {
    "<tool_call>": ("</tool_call>", _read_tagged),
    "<function=": ("</function>", lambda text, schemas: _read_xml("<function=" + text, schemas)),
    _MISTRAL: ("", _read_mistral),
    _DEEPSEEK: (_DEEPSEEK_END, _read_deepseek),
    _DEEPSEEK_CALL: (_DEEPSEEK_CALL_END, _read_deepseek),
    "<|python_tag|>": ("", read_bare),
    "<|python_start|>": ("<|python_end|>", read_bare),
    "functools[": ("", _read_functools),
    "<|tool_call|>": ("<|/tool_call|>", read_bare),
}
