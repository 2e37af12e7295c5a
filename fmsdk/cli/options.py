"""The options that several subcommands share, and a parser whose errors are one line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NoReturn, cast

from fmsdk.cli import terminal
from fmsdk.errors import BadRequestError
from fmsdk.files import expand_home

__all__ = ["Parser", "add_question", "add_settings", "read_settings"]


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps descriptions, which are one paragraph, and helps between words; argparse's own breaks
    words at hyphens. Examples stay lines."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **{"width": terminal.help_width(sys.stdout) - 2, **settings})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else terminal.wrap_lines(indent + text, width, 0)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return terminal.wrap_lines(" ".join(text.split()), width, 0).split("\n")


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line. Options cannot be abbreviated."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_HelpFormatter, **settings)

    def format_help(self) -> str:
        """The help, wrapped at the width of the terminal."""
        return terminal.wrap_lines(super().format_help(), terminal.help_width(sys.stdout))

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        terminal.print_note(f"fmsdk: error: {message} (see {self.prog} --help)")
        raise SystemExit(2)


def add_question(parser: Parser) -> None:
    """The arguments of a question: the prompt and the files."""
    parser.add_argument(
        "prompt", nargs="?", help="the question; - or nothing: read it from standard input"
    )
    parser.add_argument(
        "files", nargs="*", metavar="file", help="a picture, recording, PDF, text or URL of one"
    )
    for kind, what in (("image", "picture"), ("audio", "recording"), ("document", "document")):
        parser.add_argument(
            f"--{kind}",
            action="append",
            default=[],
            metavar="FILE|URL",
            help=f"a {what} whose name or address does not tell",
        )


def add_settings(parser: Parser) -> None:
    """The settings that quotes depend on too."""
    parser.add_argument("--system", metavar="TEXT", help="the system prompt")
    parser.add_argument(
        "--schema", metavar="FILE|JSON", help="a JSON Schema that the answer must match"
    )
    parser.add_argument(
        "--max-output-tokens", type=int, metavar="N", help="the most tokens of the answer"
    )


def read_settings(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The keywords of `Client.generate` for the settings on the command line.

    Raises:
        BadRequestError: `--schema` is not a JSON Schema.
    """
    settings = {name: getattr(args, name) for name in ("system", "max_output_tokens", *names)}
    if args.schema is not None:
        settings["output"] = _read_schema(args.schema)
    return {name: value for name, value in settings.items() if value is not None}


def _read_schema(option: str) -> dict[str, Any]:
    text = option
    if not option.lstrip().startswith("{"):
        try:
            text = Path(expand_home(option)).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise BadRequestError(f"--schema: cannot read {option}: {why}") from error
    try:
        schema: object = json.loads(text)
    except ValueError as error:
        raise BadRequestError(f"--schema: this is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise BadRequestError("--schema: a JSON Schema is an object, {…}")
    return cast("dict[str, Any]", schema)
