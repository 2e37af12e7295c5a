"""`fmsdk transcribe`: recordings to text, one after the other."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fmsdk.cli import terminal
from fmsdk.cli.account import account
from fmsdk.cli.defaults import client_showing
from fmsdk.cli.failures import FAILED, report
from fmsdk.cli.options import Parser
from fmsdk.cli.records import result_record
from fmsdk.errors import FmsdkError
from fmsdk.transcription import Segment, Transcription

__all__ = ["parser", "run"]

_EXAMPLES = """\
examples:
  fmsdk transcribe talk.mp3
  fmsdk transcribe --timestamps *.wav
  fmsdk transcribe talk.mp3 | fmsdk ask "Summarise this."
"""


def parser() -> Parser:
    """The options of `fmsdk transcribe`."""
    made = Parser(
        prog="fmsdk transcribe",
        usage="fmsdk transcribe file … [-m MODEL] [options]",
        description="Turn recordings into text.",
        epilog=_EXAMPLES,
    )
    made.add_argument("files", nargs="+", metavar="file", help="a recording; - for standard input")
    made.add_argument("-m", "--model", default="local:demo-audio", help="default: %(default)s")
    made.add_argument("--language", metavar="CODE", help="the language spoken, such as en")
    made.add_argument("--timestamps", action="store_true", help="a line for each segment")
    made.add_argument("--json", action="store_true", help="one JSON object for each file")
    return made


def run(args: argparse.Namespace) -> int:
    """Transcribe each file; one that fails does not keep the others from their turn."""
    code = 0
    with (
        terminal.Progress(args.model, passing=True) as progress,
        client_showing(progress) as client,
    ):
        for name in args.files:
            progress(f"listening to {name}", None, None)
            try:
                try:
                    speech = client.transcribe(args.model, _source(name), language=args.language)
                finally:
                    progress.end()
            except FmsdkError as error:
                report(error, as_json=args.json)
                code = FAILED
                continue
            _show(speech, name, args)
    return code


def _source(name: str) -> Any:
    return sys.stdin.buffer.read() if name == "-" else name


def _show(speech: Transcription, name: str, args: argparse.Namespace) -> None:
    if args.json:
        terminal.print_json({"file": name, **result_record(speech)})
        return
    if len(args.files) > 1:
        print(f"==> {name} <==")
    if args.timestamps and speech.segments:
        for segment in speech.segments:
            print(_stamped(segment))
    else:
        print(speech.text.strip())
    sys.stdout.flush()
    warnings = [warning.message for warning in speech.warnings]
    if args.timestamps and not speech.segments:
        warnings.append(f"{args.model} tells no timestamps")
    for warning in warnings:
        terminal.note(f"fmsdk: warning: {warning}")
    terminal.note(account(speech))


def _stamped(segment: Segment) -> str:
    return f"[{_clock(segment.start)} - {_clock(segment.end)}] {segment.text.strip()}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}"
