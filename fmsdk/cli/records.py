"""Answers, transcriptions and errors as the plain objects that `--json` prints.

Money is text, so that no decimal is lost; null means unknown. `docs/cli.md` describes them.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any, cast

from fmsdk.errors import FmsdkError
from fmsdk.response import Response
from fmsdk.result import Result

__all__ = ["error_record", "response_record", "result_record", "to_plain_record"]


def response_record(response: Response[Any], *, with_output: bool = True) -> dict[str, Any]:
    """A response. `output` is present where the request had a schema.

    Raises:
        InvalidOutput: the answer does not match the schema, and `with_output` is true.
    """
    record: dict[str, Any] = {"text": response.text}
    if with_output and response.output_type is not None:
        record["output"] = response.output
    return record | {
        "reasoning": response.reasoning,
        "refusal": response.refusal,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}
            for call in response.tool_calls
        ],
        "finish": response.finish,
        "finish_raw": response.finish_raw,
        **_common_record(response),
    }


def result_record(result: Result) -> dict[str, Any]:
    """The result of any verb: its own fields, then those of all results."""
    if isinstance(result, Response):
        return response_record(cast("Response[Any]", result), with_output=False)
    common = {spec.name for spec in fields(Result)}
    record = to_plain_record(result)
    own = {name: value for name, value in record.items() if name not in common}
    return {**own, **_common_record(result)}


def error_record(error: Exception) -> dict[str, Any]:
    """An error, with the partial result that arrived before it."""
    description: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if not isinstance(error, FmsdkError):
        return {"error": description}
    for name in ("retryable", "provider", "model", "status", "request_id", "retry_after"):
        description[name] = getattr(error, name)
    description["attempts"] = [to_plain_record(attempt) for attempt in error.attempts]
    record: dict[str, Any] = {"error": description}
    if error.partial is not None:
        record["partial"] = result_record(error.partial)
    return record


def to_plain_record(value: Any) -> dict[str, Any]:
    """A dataclass instance as an object, field by field, at any depth; money is text."""
    return asdict(
        value,
        dict_factory=lambda items: {
            name: f"{field:f}" if isinstance(field, Decimal) else field for name, field in items
        },
    )


def _common_record(result: Result) -> dict[str, Any]:
    usage = to_plain_record(result.usage)
    del usage["raw"]  # the vendor's own fields; a program that needs them calls the library
    return {
        "provider": result.provider,
        "model": result.model,
        "served_model": result.served_model,
        "request_id": result.request_id,
        "usage": usage,
        "cost": None if result.cost is None else to_plain_record(result.cost),
        "latency": to_plain_record(result.latency),
        "warnings": [to_plain_record(warning) for warning in result.warnings],
    }
