"""The matrix is not blind: whatever is taken out of a body, it misses."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.matrix.factors import factors_of, request_of_row
from tests.matrix.facts import facts, invented, missing
from tests.matrix.probe import Lab, wanted_of
from tests.matrix.wires import WIRES, Wire
from tests.support.scripted_server import ReceivedRequest

# Fields that carry nothing of the caller's: constants of the wire, defaults, names nobody reads.
_PLUMBING = {
    "cache_control.type",
    "content.*.detail",  # "auto"
    "content.*.filename",  # fmsdk's own, where the document has no name
    "file.filename",
    "format.name",
    "format.type",
    "include.*",
    "input.*.type",  # "message", which it is without
    "json_schema.name",
    "prompt_cache_breakpoint.mode",
    "schema.required.*",  # of properties that may be null instead
    "parts.*.thoughtSignature",  # told not to look
    "audio.format",  # the default, written out
    "audio.voice",
    "schema.title",
    "responseJsonSchema.title",
    "store",  # off
    "tool_calls.*.type",
    "tools.*.type",
    "tools.*.strict",  # off
}
_Path = tuple[str | int, ...]


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_removing_any_part_is_detected(wire: Wire, lab: Lab) -> None:
    factors = factors_of(lab, wire)
    request = request_of_row(lab, wire, factors, dict.fromkeys(factors, 1))
    seen = lab.ask(wire, request).seen
    assert seen is not None
    wanted = wanted_of(wire, request)
    whole = len(missing(wanted, facts(wire.read(seen))))

    def is_missed(path: _Path) -> bool:
        try:
            got = facts(
                wire.read(ReceivedRequest(seen.path, seen.headers, _without(seen.body, path)))
            )
        except (KeyError, AttributeError, TypeError, ValueError):
            return True
        return len(missing(wanted, got)) > whole or bool(invented(wanted, got))

    unnoticed = {path for path in _leaves(seen.body) if not is_missed(path)}
    assert {_end(path) for path in unnoticed} <= _PLUMBING
    assert len(unnoticed) < 0.25 * sum(1 for _ in _leaves(seen.body))


def _leaves(node: Any, path: _Path = ()) -> Iterator[_Path]:
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from _leaves(inner, (*path, number))
    else:
        yield path


def _without(body: Any, path: _Path) -> Any:
    changed = copy.deepcopy(body)
    node = changed
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]
    return changed


def _end(path: _Path) -> str:
    """The end of a path, as `_PLUMBING` has it."""
    names = ["*" if isinstance(key, int) else key for key in path]
    if len(names) > 2 and names[-2] == "*":
        return ".".join(names[-3:])
    return ".".join(names[-3:] if names[-1] == "*" and len(names) > 2 else names[-2:])
