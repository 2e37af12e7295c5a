"""`fmsdk ask`: one question, its answer as it arrives, and what it used and cost."""

from __future__ import annotations

import argparse
import json
from typing import Any, get_args

from fmsdk.cli import inputs, terminal
from fmsdk.cli.account import describe_result
from fmsdk.cli.defaults import VARIABLE, choose_model, create_client
from fmsdk.cli.failures import EXIT_FAILURE, EXIT_INTERRUPT, report_error
from fmsdk.cli.options import Parser, add_question, add_settings, read_settings
from fmsdk.cli.records import response_record
from fmsdk.content import Part
from fmsdk.errors import FmsdkError
from fmsdk.request import ReasoningEffort
from fmsdk.response import Response, TextDelta

__all__ = ["create_parser", "run_command"]

_EXAMPLES = """\
examples:
  fmsdk ask "What is the capital of France?"
  fmsdk ask "What shape is this?" picture.png
  fmsdk ask "Summarise this." report.pdf notes.txt -m openai:gpt-5.6-sol
  cat error.log | fmsdk ask "What went wrong?" --max-output-tokens 200
"""


def create_parser() -> Parser:
    """The options of `fmsdk ask`."""
    parser = Parser(
        prog="fmsdk ask",
        usage='fmsdk ask "question" [file …] [-m MODEL] [options]',
        description="Ask a model. The answer goes to standard output as it arrives; one line "
        "of tokens, latency and cost goes to standard error.",
        epilog=_EXAMPLES,
    )
    add_question(parser)
    parser.add_argument(
        "-m",
        "--model",
        help=f'"provider:model"; without it {VARIABLE}, else a demo model for the input',
    )
    add_settings(parser)
    parser.add_argument("--temperature", type=float, metavar="T", help="0 is the least random")
    parser.add_argument("--seed", type=int, metavar="N", help="same seed, same answer")
    parser.add_argument(
        "--reasoning", choices=get_args(ReasoningEffort), metavar="EFFORT", help="none … max"
    )
    parser.add_argument(
        "--max-cost", metavar="USD", help="what the answer may cost; a dearer one is not asked for"
    )
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds for the whole call")
    parser.add_argument(
        "--lenient", action="store_true", help="drop unsupported settings, with a warning"
    )
    parser.add_argument(
        "--allow-retired",
        action="store_true",
        help="ask even a model that its vendor has switched off",
    )
    parser.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object: answer, usage, latency and cost"
    )
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Ask, and print the answer and its account: also what arrived before an error or Ctrl-C."""
    parts = inputs.read_question(args)
    names = ("temperature", "seed", "reasoning", "max_cost", "timeout", "lenient", "allow_retired")
    settings = read_settings(args, *names)
    model = choose_model(args.model, inputs.modalities_of(parts), quiet=args.json)
    writer = terminal.AnswerWriter()
    try:
        response, was_interrupted = _generate_response(model, parts, settings, args, writer)
        _print_response(response, args, writer, was_interrupted=was_interrupted)
    except FmsdkError as error:
        partial: Response[Any] | None = error.partial
        if partial is not None and not _is_live(args) and not args.json:
            writer.write(partial.text or partial.refusal or "")
        writer.end_line()
        report_error(error, as_json=args.json)
        if partial is not None and not args.json:
            terminal.print_note(describe_result(partial))
        return EXIT_FAILURE
    finally:
        writer.end_line()
    return EXIT_INTERRUPT if was_interrupted else 0


def _generate_response(
    model: str,
    parts: list[Part],
    settings: dict[str, Any],
    args: argparse.Namespace,
    writer: terminal.AnswerWriter,
) -> tuple[Response[Any], bool]:
    """The response, and whether Ctrl-C interrupted it."""
    with terminal.ProgressBar(model, transient=True) as progress, create_client(progress) as client:
        progress("waiting", None, None)
        if args.no_stream:
            return client.generate(model, parts, **settings), False
        stream = client.stream(model, parts, **settings)
        try:
            with stream:
                for event in stream:
                    progress.clear()
                    if isinstance(event, TextDelta) and _is_live(args):
                        writer.write(event.text)
        except KeyboardInterrupt:
            return stream.response, True
        return stream.response, False


def _is_live(args: argparse.Namespace) -> bool:
    """Whether text is shown as it arrives. JSON is checked and laid out once it is complete."""
    return not (args.json or args.schema or args.no_stream)


def _print_response(
    response: Response[Any],
    args: argparse.Namespace,
    writer: terminal.AnswerWriter,
    *,
    was_interrupted: bool,
) -> None:
    if args.json:
        terminal.print_json(response_record(response, with_output=not was_interrupted))
        return
    if response.output_type is not None and not was_interrupted:
        writer.write(json.dumps(response.output, indent=2, ensure_ascii=False))
    elif not _is_live(args):
        writer.write(response.text or response.refusal or "")
    writer.end_line()
    for warning in response.warnings:
        terminal.print_note(f"fmsdk: warning: {warning.message}")
    terminal.print_note(describe_result(response, was_interrupted=was_interrupted))
