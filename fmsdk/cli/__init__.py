"""The `fmsdk` command. A file for each subcommand, each with `create_parser` and `run_command`.

The answer goes to standard output, everything else to standard error. `main` selects the
subcommand; `fmsdk.cli.failures` turns errors into exit codes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fmsdk.cli import ask, failures, ledger, models, quote, tco, terminal, transcribe
from fmsdk.cli.options import Parser

__all__ = ["main"]

_COMMANDS = {
    "ask": ask,
    "transcribe": transcribe,
    "models": models,
    "quote": quote,
    "tco": tco,
    "ledger": ledger,
}
_HELP = """\
usage: fmsdk COMMAND …

One interface to every foundation model, hosted or on your own machine.

commands:
  ask          ask a model; pictures, recordings and texts are passed as files
  transcribe   turn recordings into text
  models       what is usable now, and why others are not; get a model, show one
  quote        what a question would cost, before it is sent
  tco          what a request costs on your own hardware, beside an API's price
  ledger       what calls cost and how long they took

examples:
  fmsdk ask "What is the capital of France?"
  fmsdk ask "What shape is this?" picture.png
  git diff | fmsdk ask "Write a commit message." -m openai:gpt-5.6-sol
  fmsdk transcribe talk.mp3
  fmsdk models get demo-text

`fmsdk COMMAND --help` lists a command's options.
FMSDK_MODEL is the model used without -m.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (the process's own where None) and return the exit code.

    0: success. 2: a request or an installation that does not work, explained in one line. 70: a
    defect of fmsdk. 130: interrupted. 141: nobody reads the output any more.
    """
    with terminal.prepare_streams():
        try:
            name, rest = _split_command(sys.argv[1:] if argv is None else argv)
            args = _COMMANDS[name].create_parser().parse_intermixed_args(rest)
        except SystemExit as stop:  # argparse has printed why
            return int(stop.code or 0)
        code = failures.run_guarded(lambda: _COMMANDS[name].run_command(args), as_json=args.json)
        if argv is None:
            failures.exit_at_once(code)
        return code


def _split_command(argv: Sequence[str]) -> tuple[str, list[str]]:
    parser = Parser(prog="fmsdk", add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("command", nargs="?")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    if args.version:
        from importlib.metadata import version

        print("fmsdk", version("fmsdk"))
        raise SystemExit(0)
    if args.help or args.command is None:
        stream = sys.stdout if args.help else sys.stderr
        print(terminal.wrap_lines(_HELP, terminal.help_width(stream)), end="", file=stream)
        raise SystemExit(0 if args.help else 2)
    if args.command not in _COMMANDS:
        parser.error(f"unknown command {args.command!r}; the commands are {', '.join(_COMMANDS)}")
    return args.command, args.rest
