"""`fmsdk models`: what is usable now and why the rest is not; `get` fetches models, `show` says
what is known of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from fmsdk import registry
from fmsdk.cli import terminal
from fmsdk.cli.card import card_of
from fmsdk.cli.failures import FAILED, report
from fmsdk.cli.options import Parser
from fmsdk.cli.show import card_record, print_card
from fmsdk.errors import BadRequestError, FmsdkError
from fmsdk.provider import UsableModel

__all__ = ["parser", "run"]

_EXAMPLES = """\
examples:
  fmsdk models
  fmsdk models get demo-text demo-vision demo-audio
  fmsdk models get HuggingFaceTB/SmolLM2-135M-Instruct
  fmsdk models show openai:gpt-5.6-sol local:demo-text
"""
_HOME = "local"  # whose models are meant where no provider is named


def parser() -> Parser:
    """The options of `fmsdk models`."""
    made = Parser(
        prog="fmsdk models",
        usage="fmsdk models [--json] | fmsdk models get|show name … [--json]",
        description="List the models usable now, and why the rest is not; get models to run on "
        "this machine;\nor show what is known of models: what they take, prices, licence, "
        "retirement.",
        epilog=_EXAMPLES,
    )
    made.add_argument("action", nargs="?", choices=("list", "get", "show"), default="list")
    made.add_argument(
        "names", nargs="*", metavar="name", help="a demo model, a hub id, or provider:model"
    )
    made.add_argument("--json", action="store_true", help="JSON instead of columns")
    return made


def run(args: argparse.Namespace) -> int:
    """List, get, or show."""
    if args.action != "list":
        return _each(_DOERS[args.action], args)
    if args.names:
        raise BadRequestError(
            "fmsdk models lists them all; fmsdk models get NAME fetches one, "
            "fmsdk models show NAME says what is known of one"
        )
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


def _each(do: Callable[[str, str, bool], None], args: argparse.Namespace) -> int:
    """Do it with each model named; one that fails does not keep the others from theirs."""
    if not args.names:
        raise BadRequestError(f"which model? fmsdk models {args.action} demo-text, for instance")
    code = 0
    for name in args.names:
        provider, colon, model = name.partition(":")
        named = (provider, model) if colon else (_HOME, name)
        try:
            if not all(named):
                raise BadRequestError(f"a model is named provider:model, not {name!r}")
            do(*named, args.json)
        except FmsdkError as error:
            report(error, as_json=args.json)
            code = FAILED
    return code


def _get(provider: str, model: str, as_json: bool) -> None:
    with terminal.Progress(model) as progress:
        place = registry.fetcher(provider)(model, progress)
    if as_json:
        terminal.print_json({"name": f"{provider}:{model}", "path": place})
    else:
        print(f"{provider}:{model} is in {place}", flush=True)


def _show(provider: str, model: str, as_json: bool) -> None:
    card = card_of(provider, model)
    if as_json:
        terminal.print_json(card_record(card))
    else:
        print_card(card)


_DOERS = {"get": _get, "show": _show}
