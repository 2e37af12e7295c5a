"""`fmsdk ledger`: what calls cost, how long they took, and what may have been billed."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fmsdk.cli import terminal
from fmsdk.cli.options import Parser
from fmsdk.cli.tables import print_table
from fmsdk.errors import BadRequestError, LedgerError
from fmsdk.files import expand_home
from fmsdk.ledger.export import export
from fmsdk.ledger.reader import Filter, SqliteReader
from fmsdk.ledger.repricing import reprice
from fmsdk.ledger.summary import Group, Percentiles, compare_quotes, read_keys, summarize
from fmsdk.usage import format_dollars
from fmsdk.validation import check_amount

__all__ = ["create_parser", "run_command"]

VARIABLE = "FMSDK_LEDGER"
_EXAMPLES = """\
examples:
  fmsdk ledger --since 7d
  fmsdk ledger --by day --by tag:team --model "openai:*"
  fmsdk ledger latency --since today
  fmsdk ledger quotes
  fmsdk ledger reprice openai:gpt-5.6-luna --since 2026-11-01 --until 2026-11-30
  fmsdk ledger settle
  fmsdk ledger settle all 0
  fmsdk ledger export calls.parquet
  fmsdk ledger html costs.html
"""
_SPANS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAY = timedelta(days=1)


def create_parser() -> Parser:
    """The options of `fmsdk ledger`."""
    parser = Parser(
        prog="fmsdk ledger",
        usage="fmsdk ledger [summary|latency|quotes|reprice|settle|export|html] [name …] [options]",
        description="What the calls in a ledger cost and how long they took (summary, latency); "
        "how far quotes were from bills (quotes); what they would have cost with other models "
        "(reprice MODEL …); what may have been billed (settle [ID|all AMOUNT|reserved]); all rows "
        "as CSV, JSON, JSON lines or Parquet (export FILE); a page with charts (html FILE).",
        epilog=_EXAMPLES,
    )
    parser.add_argument("action", nargs="?", choices=tuple(_ACTIONS), default="summary")
    parser.add_argument("names", nargs="*", metavar="name", help="models, a file, or an id")
    parser.add_argument("--ledger", metavar="FILE", help=f"the ledger; without it {VARIABLE}")
    parser.add_argument(
        "--by",
        action="append",
        metavar="WHAT",
        help="model (the default), provider, verb, hour, day, month or tag:NAME; may be repeated",
    )
    parser.add_argument(
        "--since", metavar="TIME", help="2026-11-29, 2026-11-29T14:30, today, yesterday, 12h, 7d"
    )
    parser.add_argument("--until", metavar="TIME", help="as --since; a day is included")
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="only these models; * stands for any text: openai:*"
    )
    parser.add_argument("--tag", metavar="NAME[=VALUE]", help="only calls with this tag")
    parser.add_argument(
        "--table", choices=("calls", "attempts", "spending"), default="calls", help="for export"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of columns")
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Do what `action` says."""
    path = args.ledger or os.environ.get(VARIABLE)
    if not path:
        raise BadRequestError(f"which ledger? pass --ledger fmsdk.db, or set {VARIABLE}")
    tag = None
    if args.tag is not None:
        name, equals, value = args.tag.partition("=")
        tag = (name, value if equals else None)
    now = datetime.now(UTC)
    where = Filter(
        since=read_time("--since", args.since, now),
        until=read_time("--until", args.until, now, is_end=True),
        model=args.model,
        tag=tag,
    )
    with SqliteReader(path) as reader:
        _ACTIONS[args.action](reader, where, args)
    return 0


