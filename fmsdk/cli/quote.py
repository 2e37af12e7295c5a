"""`fmsdk quote`: what a question would cost with one or several models, before it is sent."""

from __future__ import annotations

import argparse
import sys

from fmsdk.cli import inputs, terminal
from fmsdk.cli.defaults import VARIABLE, choose_model
from fmsdk.cli.failures import EXIT_FAILURE, report_error
from fmsdk.cli.options import Parser, add_question, add_settings, read_settings
from fmsdk.errors import FmsdkError
from fmsdk.quoting.quote import Quote
from fmsdk.sync_client import Client
from fmsdk.usage import format_dollars

__all__ = ["create_parser", "run_command"]

_HEADS = ("model", "tokens in", "out", "cost", "low to high", "at most")
_EXAMPLES = """\
examples:
  fmsdk quote "Explain entropy." -m openai:gpt-5.6-sol -m anthropic:claude-sonnet-5-5
  fmsdk quote "Summarise this." report.txt -m openai:gpt-5.6-sol --max-output-tokens 300
"""


def create_parser() -> Parser:
    """The options of `fmsdk quote`."""
    parser = Parser(
        prog="fmsdk quote",
        usage='fmsdk quote "question" [file …] [-m MODEL …] [options]',
        description="The tokens and cost of a question, estimated without network. Several models "
        "stand side by side, cheapest first.",
        epilog=_EXAMPLES,
    )
    add_question(parser)
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        help=f'"provider:model", may be repeated; without it {VARIABLE}, else a demo model',
    )
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object for each model")
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Print the quotes, cheapest first. A model that cannot be quoted leaves the others."""
    parts = inputs.read_question(args)
    settings = read_settings(args)
    names = args.model or [choose_model(None, inputs.modalities_of(parts), quiet=args.json)]
    quotes: list[tuple[str, Quote]] = []
    code = 0
    with Client() as client:
        for name in names:
            try:
                quotes.append((name, client.quote(name, parts, **settings)))
            except FmsdkError as error:
                report_error(error, as_json=args.json)
                code = EXIT_FAILURE
    # An unknown cost is no low one.
    quotes.sort(key=lambda pair: (not pair[1].cost, pair[1].cost and pair[1].cost.expected))
    if args.json:
        for name, quote in quotes:
            terminal.print_json({"name": name, **quote.to_dict()})
        return code
    _print_quotes(quotes)
    sys.stdout.flush()
    # Most warnings are the same for every model: they are printed once.
    for message in dict.fromkeys(w.message for _, quote in quotes for w in quote.warnings):
        terminal.print_note(f"fmsdk: warning: {message}")
    return code


def _print_quotes(quotes: list[tuple[str, Quote]]) -> None:
    """One quote as a line, several as a table. Where the terminal is too narrow for the table, the
    range is left out, and then each quote is a block."""
    rows = [_HEADS, *(_cells_of(name, quote) for name, quote in quotes)]
    width = terminal.width_of(sys.stdout)
    for columns in (range(6), (0, 1, 2, 3, 5)):
        sizes = [max(len(row[column]) for row in rows) for column in columns]
        if len(quotes) > 1 and (width is None or sum(sizes) + 2 * len(sizes) - 2 <= width):
            for row in rows:
                cells = zip((row[column] for column in columns), sizes, strict=True)
                name, *figures = (
                    f"{cell:{size}}" if column == 0 else f"{cell:>{size}}"
                    for column, (cell, size) in enumerate(cells)
                )
                print("  ".join([name, *figures]).rstrip())
            return
    longest = max((len(name) for name, _ in quotes), default=0)
    for name, quote in quotes:
        terminal.print_row((name, str(quote)), (longest,))


def _cells_of(name: str, quote: Quote) -> tuple[str, ...]:
    tokens = f"{quote.input_tokens.expected:,}"
    answer = f"{quote.output_tokens.expected:,}"
    if quote.cost is None:
        is_timed = any(w.code == "local_cost_unknown_before_run" for w in quote.warnings)
        return (name, tokens, answer, "by time" if is_timed else "unknown", "", "")
    low, expected, high = map(
        format_dollars, (quote.cost.low, quote.cost.expected, quote.cost.high)
    )
    most = "no bound" if quote.ceiling is None else format_dollars(quote.ceiling)
    return (name, tokens, answer, expected, f"{low} to {high}", most)
