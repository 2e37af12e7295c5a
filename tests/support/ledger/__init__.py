"""What tests of the ledger share: records to write, and a look into the file."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fmsdk
from fmsdk.budget import Reservation
from fmsdk.ledger import CallRecord
from fmsdk.testing import FakeProvider
from fmsdk.usage import Cost, CostLine, InputUsage, Latency, OutputUsage, Usage, UsageSource

__all__ = ["MODEL", "create_bill", "create_call", "create_reservation", "priced_client", "query"]

MODEL = "fake:gpt-4o"
_numbers = itertools.count()


def create_reservation(
    amount: str, *, model: str = "openai:gpt-6", tags: tuple[tuple[str, str], ...] = (),
    when: datetime | None = None,
) -> Reservation:  # fmt: skip
    number = f"{os.getpid()}-{time.time_ns()}-{next(_numbers)}"
    return Reservation(
        id=f"r-{number}",
        call_id=f"c-{number}",
        time=when or datetime.now(UTC),
        model=model,
        tags=tags,
        amount=Decimal(amount),
    )


def create_bill(amount: str, source: UsageSource = "measured") -> Cost:
    total = Decimal(amount)
    line = CostLine(
        kind="output", quantity=Decimal(1), unit="token", unit_price=total, amount=total
    )
    return Cost(total=total, lines=(line,), price_source="a price list", source=source)


def create_call(call_id: str, cost: str | None = "0.00005", **fields: Any) -> CallRecord:
    total = None if cost is None else Decimal(cost)
    values: dict[str, Any] = {
        "time": datetime.now(UTC),
        "verb": "generate",
        "provider": "openai",
        "model": "gpt-6",
        "tags": (),
        "outcome": "ok",
        "attempts": 1,
        "seconds": 0.5,
        "finish": "stop",
        "usage": Usage(input=InputUsage(total=20), output=OutputUsage(total=5), source="measured"),
        "cost": total,
        "last_cost": None if cost is None else create_bill(cost),
        "unpriced_attempts": 0 if total is not None else 1,
        "latency": Latency(total=0.5),
        **fields,
    }
    return CallRecord(call_id=call_id, **values)


def priced_client(replies: Any = (), *, delay: float = 0.0, **settings: Any) -> fmsdk.Client:
    """A client whose provider "fake" gives the replies, at the prices of OpenAI."""
    provider = FakeProvider(replies, price_id="openai", delay=delay)
    return fmsdk.Client(providers={"fake": provider}, **settings)


def query(path: object, sql: str, *values: object) -> list[Any]:
    """The rows of a query, through a connection of its own."""
    with closing(sqlite3.connect(str(path))) as connection:
        return connection.execute(sql, values).fetchall()
