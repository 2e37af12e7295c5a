"""What was asked and what it cost: a row for each attempt and each call, and the money that budgets
reserve.

    client = fmsdk.Client(ledger="fmsdk.db")      # or the variable FMSDK_LEDGER

- `records`: what a ledger is told, and the interface of one (`Ledger`)
- `observer`: how a client's calls become records
- `sqlite`: the ledger in a file (`work_queue` and `store`: its thread; `schema`, `rows` and
  `spending`: its tables)

Imported only by clients with a ledger: `import fmsdk` leaves SQLite out.
"""

from __future__ import annotations

from fmsdk.ledger.records import AttemptRecord, CallRecord, Ledger
from fmsdk.ledger.sqlite import SqliteLedger

__all__ = ["AttemptRecord", "CallRecord", "Ledger", "SqliteLedger"]
