"""`fmsdk tco`: what a request costs on hardware that is owned or rented, beside an API's price."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from fmsdk import pricing
from fmsdk.cli import terminal
from fmsdk.cli.card import price_id_of
from fmsdk.cli.ledger import VARIABLE, read_time
from fmsdk.cli.options import Parser
from fmsdk.errors import BadRequestError
from fmsdk.files import expand_home
from fmsdk.ledger.reader import Filter, SqliteReader
from fmsdk.request import split_model
from fmsdk.tco.adaptation import Adaptation
from fmsdk.tco.comparison import Alternative, Comparison, Workload, compare
from fmsdk.tco.figures import to_decimal
from fmsdk.tco.hardware import Hardware, OwnedHardware, RentedHardware
from fmsdk.tco.report import describe_move, describe_verdict, format_share, render_report
from fmsdk.tco.traffic import Traffic, read_traffic
from fmsdk.usage import InputUsage, OutputUsage, Usage, format_dollars

__all__ = ["create_parser", "run_command"]

_EXAMPLES = """\
examples:
  fmsdk tco --rent 2.50 --hours-per-month 730 --requests-per-second 6 \\
    --device-seconds 0.04 --input-tokens 800 --output-tokens 200 --api openai:gpt-6.1-sol
  fmsdk tco plan.toml --html report.html
  fmsdk tco --ledger fmsdk.db -m "openai:*" --since 30d --rent 2.50 \
    --hours-per-month 730 --tokens-per-second 2500

plan.toml has the same names:
  price = 250000
  years = 5
  hours_per_month = 730
  kilowatts = 5.6
  api = ["openai:gpt-6.1-sol"]
"""
_GROUPS = {
    "bought hardware": {
        "price": "dollars for one piece",
        "years": "how long it is used",
        "residual": "share of the price that selling it brings in the end",
        "kilowatts": "power of one piece at work",
        "idle_kilowatts": "power of one piece that waits; without it, as at work",
        "pue": "power of the data centre ÷ that of its computers",
        "price_per_kwh": "dollars for a kilowatt-hour",
        "maintenance": "share of the price, a year",
        "hosting": "dollars a month",
        "staff": "dollars a month",
        "licences": "dollars a year",
    },
    "rented hardware": {"rent": "dollars an hour for one piece"},
    "any hardware": {
        "count": "pieces",
        "hours_per_month": "paid hours in a month: 730 is always on",
    },
    "work": {
        "requests_per_second": "over all paid hours",
        "requests_per_month": "instead",
        "device_seconds": "in which all of the hardware works for a request",
        "tokens_per_second": "instead: tokens of answers at full load",
        "input_tokens": "of a request",
        "output_tokens": "of its answer",
        "load_seconds": "of loading the model",
        "requests_per_load": "between two loadings",
    },
    "adaptation": {
        "gpu_hours": "of the training that gave the model",
        "gpu_price": "dollars for one of them",
        "failed_hours": "of runs that were thrown away",
        "evaluation_hours": "to judge the results",
        "data": "dollars for the data",
        "adapted_requests": "that the adapted model answers in its life",
    },
    "other": {
        "api_price": "dollars that the API takes for a request, where no list has its price",
        "carbon": "kilograms of CO₂ equivalent for a kilowatt-hour",
    },
}
_NAMES = {name for group in _GROUPS.values() for name in group}
_OWNED = ("price", "years", "residual", "kilowatts", "idle_kilowatts", "pue", "price_per_kwh",
          "maintenance", "hosting", "staff", "licences")  # fmt: skip
_INSTEAD = (("requests_per_second", "requests_per_month"), ("device_seconds", "tokens_per_second"))
"""Names of which one stands in the place of the other."""


def create_parser() -> Parser:
    """The options of `fmsdk tco`."""
    parser = Parser(
        prog="fmsdk tco",
        usage="fmsdk tco [plan.toml] [options]",
        description="Rent the API, or own the hardware? What a request costs either way, when a "
        "purchase is paid back, and what moves the answer. All amounts are US dollars.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("plan", nargs="?", help="a TOML file with the same names; options override")
    for title, names in _GROUPS.items():
        group = parser.add_argument_group(title)
        for name, text in names.items():
            group.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=text)
    parser.add_argument(
        "--api",
        action="append",
        metavar="MODEL",
        help="a hosted model to compare with, by its list price; may be repeated",
    )
    group = parser.add_argument_group("traffic of a ledger, in the place of your own figures")
    group.add_argument("--ledger", metavar="FILE", help=f"the ledger; {VARIABLE} where it is empty")
    group.add_argument("-m", "--model", metavar="NAME", help="calls of these models: openai:*")
    group.add_argument("--since", metavar="TIME", help="2026-11-29, today, 12h, 7d")
    group.add_argument("--until", metavar="TIME", help="as --since")
    parser.add_argument("--html", metavar="FILE", help="write a page with charts")
    parser.add_argument("--json", action="store_true", help="one JSON object with every digit")
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Compare, and print the figures, or write them to a page."""
    figures = _read_figures(args)
    unused = [name for name in ("model", "since", "until") if getattr(args, name) is not None]
    if unused and args.ledger is None:
        raise BadRequestError(f"--{unused[0]} chooses calls of a ledger: pass --ledger, too")
    traffic = None if args.ledger is None else _read_ledger(args)
    if traffic is not None:
        figures = _override(_figures_of(traffic), figures)
    comparison = compare(
        _hardware(figures),
        _workload(figures),
        _alternatives(figures, traffic, args.model),
        hours_per_month=figures.get("hours_per_month"),
        adaptation=_adaptation(figures),
        kilograms_per_kwh=figures.get("carbon"),
    )
    if args.html is not None:
        page = render_report(comparison)
        try:
            Path(expand_home(args.html)).write_text(page, "utf-8")
        except OSError as error:
            raise BadRequestError(f"--html: cannot write {args.html}: {error.strerror}") from error
    if args.json:
        terminal.print_json(comparison.to_dict())
    elif args.html is None:
        _print_comparison(comparison)
    else:
        terminal.print_note(f"wrote {args.html}")
    return 0


