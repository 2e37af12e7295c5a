"""A ledger that a test fills by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmsdk.ledger import AttemptRecord, SqliteLedger, SqliteReader
from fmsdk.usage import Attempt, InputUsage, OutputUsage, Usage
from tests.support.ledger import create_bill, create_call
from tests.support.patience import PATIENCE

__all__ = ["NOON", "Book", "create_usage"]

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Book:
    """A ledger that is filled by hand."""

    def __init__(self, path: Path) -> None:
        self.ledger, self.path, self.count = SqliteLedger(path), path, 0

    def add(
        self, cost: str | None = "0.01", *, model: str = "openai:gpt-4o", **fields: Any
    ) -> None:
        """A call with one attempt."""
        self.count += 1
        provider, _, name = model.partition(":")
        shared: dict[str, Any] = {
            "call_id": str(self.count),
            "time": fields.pop("time", NOON),
            "provider": provider,
            "model": name,
            "tags": fields.pop("tags", ()),
            "usage": fields.pop("usage", create_usage(20, 5)),
        }
        seconds, outcome = fields.pop("seconds", 1.0), fields.pop("outcome", "ok")
        self.ledger.record_attempt(
            AttemptRecord(
                **shared,
                number=1,
                verb="generate",
                attempt=Attempt(seconds),
                cost=None if cost is None else create_bill(cost, fields.pop("source", "measured")),
                **fields,
            )
        )
        call_id = shared.pop("call_id")
        self.ledger.record_call(
            create_call(call_id, cost, seconds=seconds, outcome=outcome, **shared)
        )

    def open(self) -> SqliteReader:
        self.ledger.close(PATIENCE)
        return SqliteReader(self.path)


def create_usage(tokens_in: int, tokens_out: int, **details: Any) -> Usage:
    return Usage(
        input=InputUsage(total=tokens_in, **details),
        output=OutputUsage(total=tokens_out),
        source="measured",
    )
