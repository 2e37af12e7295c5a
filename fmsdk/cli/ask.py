"""`fmsdk ask`: one question, its answer as it comes, and what it took."""

from __future__ import annotations

import argparse
import json
from typing import Any, get_args

from fmsdk.cli import inputs, terminal
from fmsdk.cli.account import account
from fmsdk.cli.defaults import VARIABLE, chosen_model, client_showing
from fmsdk.cli.failures import FAILED, INTERRUPTED, report
from fmsdk.cli.options import Parser, add_question, add_settings, settings_of
from fmsdk.cli.records import answer_record
from fmsdk.content import Part
from fmsdk.errors import FmsdkError
from fmsdk.request import ReasoningEffort
from fmsdk.response import Response, TextDelta

__all__ = ["parser", "run"]

_EXAMPLES = """\
examples:
  fmsdk ask "What is the capital of France?"
  fmsdk ask "What shape is this?" picture.png
  fmsdk ask "Summarise this." report.pdf notes.txt -m openai:gpt-5.6-sol
  cat error.log | fmsdk ask "What went wrong?" --max-output-tokens 200
"""


def parser() -> Parser:
    """The options of `fmsdk ask`."""
    made = Parser(
        prog="fmsdk ask",
        usage='fmsdk ask "question" [file …] [-m MODEL] [options]',
        description="Ask a model. The answer goes to standard output as it comes; one line of "
        "tokens, latency\nand cost to standard error.",
        epilog=_EXAMPLES,
    )
    add_question(made)
    made.add_argument(
        "-m",
        "--model",
        help=f'"provider:model"; without it {VARIABLE}, else a demo model that takes the input',
    )
    add_settings(made)
    made.add_argument("--temperature", type=float, metavar="T", help="0 is the least random")
    made.add_argument("--seed", type=int, metavar="N", help="same seed, same answer")
    made.add_argument(
        "--reasoning", choices=get_args(ReasoningEffort), metavar="EFFORT", help="none … max"
    )
    made.add_argument("--timeout", type=float, metavar="S", help="seconds for the whole call")
    made.add_argument(
        "--lenient", action="store_true", help="drop what cannot be honoured, with a warning"
    )
    made.add_argument(
        "--allow-retired",
        action="store_true",
        help="ask a model that its vendor has switched off all the same",
    )
    made.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    made.add_argument("--json", action="store_true", help="one JSON object: answer and account")
    return made


def run(args: argparse.Namespace) -> int:
    """Ask, show, account: whatever arrived is shown and accounted, however it ends."""
    parts = inputs.question(args)
    names = ("temperature", "seed", "reasoning", "timeout", "lenient", "allow_retired")
    settings = settings_of(args, *names)
    model = chosen_model(args.model, inputs.kinds_of(parts), quiet=args.json)
    screen = terminal.Answer()
    try:
        answer, interrupted = _ask(model, parts, settings, args, screen)
        _show(answer, args, screen, interrupted=interrupted)
    except FmsdkError as error:
        _show_failure(error, args, screen)
        return FAILED
    finally:
        screen.end()
    return INTERRUPTED if interrupted else 0


def _ask(
    model: str,
    parts: list[Part],
    settings: dict[str, Any],
    args: argparse.Namespace,
    screen: terminal.Answer,
) -> tuple[Response[Any], bool]:
    """The answer, and whether Ctrl-C ended it."""
    with terminal.Progress(model, passing=True) as progress, client_showing(progress) as client:
        progress("waiting", None, None)
        if args.no_stream:
            return client.generate(model, parts, **settings), False
        stream = client.stream(model, parts, **settings)
        try:
            with stream:
                for event in stream:
                    progress.end()
                    if isinstance(event, TextDelta) and _is_live(args):
                        screen.write(event.text)
        except KeyboardInterrupt:
            return stream.response, True
        return stream.response, False


def _is_live(args: argparse.Namespace) -> bool:
    """Whether pieces are shown as they come: JSON is laid out, and checked, when it is whole."""
    return not (args.json or args.schema or args.no_stream)


def _show(
    answer: Response[Any], args: argparse.Namespace, screen: terminal.Answer, *, interrupted: bool
) -> None:
    if args.json:
        terminal.print_json(answer_record(answer, with_output=not interrupted))
        return
    if not _is_live(args):
        screen.write(_said(answer) if interrupted else _laid_out(answer))
    screen.end()
    for warning in answer.warnings:
        terminal.note(f"fmsdk: warning: {warning.message}")
    terminal.note(account(answer, interrupted=interrupted))


def _show_failure(error: FmsdkError, args: argparse.Namespace, screen: terminal.Answer) -> None:
    partial: Response[Any] | None = error.partial
    if partial is not None and not _is_live(args) and not args.json:
        screen.write(_said(partial))
    screen.end()
    report(error, as_json=args.json)
    if partial is not None and not args.json:
        terminal.note(account(partial))


def _laid_out(answer: Response[Any]) -> str:
    if answer.output_type is None:
        return _said(answer)
    return json.dumps(answer.output, indent=2, ensure_ascii=False)


def _said(answer: Response[Any]) -> str:
    return answer.text or answer.refusal or ""