def _read_figures(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of the plan, and those of the options, which override them."""
    figures: dict[str, Any] = {}
    if args.plan is not None:
        try:
            text = Path(expand_home(args.plan)).read_text("utf-8")
            figures = tomllib.loads(text, parse_float=Decimal)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise BadRequestError(f"cannot read {args.plan}: {why}") from error
        except tomllib.TOMLDecodeError as error:
            raise BadRequestError(f"{args.plan} is not TOML: {error}") from error
        unknown = sorted(figures.keys() - _NAMES - {"api"})
        if unknown:
            raise BadRequestError(
                f"{args.plan} has the unknown name {unknown[0]!r}; fmsdk tco --help lists them, "
                "with _ for -"
            )
    options = {name: getattr(args, name) for name in (*_NAMES, "api")}
    options = {name: value for name, value in options.items() if value is not None}
    return _override(_override({}, figures), options)


def _override(figures: dict[str, Any], stronger: dict[str, Any]) -> dict[str, Any]:
    """The figures with those that override them, and that stand in the place of others."""
    for names in _INSTEAD:
        present = [name for name in names if name in stronger]
        if len(present) == len(names):
            one, other = (f"--{name.replace('_', '-')}" for name in names)
            raise BadRequestError(f"{one} and {other} say the same thing: give one of them")
        if present:
            figures = {name: value for name, value in figures.items() if name not in names}
    return figures | stronger


def _read_ledger(args: argparse.Namespace) -> Traffic:
    path = args.ledger or os.environ.get(VARIABLE)
    if not path:
        raise BadRequestError(f"which ledger? pass --ledger fmsdk.db, or set {VARIABLE}")
    now = datetime.now(UTC)
    where = Filter(
        since=read_time("--since", args.since, now),
        until=read_time("--until", args.until, now, is_end=True),
        model=args.model,
    )
    with SqliteReader(path) as reader:
        return read_traffic(reader, where, now=now)


def _figures_of(traffic: Traffic) -> dict[str, Any]:
    """The traffic by the names of the options."""
    figures: dict[str, Any] = {
        "requests_per_second": traffic.requests_per_second,
        "input_tokens": traffic.input_tokens,
        "output_tokens": traffic.output_tokens,
        "source": traffic.source,
    }
    if traffic.device_seconds is not None:
        figures["device_seconds"] = traffic.device_seconds
    if traffic.load_seconds:
        figures["load_seconds"] = traffic.load_seconds / traffic.calls
    return figures


def _take(figures: dict[str, Any], name: str, why: str) -> Any:
    if name not in figures:
        raise BadRequestError(f"--{name.replace('_', '-')} is missing: {why}")
    return figures[name]


def _hardware(figures: dict[str, Any]) -> Hardware:
    count = figures.get("count", 1)
    if "rent" in figures:
        if "price" in figures:
            raise BadRequestError("hardware is bought (--price) or rented (--rent), not both")
        if bought := [name for name in _OWNED if name in figures]:
            option = bought[0].replace("_", "-")
            raise BadRequestError(f"--{option} is of bought hardware; --rent covers everything")
        return RentedHardware(price_per_hour=_decimal("rent", figures["rent"]), count=count)
    if "price" not in figures:
        raise BadRequestError(
            "what does the hardware cost? --price and --years for what is bought, --rent for what "
            "is rented by the hour"
        )
    _take(figures, "years", "how long is the hardware used?")
    _take(figures, "hours_per_month", "730 is always on")
    own = {name: figures[name] for name in (*_OWNED, "hours_per_month") if name in figures}
    return OwnedHardware(count=count, **own)


def _workload(figures: dict[str, Any]) -> Workload:
    seconds = figures.get("device_seconds")
    if seconds is None and "tokens_per_second" in figures:
        tokens = _take(figures, "output_tokens", "how long is an answer?")
        seconds = _decimal("output_tokens", tokens) / _decimal(
            "tokens_per_second", figures["tokens_per_second"]
        )
    if seconds is None:
        raise BadRequestError(
            "how much work is a request? --device-seconds, or --tokens-per-second at full load"
        )
    rate = figures.get("requests_per_second")
    if rate is None:
        monthly = _take(figures, "requests_per_month", "or --requests-per-second")
        hours = _take(figures, "hours_per_month", "730 is always on")
        rate = _decimal("requests_per_month", monthly) / (_decimal("hours_per_month", hours) * 3600)
    names = ("input_tokens", "output_tokens", "load_seconds", "requests_per_load", "source")
    more = {name: figures[name] for name in names if name in figures}
    return Workload(requests_per_second=rate, device_seconds=seconds, **more)


def _decimal(name: str, value: Any) -> Decimal:
    return to_decimal(name, value, is_open=True)


def _alternatives(
    figures: dict[str, Any], traffic: Traffic | None, model: str | None
) -> list[Alternative]:
    if traffic is not None and traffic.device_seconds is None and traffic.cost_per_request:
        paid = Alternative(
            name=model or "what you paid",
            price_per_request=traffic.cost_per_request,
            source=traffic.source,
        )
        return [paid, *_alternatives(figures, None, None)]
    names: object = figures.get("api", [])
    if not isinstance(names, (str, list)):
        raise BadRequestError(f"api is a model's name, or a list of names, not {names!r}")
    names = [names] if isinstance(names, str) else cast("list[str]", names)
    if "api_price" in figures:
        name = names[0] if names else "the API"
        return [Alternative(name=name, price_per_request=figures["api_price"])]
    alternatives: list[Alternative] = []
    for name in names:
        provider, model = split_model(name)
        tokens = {
            key: round(to_decimal(key, _take(figures, key, f"{name} is paid by the token")))
            for key in ("input_tokens", "output_tokens")
        }
        usage = Usage(
            input=InputUsage(total=tokens["input_tokens"]),
            output=OutputUsage(total=tokens["output_tokens"]),
            source="estimated",
        )
        cost = pricing.price(price_id_of(provider), model, usage)
        if cost is None:
            raise BadRequestError(f"no price is known for {name}: give it with --api-price")
        alternatives.append(
            Alternative(name=name, price_per_request=cost.total, source=cost.price_source)
        )
    return alternatives


def _adaptation(figures: dict[str, Any]) -> Adaptation | None:
    names = _GROUPS["adaptation"].keys()
    if not any(name in figures for name in names):
        return None
    more = ("failed_hours", "evaluation_hours", "data")
    return Adaptation(
        gpu_hours=figures.get("gpu_hours", 0),
        price_per_hour=_take(figures, "gpu_price", "what does a GPU hour cost?"),
        requests=_take(figures, "adapted_requests", "over how many requests is it spread?"),
        **{name: figures[name] for name in more if name in figures},
    )


def _print_comparison(comparison: Comparison) -> None:
    cost = comparison.request
    rows = [
        ("utilisation", format_share(comparison.utilisation)),
        ("hardware a month", format_dollars(comparison.per_month)),
        ("requests a month", f"{comparison.requests_per_month:,.0f}"),
        ("a request", format_dollars(cost.total)),
    ]
    parts = ("work", "idle", "load", "adaptation")
    rows += [
        (f"  {name}", format_dollars(getattr(cost, name))) for name in parts if getattr(cost, name)
    ]
    if comparison.energy_per_request is not None:
        rows.append(("  energy", f"{comparison.energy_per_request * 1000:.3g} Wh"))
    if comparison.carbon_per_request is not None:
        rows.append(("  carbon", f"{comparison.carbon_per_request * 1000:.3g} g CO₂e"))
    for verdict in comparison.verdicts:
        name = verdict.alternative.name
        price = Decimal(verdict.alternative.price_per_request)
        rows.append(
            (f"{name}", f"{format_dollars(price)}, a month {format_dollars(verdict.per_month)}")
        )
    width = max(len(name) for name, _ in rows)
    for row in rows:
        terminal.print_row(row, (width,))
    for verdict in comparison.verdicts:
        print()
        text = describe_verdict(comparison, verdict)
        print(terminal.wrap_lines(text, terminal.width_of(sys.stdout), 0))
        for move in verdict.moves:
            low, high = describe_move(move)
            text = f"paid back with {move.name} 30% lower: {low}; 30% higher: {high}"
            print(terminal.wrap_lines(text, terminal.width_of(sys.stdout), 2))
