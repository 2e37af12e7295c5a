"""`fmsdk quote`: what a question would cost at one or several models, before it is sent."""

from __future__ import annotations

import argparse
from typing import Any

from fmsdk.cli import inputs, terminal
from fmsdk.cli.account import dollars
from fmsdk.cli.defaults import VARIABLE, chosen_model
from fmsdk.cli.failures import FAILED, report
from fmsdk.cli.options import Parser, add_question, add_settings, settings_of
from fmsdk.cli.records import plain_record
from fmsdk.client import Client
from fmsdk.errors import FmsdkError
from fmsdk.quoting.quote import Quote

__all__ = ["parser", "run"]

_EXAMPLES = """\
examples:
  fmsdk quote "Explain entropy." -m openai:gpt-5.6-sol -m anthropic:claude-sonnet-5-5
  fmsdk quote "Summarise this." report.txt -m openai:gpt-5.6-sol --max-output-tokens 300
"""


def parser() -> Parser:
    """The options of `fmsdk quote`."""
    made = Parser(
        prog="fmsdk quote",
        usage='fmsdk quote "question" [file …] [-m MODEL …] [options]',
        description="What a question would use and cost, estimated without network.",
        epilog=_EXAMPLES,
    )
    add_question(made)
    made.add_argument(
        "-m",
        "--model",
        action="append",
        help=f'"provider:model", as often as you like; without it {VARIABLE}, else a demo model',
    )
    add_settings(made)
    made.add_argument("--json", action="store_true", help="one JSON object for each model")
    return made


def run(args: argparse.Namespace) -> int:
    """A line for each model; one that cannot be quoted does not keep the others from theirs."""
    parts = inputs.question(args)
    settings = settings_of(args)
    names = args.model or [chosen_model(None, inputs.kinds_of(parts), quiet=args.json)]
    width = max(map(len, names))
    warned: dict[str, None] = {}
    code = 0
    with Client() as client:
        for name in names:
            try:
                quote = client.quote(name, parts, **settings)
            except FmsdkError as error:
                report(error, as_json=args.json)
                code = FAILED
                continue
            if args.json:
                terminal.print_json(_record(name, quote))
            else:
                print(f"{name:{width}}  {_line(quote)}", flush=True)
                # The same for every model, mostly: once is enough.
                warned.update((warning.message, None) for warning in quote.warnings)
    if not args.json:
        for message in warned:
            terminal.note(f"fmsdk: warning: {message}")
    return code


def _line(quote: Quote) -> str:
    told = f"~{quote.input_tokens.expected} tokens in, ~{quote.output_tokens.expected} out"
    if quote.cost is None:
        return f"{told} · cost unknown"
    cost, ceiling = quote.cost, quote.ceiling
    told += f" · ~{dollars(cost.expected)} ({dollars(cost.low)} to {dollars(cost.high)})"
    return told if ceiling is None else f"{told}, at most {dollars(ceiling)}"


def _record(name: str, quote: Quote) -> dict[str, Any]:
    return {"name": name, **plain_record(quote)}
