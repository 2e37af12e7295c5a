"""Measures two habits that make code hard to read, and fails above a limit.

- Names, per 1,000 bound in `fmsdk` and `providers`: words that are a participle alone (`told`,
  `merged`) or a private metaphor (`draft`, `shell`), and functions whose name is a generic verb
  without an object (`process`, `handle`, `make`).
- Helpers, per 1,000 lines: functions, methods and nested functions that are private or in no
  `__all__`, and referred to exactly once.

`python scripts/check_names.py --list` prints each of them. Public names stay as they are.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("fmsdk", "providers")
MOST_NAMES = 3.0
MOST_HELPERS = 6.0

METAPHORS = frozenset(
    [
        "answer",
        "blame",
        "bring",
        "draft",
        "drain",
        "fold",
        "lane",
        "learner",
        "losses",
        "note",
        "notes",
        "patience",
        "plain",
        "shell",
        "shells",
        "stone",
        "told",
        "watch",
        "whole",
        "hear",
        "fit",
        "way",
        "gone",
        "home",
        "teller",
    ]
)
IRREGULAR = frozenset(
    [
        "begun",
        "blown",
        "born",
        "bought",
        "bound",
        "broken",
        "brought",
        "built",
        "chosen",
        "come",
        "dealt",
        "done",
        "drawn",
        "driven",
        "eaten",
        "fallen",
        "felt",
        "forgotten",
        "found",
        "given",
        "gone",
        "grown",
        "heard",
        "held",
        "hidden",
        "kept",
        "known",
        "laid",
        "left",
        "lent",
        "lost",
        "made",
        "meant",
        "met",
        "paid",
        "said",
        "sat",
        "seen",
        "sent",
        "shown",
        "shut",
        "slept",
        "sold",
        "spent",
        "spoken",
        "stolen",
        "stood",
        "sworn",
        "taken",
        "taught",
        "thrown",
        "told",
        "torn",
        "understood",
        "woken",
        "won",
        "worn",
        "written",
    ]
)
NO_PARTICIPLES = frozenset(
    [
        "bed",
        "breed",
        "embed",
        "exceed",
        "feed",
        "hundred",
        "indeed",
        "kindred",
        "naked",
        "need",
        "proceed",
        "red",
        "sacred",
        "seed",
        "shed",
        "sled",
        "speed",
        "steed",
        "succeed",
        "weed",
    ]
)
GENERIC_VERBS = frozenset(
    [
        "begin",
        "bring",
        "do",
        "fill",
        "get",
        "give",
        "go",
        "handle",
        "keep",
        "look",
        "make",
        "process",
        "put",
        "run",
        "set",
        "show",
        "take",
        "tell",
        "try",
        "use",
        "work",
    ]
)
# Names that are right although a rule counts them, and why.
EXCEPTIONS = {
    "answer": "what people call a model's reply, in the CLI and in examples",
    "closed": "Python's own name for the state of files, loops and clients",
    "charged": "public: Usage.charged",
    "chosen": "public: Settings.chosen",
    "note": "public: CostLine.note, UsableModel.note and the column of our tables",
    "retrieved": "the column of our tables of prices",
    "waited": "public: Attempt.waited",
    "cached": "of tokens: vendors' own word for input read from their cache",
    "done": "asyncio's own name: of futures and tasks",
    "drain": "asyncio's own name: of stream writers",
    "expected": "public: Range.expected",
    "finished": "public: the event `Finished`",
    "get": "what mappings and registries call it",
    "known": "public: Capabilities.known",
    "run": "asyncio's own name, and that of the engine's loop",
    "checked": "public: UsableModel.checked",
    "encoded": "an `Encoded`: a request as it goes out",
    "normalized": "public: Embeddings.normalized",
    "structured": "public: Capabilities.structured",
    "nested": "of counts: the word of JSON's structure",
    "limited": "of a queue or rate: that has a limit",
}


# Functions that are referred to once and are no helpers, and why.
HELPER_EXCEPTIONS = {
    "set_response_params": "overrides aiohttp's",
    "_reschedule_timeout": "overrides aiohttp's",
    "refresh": "google-auth's interface",
    "readinto": "overrides io.FileIO's",
    "readall": "overrides io.FileIO's",
}


@dataclass
class Counts:
    """What the trees hold; places and lines by tree, references over all."""

    lines: Counter[str] = field(default_factory=Counter[str])
    bound: Counter[str] = field(default_factory=Counter[str])
    names: list[str] = field(default_factory=list[str])
    definitions: dict[tuple[str, str], list[str]] = field(default_factory=dict[Any, list[str]])
    references: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    handed_over: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def helpers(self) -> list[str]:
        """Where the helpers are that are referred to once. Functions that are handed over rather
        than called (a table's entry, a thread's target, a hook) are none: Python has no other way
        to write them."""
        return [
            places[0]
            for key, places in self.definitions.items()
            if len(places) == 1
            and self.references[key] == 1
            and key not in self.handed_over
            and key[0] not in HELPER_EXCEPTIONS
        ]


def public_names(tree: ast.Module) -> set[str]:
    """The names in a module's `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return set()


