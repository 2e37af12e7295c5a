"""`fmsdk transcribe`: recordings to text, one after the other."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fmsdk.cli import terminal
from fmsdk.cli.account import describe_result
from fmsdk.cli.defaults import create_client
from fmsdk.cli.failures import EXIT_FAILURE, report_error
from fmsdk.cli.options import Parser
from fmsdk.errors import FmsdkError

__all__ = ["create_parser", "run_command"]

_EXAMPLES = """\
examples:
  fmsdk transcribe talk.mp3
  fmsdk transcribe --timestamps *.wav
  fmsdk transcribe talk.mp3 | fmsdk ask "Summarise this."
"""


def create_parser() -> Parser:
    """The options of `fmsdk transcribe`."""
    parser = Parser(
        prog="fmsdk transcribe",
        usage="fmsdk transcribe file … [-m MODEL] [options]",
        description="Turn recordings into text.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "files", nargs="+", metavar="file", help="a recording; - for standard input"
    )
    parser.add_argument("-m", "--model", default="local:demo-audio", help="default: %(default)s")
    parser.add_argument("--language", metavar="CODE", help="the language spoken, such as en")
    parser.add_argument("--timestamps", action="store_true", help="a line for each segment")
    parser.add_argument("--json", action="store_true", help="one JSON object for each file")
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Transcribe each file. Others follow one that fails."""
    code = 0
    with (
        terminal.ProgressBar(args.model, transient=True) as progress,
        create_client(progress) as client,
    ):
        for name in args.files:
            progress(f"listening to {name}", None, None)
            try:
                try:
                    audio: Any = sys.stdin.buffer.read() if name == "-" else name
                    speech = client.transcribe(args.model, audio, language=args.language)
                finally:
                    progress.clear()
            except FmsdkError as error:
                report_error(error, as_json=args.json)
                code = EXIT_FAILURE
                continue
            if args.json:
                terminal.print_json({"file": name, **speech.to_dict()})
                continue
            if len(args.files) > 1:
                print(f"==> {name} <==")
            if args.timestamps and speech.segments:
                for segment in speech.segments:
                    times = f"[{_format_time(segment.start)} - {_format_time(segment.end)}]"
                    line = f"{times} {segment.text.strip()}"
                    width = terminal.width_of(sys.stdout)
                    print(terminal.wrap_lines(line, width, len(times) + 1))
            else:
                print(speech.text.strip())
            sys.stdout.flush()
            warnings = [warning.message for warning in speech.warnings]
            if args.timestamps and not speech.segments:
                warnings.append(f"{args.model} reports no timestamps")
            for warning in warnings:
                terminal.print_note(f"fmsdk: warning: {warning}")
            terminal.print_note(describe_result(speech))
    return code


def _format_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}"
