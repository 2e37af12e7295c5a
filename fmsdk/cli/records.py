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
from fmsdk.usage import Usage

__all__ = ["answer_record", "error_record", "plain_record", "result_record"]


def answer_record(answer: Response[Any], *, with_output: bool = True) -> dict[str, Any]:
    """An answer; `output` is there where a schema was asked for.

    Raises:
        InvalidOutput: the answer does not fit the schema, and `with_output` is true.
    """
    record: dict[str, Any] = {"text": answer.text}
    if with_output and answer.output_type is not None:
        record["output"] = answer.output
    return record | {
        "reasoning": answer.reasoning,
        "refusal": answer.refusal,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}
            for call in answer.tool_calls
        ],
        "finish": answer.finish,
        "finish_raw": answer.finish_raw,
        **_account_record(answer),
    }


def result_record(result: Result) -> dict[str, Any]:
    """The result of any verb: what is its own, then what all results have."""
    if isinstance(result, Response):
        return answer_record(cast("Response[Any]", result), with_output=False)
    common = {spec.name for spec in fields(Result)}
    whole = plain_record(result)
    own = {name: value for name, value in whole.items() if name not in common}
    return {**own, **_account_record(result)}


def error_record(error: Exception) -> dict[str, Any]:
    """An error, and as `partial` what had arrived before it."""
    told: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if not isinstance(error, FmsdkError):
        return {"error": told}
    for name in ("retryable", "provider", "model", "status", "request_id", "retry_after"):
        told[name] = getattr(error, name)
    told["attempts"] = [plain_record(attempt) for attempt in error.attempts]
    record: dict[str, Any] = {"error": told}
    if error.partial is not None:
        record["partial"] = result_record(error.partial)
    return record


def plain_record(value: Any) -> dict[str, Any]:
    """A dataclass instance as an object, field by field, at any depth."""
    return asdict(value, dict_factory=_with_money_as_text)


def _with_money_as_text(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: f"{v:f}" if isinstance(v, Decimal) else v for name, v in items}


def _account_record(answer: Result) -> dict[str, Any]:
    return {
        "provider": answer.provider,
        "model": answer.model,
        "served_model": answer.served_model,
        "request_id": answer.request_id,
        "usage": _usage_record(answer.usage),
        "cost": None if answer.cost is None else plain_record(answer.cost),
        "latency": plain_record(answer.latency),
        "warnings": [plain_record(warning) for warning in answer.warnings],
    }


def _usage_record(usage: Usage) -> dict[str, Any]:
    record = plain_record(usage)
    del record["raw"]  # the vendor's own words; a program that wants them calls the library
    return record
