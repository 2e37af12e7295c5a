"""A ledger's rows as a file for other programs: CSV, JSON, JSON lines, Parquet.

Each row has the columns of the file's tables; times are added as text, so that nobody needs to know
that `time_us` is in microseconds. Parquet needs pyarrow (the extra `parquet`).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from fmsdk.errors import BadRequestError, LedgerError, MissingExtra
from fmsdk.files import expand_home
from fmsdk.ledger.reader import EVERYTHING, Filter, SqliteReader, Table
from fmsdk.ledger.schema import to_time

__all__ = ["FORMATS", "export"]

_BATCH = 10_000

Columns = Mapping[str, str]
"""Names, and SQLite's types."""
Rows = Iterator[tuple[Any, ...]]


def export(
    reader: SqliteReader,
    path: str | os.PathLike[str],
    table: Table = "calls",
    where: Filter = EVERYTHING,
) -> int:
    """Write a table's rows to a file, whose ending names the format, and return their number. A
    file that exists is replaced once the new one is whole.

    Raises:
        BadRequestError: an ending that is not in `FORMATS`.
        MissingExtra: Parquet without pyarrow.
        LedgerError: the file cannot be written.
    """
    target = Path(expand_home(os.fspath(path)))
    write = FORMATS.get(target.suffix.lower())
    if write is None:
        raise BadRequestError(
            f"the ending of {target.name} names the format: {', '.join(FORMATS)} are known"
        )
    columns = reader.columns(table)
    place = list(columns).index("time_us")
    names = [*columns]
    names.insert(place, "time")
    count = 0

    def rows() -> Rows:
        nonlocal count
        for row in reader.rows(table, list(columns), where):
            count += 1
            yield (*row[:place], to_time(row[place]).isoformat(), *row[place:])

    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        write(part, {name: columns.get(name, "TEXT") for name in names}, rows())
        part.replace(target)
    except OSError as error:
        raise LedgerError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, columns: Columns, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _write_lines(path: Path, columns: Columns, rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            _write_object(file, columns, row)
            file.write("\n")


def _write_json(path: Path, columns: Columns, rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for row in rows:
            file.write(separator)
            _write_object(file, columns, row)
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def _write_object(file: TextIO, columns: Columns, row: tuple[Any, ...]) -> None:
    record = dict(zip(columns, row, strict=True))
    for name in _JSON_COLUMNS & record.keys():
        if record[name] is not None:
            record[name] = json.loads(record[name])
    json.dump(record, file, ensure_ascii=False)


def _write_parquet(path: Path, columns: Columns, rows: Rows) -> None:
    try:
        import pyarrow as arrow  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.parquet as parquet  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise MissingExtra(
            "Parquet needs pyarrow: pip install 'fmsdk[parquet]'", extra="parquet"
        ) from error
    pa: Any = arrow
    pq: Any = parquet
    types = {"INTEGER": pa.int64(), "REAL": pa.float64()}
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in columns.items()])
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            records = [dict(zip(columns, row, strict=True)) for row in batch]
            writer.write_table(pa.Table.from_pylist(records, schema))


FORMATS: dict[str, Callable[[Path, Columns, Rows], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".jsonl": _write_lines,
    ".parquet": _write_parquet,
}
"""The endings of files that `export` writes."""
_JSON_COLUMNS = frozenset({"tags", "server_tools", "cost_lines", "quote", "request", "answer"})