def bindings(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """(name, line, whether it is a function) of every name bound."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, True
        elif isinstance(node, ast.ClassDef):
            yield node.name, node.lineno, False
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno, False
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno, False
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, 0, False
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno, False


def is_unclear(name: str, *, is_function: bool) -> bool:
    """Whether a name is a participle alone, a metaphor, or a generic verb without an object."""
    bare = name.strip("_")
    word = bare.lower()
    is_camel_case = not bare.isupper() and any(letter.isupper() for letter in bare[1:])
    if "_" in word or is_camel_case or word in EXCEPTIONS:
        return False
    if word in METAPHORS or word in IRREGULAR:
        return True
    if is_function and word in GENERIC_VERBS:
        return True
    return word.endswith("ed") and len(word) > 4 and word not in NO_PARTICIPLES


def count_folders(root: Path) -> Counts:
    """The counts of all modules below the folders of a checkout."""
    counts = Counts()
    for path in (path for name in FOLDERS for path in sorted((root / name).rglob("*.py"))):
        text = path.read_text("utf-8")
        tree, place = ast.parse(text), path.relative_to(root)
        counts.lines[place.parts[0]] += text.count("\n")
        for name, line, is_function in bindings(tree):
            counts.bound[place.parts[0]] += 1
            if is_unclear(name, is_function=is_function):
                counts.names.append(f"{place}:{line} {name}")
        for node in helpers_of(tree):
            row = f"{place}:{node.lineno} {node.name}"
            counts.definitions.setdefault(scope_of(node.name, path), []).append(row)
        count_references(tree, path, counts)
    return counts


def helpers_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions that may be helpers: those in no `__all__`, without special methods and the
    public methods of classes in `__all__`, which are their interface."""
    public = public_names(tree)
    interface = {
        method
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in public
        for method in node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        and not method.name.startswith("_")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node not in interface:
            is_special = node.name.startswith("__") and node.name.endswith("__")
            if node.name not in public and not is_special:
                yield node


def count_references(tree: ast.Module, path: Path, counts: Counts) -> None:
    """Add a module's references, and the names that are handed over rather than called."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    decorated = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) or (
            isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        ):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            counts.references[scope_of(name, path)] += 1
            if id(node) not in called and name not in decorated:
                counts.handed_over.add(scope_of(name, path))


def scope_of(name: str, path: Path) -> tuple[str, str]:
    """A name and where references to it count: a private one's in its module, any other's
    everywhere."""
    return (name, str(path) if name.startswith("_") else "")


def main() -> int:
    counts, exceeded = count_folders(ROOT), False
    helpers = counts.helpers()
    for folder in FOLDERS:
        unclear = sum(row.startswith(f"{folder}/") for row in counts.names)
        single = sum(row.startswith(f"{folder}/") for row in helpers)
        per_name = 1000 * unclear / max(counts.bound[folder], 1)
        per_line = 1000 * single / max(counts.lines[folder], 1)
        print(
            f"{folder}: {per_name:.1f} unclear names per 1,000 bound (limit {MOST_NAMES:g}), "
            f"{per_line:.1f} helpers used once per 1,000 lines (limit {MOST_HELPERS:g})"
        )
        exceeded |= per_name > MOST_NAMES or per_line > MOST_HELPERS
    if "--list" in sys.argv:
        print("\n".join([*sorted(counts.names), "", *sorted(helpers)]))
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
