"""`fmsdk quote`: what a question would cost with one or several models, before it is sent."""

from __future__ import annotations

import argparse
import sys

from fmsdk.cli import inputs, terminal
from fmsdk.cli.defaults import VARIABLE, choose_model
from fmsdk.cli.failures import EXIT_FAILURE, report_error
from fmsdk.cli.options import Parser, add_question, add_settings, read_settings
from fmsdk.errors import FmsdkError
from fmsdk.sync_client import Client

__all__ = ["create_parser", "run_command"]

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
        description="The tokens and cost of a question, estimated without network.",
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
    """Print a line for each model. Others follow one that fails."""
    parts = inputs.read_question(args)
    settings = read_settings(args)
    names = args.model or [choose_model(None, inputs.modalities_of(parts), quiet=args.json)]
    width = max(map(len, names))
    warnings: dict[str, None] = {}
    code = 0
    with Client() as client:
        for name in names:
            try:
                quote = client.quote(name, parts, **settings)
            except FmsdkError as error:
                report_error(error, as_json=args.json)
                code = EXIT_FAILURE
                continue
            if args.json:
                terminal.print_json({"name": name, **quote.to_dict()})
            else:
                terminal.print_row((name, str(quote)), (width,))
                sys.stdout.flush()
                # Most are the same for every model: they are printed once.
                warnings.update((warning.message, None) for warning in quote.warnings)
    if not args.json:
        for message in warnings:
            terminal.print_note(f"fmsdk: warning: {message}")
    return code
