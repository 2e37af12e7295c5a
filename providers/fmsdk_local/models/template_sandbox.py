"""The sandbox in which transformers renders chat templates, with bounds on what one step can take.

jinja's own sandbox bounds `range` alone. A template comes from anywhere, and no other thread can
stop `'a' * 10**10` or a filter that pads to ten gigabytes: what could grow beyond the bounds is
refused before it is computed. transformers has no place to pass a sandbox of one's own, so this one
takes the place of jinja's in its module.
"""

from __future__ import annotations

import functools
import re
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, cast

import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from transformers.utils import chat_template_utils

from fmsdk.errors import CheckpointError

__all__ = ["BoundedEnvironment", "bound_rendering"]

_MOST_CHARACTERS = 1 << 24
"""Of a value: four times the text of the longest contexts, a million tokens."""
_MOST_BYTES = 1 << 29
"""Of all values together: what is thrown away counts, too, since only Python knows what is kept. A
template that looks at the rest of the conversation at each of 10,000 turns takes most of it."""
_LARGEST_ARGUMENT = 100_000
"""As jinja's own bound of `range`: a width, an indentation, a count."""
_BYTES_OF_ITEM = sys.getsizeof("")
_LONG_LITERAL = 50
_COUNT = "fmsdk_count"
_ITEM_FILTERS = frozenset(
    {"batch", "groupby", "list", "map", "max", "min", "reject", "select", "slice", "sort", "unique"}
)
"""Filters that take the characters of a text apart, to 100 bytes each."""
_MOST_ITEMS_OF_TEXT = 100_000
_MOST_BITS = 4096
_TOO_MUCH = float("inf")
_WIDTH = re.compile(r"\d{6,}")
_WIDTH_OF_ARGUMENT = re.compile(r"\*|\{[^}]*\{")


class _Rendering(threading.local):
    """The rendering of this thread: the bytes of the values that it has made; None: there is none,
    and nothing is bounded."""

    bytes: int | None = None


_rendering = _Rendering()


def _require_room(size: float) -> None:
    if _rendering.bytes is not None and size > _MOST_CHARACTERS:
        raise CheckpointError(
            f"the chat template makes a value of more than {_MOST_CHARACTERS:,} characters, which "
            "no real one does; use another checkpoint, or repair its chat_template"
        )


def _count(value: Any, source: object = None) -> Any:
    """The value, once its bytes are counted and have room. `source`: what it was made of."""
    if _rendering.bytes is not None and isinstance(value, (str, list, tuple, dict)):
        _rendering.bytes += sys.getsizeof(cast("object", value))
        is_copy = source is None or isinstance(source, (list, tuple, dict))
        if isinstance(value, list) and not is_copy:  # "a b c".split(), range(3)|list
            _rendering.bytes += _BYTES_OF_ITEM * len(cast("list[object]", value))
        if _rendering.bytes > _MOST_BYTES:
            raise CheckpointError(
                f"the chat template makes more than {_MOST_BYTES >> 20} MB of values, which no "
                "real one does; use another checkpoint, or repair its chat_template"
            )
    return cast("Any", value)


@jinja2.pass_context  # so that jinja does not apply it while it compiles
def _count_literal(context: object, value: Any) -> Any:
    del context
    return _count(value)