def read_time(
    option: str, text: str | None, now: datetime, *, is_end: bool = False
) -> datetime | None:
    """The time that an option names, in UTC unless it says otherwise.

    Args:
        is_end: a day means its end.

    Raises:
        BadRequestError: not a time.
    """
    if text is None:
        return None
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": midnight, "yesterday": midnight - _DAY}
    try:
        if match := re.fullmatch(r"(\d+)([mhdw])", text):
            return now - timedelta(**{_SPANS[match[2]]: int(match[1])})
        time = days.get(text) or datetime.fromisoformat(text)
        if is_end and (text in days or len(text) <= len("2026-11-29")):
            time += _DAY
    except (ValueError, OverflowError) as error:
        raise BadRequestError(
            f"{option} is a time such as 2026-11-29, 2026-11-29T14:30, today, 12h or 7d, "
            f"not {text!r}"
        ) from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _print_summary(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    by = _keys(args)
    groups, totals = summarize(reader, by, where), summarize(reader, (), where)
    total = totals[0] if totals else Group(key=())
    if args.json:
        records = [group.to_dict() for group in groups]
        terminal.print_json({"by": list(by), "groups": records, "total": total.to_dict()})
        return
    if not groups:
        terminal.print_note("fmsdk: no calls match")
        return
    header = (", ".join(by), "calls", "tokens in", "out", "cost", "p50", "p99")
    rows_by_name = [(_name(group), group) for group in groups]
    if len(groups) > 1:
        rows_by_name.append(("total", total))
    print_table(
        header,
        [
            (
                name,
                f"{group.calls:,}",
                f"{group.input_tokens:,}",
                f"{group.output_tokens:,}",
                format_dollars(group.cost),
                *_percentiles(group.seconds, "p50", "p99"),
            )
            for name, group in rows_by_name
        ],
    )
    doubts = {
        "calls that ended in an error": f"{total.errors:,}" if total.errors else "",
        "attempts of unknown cost, which is not included": (
            f"{total.unknown_costs:,}" if total.unknown_costs else ""
        ),
        "of the cost, estimated": format_dollars(total.estimated_cost)
        if total.estimated_cost
        else "",
        "maybe billed in addition (fmsdk ledger settle)": (
            f"up to {format_dollars(total.maybe_billed)}" if total.maybe_billed else ""
        ),
    }
    for what, amount in doubts.items():
        if amount:
            print(terminal.wrap_lines(f"{what}: {amount}", terminal.width_of(sys.stdout), 2))


def _print_latency(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    by = _keys(args)
    groups = [group for group in summarize(reader, by, where) if group.seconds]
    if args.json:
        records = [
            {
                "key": list(group.key),
                **{name: group.to_dict()[name] for name in ("seconds", "time_to_first_token")},
            }
            for group in groups
        ]
        terminal.print_json({"by": list(by), "groups": records})
        return
    if not groups:
        terminal.print_note("fmsdk: no answers match")
        return
    header = (", ".join(by), "answers", "p50", "p90", "p99", "first token p50", "p90", "p99")
    names = ("p50", "p90", "p99")
    print_table(
        header,
        [
            (
                _name(group),
                f"{group.seconds.count:,}" if group.seconds else "",
                *_percentiles(group.seconds, *names),
                *_percentiles(group.time_to_first_token, *names),
            )
            for group in groups
        ],
    )


def _print_quotes(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    by = _keys(args)
    groups = compare_quotes(reader, by, where)
    if args.json:
        terminal.print_json({"by": list(by), "groups": [group.to_dict() for group in groups]})
        return
    if not groups:
        terminal.print_note("fmsdk: no answers with a quote and a measured bill match")
        return
    print_table(
        (
            ", ".join(by),
            "quotes",
            "quoted",
            "billed",
            "median error",
            "±3%",
            "±10%",
            "over ceiling",
        ),
        [
            (
                ", ".join(group.key),
                f"{group.count:,}",
                format_dollars(group.quoted_cost),
                format_dollars(group.billed_cost),
                f"{group.median:+.1%}",
                f"{group.within_3:.0%}",
                f"{group.within_10:.0%}",
                f"{group.above_ceiling:,}",
            )
            for group in groups
        ],
    )


def _print_repricing(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    if not args.names:
        raise BadRequestError(
            "with which model? fmsdk ledger reprice openai:gpt-5.6-luna, for instance; "
            "--model chooses the calls"
        )
    results = [reprice(reader, name, where) for name in args.names]
    if args.json:
        for result in results:
            terminal.print_json(result.to_dict())
        return
    rows: list[tuple[str, ...]] = []
    for result in results:
        change = "" if not result.cost else f"{result.new_cost / result.cost - 1:+.0%}"
        cost, new_cost = format_dollars(result.cost), format_dollars(result.new_cost)
        if not result.priced_attempts:
            cost = new_cost = "unknown"
        rows.append((result.model, f"{result.priced_attempts:,}", cost, new_cost, change))
    print_table(("model", "attempts", "cost", "would have cost", "change"), rows)
    for result in results:
        if result.unpriced_attempts:
            note = (
                f"{result.model}, attempts left out: {result.unpriced_attempts:,}. They used what "
                "has no price there, such as another vendor's media tokens, or their own cost "
                "is unknown"
            )
            print(terminal.wrap_lines(note, terminal.width_of(sys.stdout), 2))


def _settle(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    """List open reservations, or settle those that are named."""
    candidates = reader.open_reservations(where)
    if not args.names:
        records = [
            {
                "id": one.reservation.id,
                "time": one.reservation.time.isoformat(),
                "model": one.reservation.model,
                "tags": dict(one.reservation.tags),
                "reserved": f"{one.reservation.amount:f}",
                "reason": one.reason,
            }
            for one in candidates
        ]
        if args.json:
            terminal.print_json({"open": records})
            return
        if not candidates:
            print("nothing is open")
        for one in candidates:
            money, time = format_dollars(one.reservation.amount), one.reservation.time
            why = one.reason or "it still runs, or its process ended"
            text = f"{money} {one.reservation.model} {time:%Y-%m-%d %H:%M:%S} UTC: {why}"
            terminal.print_row((one.reservation.id, text), (len(one.reservation.id),))
        return
    if len(args.names) != 2:
        raise BadRequestError(
            "fmsdk ledger settle ID 0.02 settles one attempt, fmsdk ledger settle all 0 (or: all "
            "reserved) settles each"
        )
    chosen, text = args.names
    amount = None if text == "reserved" else check_amount("the amount", text)
    # Of "all", another may still run: its bill would come after its money was given away.
    old = datetime.now(UTC) - _DAY
    reservations = [
        one.reservation
        for one in candidates
        if one.reservation.id == chosen
        or (chosen == "all" and (one.reason or one.reservation.time < old))
    ]
    if chosen != "all" and not reservations:
        raise BadRequestError(f"no open reservation has the id {chosen!r}: fmsdk ledger settle")
    reader.settle(reservations, amount)
    if args.json:
        terminal.print_json({"settled": [one.id for one in reservations]})
    else:
        print(f"attempts settled: {len(reservations):,}")


def _export(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    name = _file_name(args, "fmsdk ledger export calls.csv")
    count = export(reader, name, args.table, where)
    if args.json:
        terminal.print_json({"path": name, "table": args.table, "rows": count})
    else:
        print(f"{count:,} rows of {args.table} are in {name}")


def _write_page(reader: SqliteReader, where: Filter, args: argparse.Namespace) -> None:
    from fmsdk.ledger.report import render_report

    name = _file_name(args, "fmsdk ledger html costs.html")
    page = render_report(reader, where)
    try:
        Path(expand_home(name)).write_text(page, "utf-8")
    except OSError as error:
        raise LedgerError(f"cannot write {name}: {error.strerror}") from error
    if args.json:
        terminal.print_json({"path": name})
    else:
        print(f"the page is {name}")


def _file_name(args: argparse.Namespace, example: str) -> str:
    if len(args.names) != 1:
        raise BadRequestError(f"which file? {example}, for instance")
    return args.names[0]


def _keys(args: argparse.Namespace) -> tuple[str, ...]:
    if args.names:
        raise BadRequestError(
            f"fmsdk ledger {args.action} takes options only, not {args.names[0]!r}"
        )
    return read_keys(args.by or ["model"])


def _name(group: Group) -> str:
    return ", ".join(group.key)


def _percentiles(figures: Percentiles | None, *names: str) -> list[str]:
    if figures is None:
        return [""] * len(names)
    return [f"{getattr(figures, name):.2f} s" for name in names]


_ACTIONS: dict[str, Callable[[SqliteReader, Filter, Any], None]] = {
    "summary": _print_summary,
    "latency": _print_latency,
    "quotes": _print_quotes,
    "reprice": _print_repricing,
    "settle": _settle,
    "export": _export,
    "html": _write_page,
}
