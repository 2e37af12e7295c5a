"""Values that a caller hands over, as plain ones: numbers, text, and what goes out as JSON (a
tool's parameters, a call's arguments, a schema, a provider's options). What JSON has no form for
raises, since whatever stood in its place would be another value.
"""

from __future__ import annotations

import math
from collections import UserString
from collections.abc import Callable, Mapping, Sequence, Set, ValuesView
from numbers import Integral, Rational, Real
from types import NoneType
from typing import Any, cast

import msgspec

from fmsdk.errors import BadRequestError

__all__ = ["check_json", "check_text", "json_of", "number", "plain_of", "whole"]

_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_BYTES = (bytes, bytearray, memoryview)
_LISTS = (Sequence, Set, ValuesView)


def number(name: str, value: Any, needed: str, fits: Callable[[float], bool]) -> Any:
    """The number that was given, if any, as Python's own where it is another library's. Raises
    BadRequestError where it is none, or does not fit; `needed` says what would."""
    if value is None:
        return None
    plain: Any = value
    try:
        if type(value) not in (int, float):
            is_number = isinstance(value, Real) and not isinstance(cast("object", value), bool)
            plain = float(value) if is_number else math.nan
        is_right = math.isfinite(plain) and fits(plain)
    except OverflowError:
        is_right = False
    if not is_right:
        raise BadRequestError(f"{name} must be a number, {needed}; it is {_shown(value)}")
    return plain


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return f"a {type(value).__name__} that is too large"
    return text if len(text) < 200 else f"{text[:200]}…"


def whole(name: str, value: Any, least: int | None) -> int | None:
    """The same of a whole number, of at least `least`."""
    if value is None:
        return None
    if isinstance(value, Integral) and not isinstance(cast("object", value), bool):
        plain = int(value)
        if least is None or plain >= least:
            return plain
    needed = "" if least is None else f" and at least {least}"
    raise BadRequestError(f"{name} must be a whole number{needed}, not {value!r}")


def check_text(text: str, what: str) -> None:
    """Raise BadRequestError for text that is no valid Unicode: half of a character in two."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start : error.end][:1]
        raise BadRequestError(f"{what} is no valid Unicode: it holds {half!a}") from error


def check_json(value: object, what: str) -> None:
    """Raise BadRequestError for a value that is not all mappings, lists, text, numbers, booleans
    and None; `what` names it."""
    try:
        _check(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError(f"{what} cannot be written as JSON: {error}") from error


def json_of(value: Any, what: str = "the request") -> bytes:
    """Values as JSON. Any mapping is an object, any sequence, set or view a list. The encoder has
    forms of its own for bytes, dates, decimals and NaN: those are `check_json`'s to find.

    Raises:
        BadRequestError: text that is no valid Unicode, or what the encoder has no form for.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError(f"{what} cannot be written as JSON: {error}") from error


def plain_of(value: object, what: str) -> Any:
    """The value as it will be read at the other end: dicts, lists and the like alone. Raises
    BadRequestError as `check_json` does."""
    check_json(value, what)
    return msgspec.json.decode(json_of(value, what))


def _check(value: object) -> None:
    if type(value) is dict or isinstance(value, Mapping):  # the first is ten times as fast
        for key, inner in cast("Mapping[object, object]", value).items():
            if type(key) is not str:
                _check_key(key)
            if type(inner) not in _AS_THEY_ARE:
                _check(inner)
    elif type(value) is list or _is_list(value):
        for inner in cast("list[object]", value):
            if type(inner) not in _AS_THEY_ARE:
                _check(inner)
    elif not isinstance(value, (str, Integral, NoneType)):
        _check_real(value)


def _check_real(value: object) -> None:
    if not _is_real(value):
        raise TypeError(f"it holds {type(value).__name__}, which JSON has no form for")
    if not math.isfinite(cast("float", value)):
        raise ValueError(f"it holds {value}")


def _check_key(key: object) -> None:
    if not isinstance(key, (str, int)) or isinstance(key, bool):
        raise TypeError(f"a key of it is {type(key).__name__}, and JSON's are text")


def _is_list(value: object) -> bool:
    return isinstance(value, _LISTS) and not isinstance(value, (str, *_BYTES, UserString))


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, Rational)


def _simpler(value: Any) -> Any:
    """What the encoder does not know, as what it knows; of a number's kinds those of others
    (numpy's, say)."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    if _is_list(value):
        return list(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Integral):
        return int(value)
    if _is_real(value):
        return float(value)
    raise TypeError(f"it holds {type(value).__name__}, which JSON has no form for")


_ENCODER = msgspec.json.Encoder(enc_hook=_simpler)
