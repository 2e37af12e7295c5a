"""Answers, transcriptions and errors as the plain objects that `--json` prints.

Money is text, so that no decimal is lost; null means unknown. `docs/cli.md` describes them.
"""

from __future__ import annotations

from typing import Any

from fmsdk.errors import FmsdkError
from fmsdk.response import Response
from fmsdk.usage import to_plain_record

__all__ = ["error_record", "response_record"]


def response_record(response: Response[Any], *, with_output: bool = True) -> dict[str, Any]:
    """A response. `output` is present where the request had a schema.

    Raises:
        InvalidOutput: the answer does not match the schema, and `with_output` is true.
    """
    record = response.to_dict()
    if not with_output or response.output_type is None:
        return record
    return {"text": record.pop("text"), "output": response.output, **record}


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
        record["partial"] = error.partial.to_dict()
    return record
