"""`fmsdk models`: which models are usable now, and why others are not. `get` fetches models, `show`
prints the facts on them."""

from __future__ import annotations

import argparse

from fmsdk import catalog, registry
from fmsdk.cli import terminal
from fmsdk.cli.card import create_card
from fmsdk.cli.failures import EXIT_FAILURE, report_error
from fmsdk.cli.options import Parser
from fmsdk.cli.show import card_record, print_card
from fmsdk.errors import BadRequestError, FmsdkError
from fmsdk.provider import UsableModel

__all__ = ["create_parser", "run_command"]

_EXAMPLES = """\
examples:
  fmsdk models
  fmsdk models get demo-text demo-vision demo-audio
  fmsdk models get HuggingFaceTB/SmolLM2-135M-Instruct
  fmsdk models show openai:gpt-5.6-sol local:demo-text
"""
_DEFAULT_PROVIDER = "local"
_VENDORS = ("openai", "anthropic", "google")


def create_parser() -> Parser:
    """The options of `fmsdk models`."""
    parser = Parser(
        prog="fmsdk models",
        usage="fmsdk models [--json] | fmsdk models get|show name … [--json]",
        description="List the models that are usable now, and why others are not; get models to "
        "run on this machine; or show the facts on models: input, prices, licence, retirement.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("action", nargs="?", choices=("list", "get", "show"), default="list")
    parser.add_argument(
        "names", nargs="*", metavar="name", help="a demo model, a hub id, or provider:model"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of columns")
    return parser


def run_command(args: argparse.Namespace) -> int:
    """List models, or get or show those named. Others follow one that fails."""
    if args.action == "list":
        if args.names:
            raise BadRequestError(
                "fmsdk models lists all models; fmsdk models get NAME fetches one, "
                "fmsdk models show NAME prints the facts on one"
            )
        _print_list(registry.usable_models(), as_json=args.json)
        return 0
    if not args.names:
        raise BadRequestError(f"which model? fmsdk models {args.action} demo-text, for instance")
    code = 0
    for name in args.names:
        provider, colon, model = name.partition(":")
        if not colon:
            provider, model = _DEFAULT_PROVIDER, name
        try:
            if not (provider and model):
                raise BadRequestError(f"a model's name is provider:model, not {name!r}")
            is_path = name[:1] in (".", "/", "~")
            if (
                args.action == "show"
                and not (colon or is_path)
                and all(row.name != f"local:{name}" for row in registry.usable_models())
            ):
                vendors = [each for each in _VENDORS if catalog.facts(each, name) is not None]
                hint = f"; do you mean {vendors[0]}:{name}?" if vendors else ""
                raise BadRequestError(
                    f"there is no local model {name!r}; a model's name is provider:model{hint}"
                )
            if args.action == "get":
                with terminal.ProgressBar(model) as progress:
                    place = registry.fetcher(provider)(model, progress)
                if args.json:
                    terminal.print_json({"name": f"{provider}:{model}", "path": place})
                else:
                    print(f"{provider}:{model} is in {place}", flush=True)
            elif args.json:
                terminal.print_json(card_record(create_card(provider, model)))
            else:
                print_card(create_card(provider, model))
        except FmsdkError as error:
            report_error(error, as_json=args.json)
            code = EXIT_FAILURE
    return code


def _print_list(models: list[UsableModel], *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(
            [
                {
                    "name": model.name,
                    "usable": model.usable,
                    "input": sorted(model.input),
                    "note": model.note,
                }
                for model in models
            ]
        )
        return
    rows = [(model, ", ".join(sorted(model.input))) for model in models]
    names = max((len(model.name) for model in models), default=0)
    inputs = max((len(modalities) for _, modalities in rows), default=0)
    for title, usable in (("usable now", True), ("not usable yet", False)):
        group = [row for row in rows if row[0].usable is usable]
        if group:
            print(f"{title}:")
        for model, modalities in group:
            cells = (model.name, modalities, model.note)
            terminal.print_row(cells, (names, inputs), indent=2)
