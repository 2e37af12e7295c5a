"""What was asked and what it cost: a row for each attempt and each call, and the money that budgets
reserve.

    client = fmsdk.Client(ledger="fmsdk.db")      # or the variable FMSDK_LEDGER

- `records`: what a ledger is told, and the interface of one (`Ledger`)
- `observer`: how a client's calls become records
- `sqlite`: the ledger in a file (`work_queue` and `store`: its thread; `schema`, `rows` and
  `spending`: its tables)
- `reader`: what was written; `summary`, `repricing`, `export` and `report` make something of it

    with SqliteReader("fmsdk.db") as reader:
        for group in summarize(reader, ("day", "tag:team"), Filter(model="openai:*")):
            print(group.key, group.calls, group.cost)

Imported only by clients with a ledger: `import fmsdk` leaves SQLite out.
"""

from __future__ import annotations

from fmsdk.ledger.export import export
from fmsdk.ledger.reader import Filter, LedgerReader, OpenReservation, SqliteReader
from fmsdk.ledger.records import AttemptRecord, CallRecord, Ledger
from fmsdk.ledger.repricing import Repricing, reprice
from fmsdk.ledger.sqlite import SqliteLedger
from fmsdk.ledger.summary import Group, QuoteErrors, compare_quotes, summarize

__all__ = [
    "AttemptRecord",
    "CallRecord",
    "Filter",
    "Group",
    "Ledger",
    "LedgerReader",
    "OpenReservation",
    "QuoteErrors",
    "Repricing",
    "SqliteLedger",
    "SqliteReader",
    "compare_quotes",
    "export",
    "reprice",
    "summarize",
]