def _length_of(value: Any) -> int:
    return len(cast("Any", value)) if isinstance(value, (str, bytes, list, tuple, dict)) else 1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _BoundedFilters(dict[str, Callable[..., Any]]):
    """Filters that check their arguments first, also where jinja applies them as it compiles."""

    def __init__(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__()
        for name, function in filters.items():
            self[name] = function

    def __setitem__(self, name: str, function: Callable[..., Any]) -> None:
        @functools.wraps(function)  # also the marks of what it wants to be passed
        def call_bounded(*args: Any, **kwargs: Any) -> Any:
            # jinja passes some filters its environment or context first.
            values = args[1:] if hasattr(function, "jinja_pass_arg") else args
            if values:
                _check_call(name, values[0], (*values[1:], *kwargs.values()))
            return _count(function(*args, **kwargs), values[0] if values else None)

        super().__setitem__(name, call_bounded)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """jinja's sandbox for untrusted templates, in which no value grows beyond the bounds."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters = _BoundedFilters({**self.filters, _COUNT: _count_literal})
        environment: Any = self
        environment.globals.pop("lipsum", None)  # text without end, which no chat needs

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """The result of an operator, if it has room."""
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length()
            bits = bits * right if operator == "**" else bits + right.bit_length()
            _require_room(_TOO_MUCH if bits > _MOST_BITS else 0)
        elif operator == "*" and not (_is_number(left) and _is_number(right)):
            factors = (value if _is_number(value) else _length_of(value) for value in (left, right))
            _require_room(functools.reduce(lambda a, b: a * b, factors))
        elif operator == "+":
            _require_room(_length_of(left) + _length_of(right))
        elif operator == "%":
            is_tuple = isinstance(right, tuple)
            _check_call("format", left, cast("Any", right) if is_tuple else (right,))
        return _count(super().call_binop(context, operator, left, right))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """The result of a function or method, if it has room."""
        name = getattr(__obj, "__name__", "")
        method = getattr(__obj, "__wrapped__", __obj)  # jinja wraps `str.format`
        value = getattr(method, "__self__", None)
        _check_call(name, value, (*args, *kwargs.values()))
        return _count(super().call(__context, __obj, *args, **kwargs), value)

    @staticmethod
    def concat(texts: Iterable[str]) -> str:
        """The joined pieces of a block, a macro or the whole, if they have room."""
        pieces: list[str] = []
        length = 0
        for text in texts:
            pieces.append(text)
            length += len(text)
            _require_room(length)
        return _count("".join(pieces))

    def _parse(self, source: str, name: str | None, filename: str | None) -> Any:
        return _InterceptedNodes().visit(super()._parse(source, name, filename))


class _InterceptedNodes(NodeTransformer):
    """What jinja has no way to intercept, as filters: `a ~ b` as `[a, b]|join`; slices and long
    literals are counted."""

    def visit_Getitem(self, node: jinja2.nodes.Getitem) -> jinja2.nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, jinja2.nodes.Slice):
            return node
        return jinja2.nodes.Filter(node, _COUNT, [], [], None, None, lineno=node.lineno)

    def visit_List(  # noqa: N802
        self, node: jinja2.nodes.List | jinja2.nodes.Dict
    ) -> jinja2.nodes.Node:
        self.generic_visit(node)
        if len(node.items) < _LONG_LITERAL:
            return node
        return jinja2.nodes.Filter(node, _COUNT, [], [], None, None, lineno=node.lineno)

    visit_Dict = visit_List  # noqa: N815

    def visit_Concat(self, node: jinja2.nodes.Concat) -> jinja2.nodes.Node:  # noqa: N802
        self.generic_visit(node)
        pieces = jinja2.nodes.List(node.nodes, lineno=node.lineno)
        return jinja2.nodes.Filter(pieces, "join", [], [], None, None, lineno=node.lineno)


def _check_call(name: str, value: Any, arguments: tuple[Any, ...]) -> None:
    """Check a filter or method `name` of `value`."""
    if name == "range":  # which jinja bounds itself
        return
    has_large = any(_is_number(each) and abs(each) > _LARGEST_ARGUMENT for each in arguments)
    if name == "format":  # a number there is mostly what is written, not a width
        text = str(value) if isinstance(value, str) else ""
        places = text.count("%") + text.count("{")
        _require_room(len(text) + places * max(map(_length_of, arguments), default=0))
        has_large = bool(_WIDTH.search(text) or (has_large and _WIDTH_OF_ARGUMENT.search(text)))
    if has_large:
        _require_room(_TOO_MUCH)
    length = _length_of(value)
    if isinstance(value, str) and name in _ITEM_FILTERS and length > _MOST_ITEMS_OF_TEXT:
        _require_room(_TOO_MUCH)
    if name in ("replace", "translate") and arguments:
        old, new = arguments[0], arguments[1] if len(arguments) > 1 else ""
        if isinstance(old, dict):
            new = max(map(str, cast("dict[Any, Any]", old).values()), key=len, default="")
        _require_room(length + (length // max(_length_of(old), 1) + 1) * _length_of(new))
    elif name == "join":
        pieces = arguments[0] if isinstance(value, str) and arguments else value
        separator = value if isinstance(value, str) else (arguments[0] if arguments else "")
        if isinstance(pieces, (list, tuple)):
            texts = cast("tuple[Any, ...]", pieces)
            _require_room(sum(map(_length_of, texts)) + len(texts) * _length_of(separator))
    else:
        numbers = (abs(each) for each in arguments if _is_number(each))
        if name in ("indent", "expandtabs", "tojson"):
            _require_room(length * max(numbers, default=1))


@contextmanager
def bound_rendering() -> Generator[None]:
    """Bound what this thread renders meanwhile. transformers renders in the bounded sandbox from
    now on; without this context, as others in the process use it, that is jinja's own."""
    utilities: Any = chat_template_utils
    if utilities.ImmutableSandboxedEnvironment is not BoundedEnvironment:
        utilities.ImmutableSandboxedEnvironment = BoundedEnvironment
        utilities._compile_jinja_template.cache_clear()
    before, _rendering.bytes = _rendering.bytes, 0
    try:
        yield
    finally:
        _rendering.bytes = before
