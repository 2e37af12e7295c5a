"""`fmsdk models`: what is usable now and why the rest is not; `fmsdk models get` fetches models."""

from __future__ import annotations

import argparse

from fmsdk import registry
from fmsdk.cli import terminal
from fmsdk.cli.failures import FAILED, report
from fmsdk.cli.options import Parser
from fmsdk.errors import BadRequestError, FmsdkError
from fmsdk.provider import UsableModel

__all__ = ["parser", "run"]

_EXAMPLES = """\
examples:
  fmsdk models
  fmsdk models get demo-text demo-vision demo-audio
  fmsdk models get HuggingFaceTB/SmolLM2-135M-Instruct
"""
_HOME = "local"  # whose models `get` means where no provider is named


def parser() -> Parser:
    """The options of `fmsdk models`."""
    made = Parser(
        prog="fmsdk models",
        usage="fmsdk models [--json] | fmsdk models get name … [--json]",
        description="List the models usable now, and why the rest is not; or get models to run "
        "on this machine.",
        epilog=_EXAMPLES,
    )
    made.add_argument("action", nargs="?", choices=("list", "get"), default="list")
    made.add_argument("names", nargs="*", metavar="name", help="a demo model or a hub id")
    made.add_argument("--json", action="store_true", help="JSON instead of columns")
    return made


def run(args: argparse.Namespace) -> int:
    """List, or get."""
    if args.action == "get":
        return _get(args.names, as_json=args.json)
    if args.names:
        raise BadRequestError("fmsdk models lists them all; fmsdk models get NAME fetches one")
    models = registry.usable_models()
    if args.json:
        terminal.print_json([_record(model) for model in models])
        return 0
    _print_columns(models)
    return 0


def _record(model: UsableModel) -> dict[str, object]:
    return {
        "name": model.name,
        "usable": model.usable,
        "input": sorted(model.input),
        "note": model.note,
    }


def _print_columns(models: list[UsableModel]) -> None:
    names = max((len(model.name) for model in models), default=0)
    inputs = max((len(_takes(model)) for model in models), default=0)
    for title, usable in (("usable now", True), ("not usable yet", False)):
        group = [model for model in models if model.usable is usable]
        if group:
            print(f"{title}:")
        for model in group:
            print(f"  {model.name:{names}}  {_takes(model):{inputs}}  {model.note}".rstrip())


def _takes(model: UsableModel) -> str:
    return ", ".join(sorted(model.input))


def _get(names: list[str], *, as_json: bool) -> int:
    if not names:
        raise BadRequestError("which model? fmsdk models get demo-text, for instance")
    code = 0
    for name in names:
        provider, colon, model = name.partition(":")
        if not colon:
            provider, model = _HOME, name
        try:
            with terminal.Progress(model) as progress:
                place = registry.fetcher(provider)(model, progress)
        except FmsdkError as error:
            report(error, as_json=as_json)
            code = FAILED
            continue
        if as_json:
            terminal.print_json({"name": f"{provider}:{model}", "path": place})
        else:
            print(f"{provider}:{model} is in {place}", flush=True)
    return code
