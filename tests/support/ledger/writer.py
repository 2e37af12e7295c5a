"""A process that writes to a ledger until it is killed, and says what is committed.

    python -m tests.support.ledger.writer FILE NAME

Each line of its output is the id of a call whose rows, reservation and bill are in the file.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from decimal import Decimal

from fmsdk.budget import Budget, Reservation
from fmsdk.ledger import AttemptRecord, SqliteLedger
from fmsdk.usage import Attempt
from tests.support.ledger import create_call

AMOUNT, BILL = Decimal("0.01"), Decimal("0.003")


async def _write(path: str, name: str) -> None:
    ledger, budgets = SqliteLedger(path), [Budget("1000000")]
    number = 0
    while True:
        calls: list[str] = []
        for _ in range(5):
            number += 1
            call_id = f"{name}-{number}"
            now = datetime.now(UTC)
            reservation = Reservation(
                id=call_id, call_id=call_id, time=now, model="openai:gpt-6", tags=(), amount=AMOUNT
            )
            assert await ledger.reserve(reservation, budgets) is None
            print("reserved", call_id, flush=True)
            ledger.settle(reservation, BILL)
            ledger.record_attempt(
                AttemptRecord(
                    call_id=call_id,
                    number=1,
                    time=now,
                    verb="generate",
                    provider="openai",
                    model="gpt-6",
                    tags=(),
                    attempt=Attempt(0.1),
                )
            )
            ledger.record_call(create_call(call_id))
            calls.append(call_id)
        await ledger.flush()
        for call_id in calls:
            print("written", call_id, flush=True)


if __name__ == "__main__":
    asyncio.run(_write(*sys.argv[1:]))
