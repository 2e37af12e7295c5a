"""Checks the values of callers: numbers, text, and what is sent as JSON (a tool's parameters, a
call's arguments, a schema, a provider's options). Values that JSON cannot represent raise: any
replacement would be another value.
"""

from __future__ import annotations

import math
from collections import UserString
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from numbers import Integral, Rational, Real
from types import NoneType
from typing import Any, cast

import msgspec

from fmsdk.errors import BadRequestError

__all__ = [
    "check_amount",
    "check_integer",
    "check_json",
    "check_list",
    "check_number",
    "check_pairs",
    "check_text",
    "encode_json",
    "to_plain_json",
]

_JSON_TYPES = frozenset({str, int, bool, type(None)})
_BYTES = (bytes, bytearray, memoryview)
_LISTS = (Sequence, Set, ValuesView)


def check_number(name: str, value: Any, requirement: str, is_valid: Callable[[float], bool]) -> Any:
    """The value, if any, as an int or float where it is another library's number.

    Raises:
        BadRequestError: not a number, or not valid by `is_valid`; `requirement` says what is.
    """
    if value is None:
        return None
    result: Any = value
    try:
        if type(value) not in (int, float):
            is_number = isinstance(value, Real) and not isinstance(cast("object", value), bool)
            result = float(value) if is_number else math.nan
        is_right = math.isfinite(result) and is_valid(result)
    except OverflowError:
        is_right = False
    if not is_right:
        try:
            text = repr(value)
        except ValueError:  # Python does not write numbers of thousands of digits
            text = f"a {type(value).__name__} that is too large"
        text = text if len(text) < 200 else f"{text[:200]}…"
        raise BadRequestError(f"{name} must be a number, {requirement}; it is {text}")
    return result


def check_integer(name: str, value: Any, least: int | None) -> int | None:
    """As `check_number`, of a whole number that is at least `least`."""
    if value is None:
        return None
    if isinstance(value, Integral) and not isinstance(cast("object", value), bool):
        result = int(value)
        if least is None or result >= least:
            return result
    requirement = "" if least is None else f" and at least {least}"
    raise BadRequestError(f"{name} must be a whole number{requirement}, not {value!r}")


def check_amount(name: str, value: object) -> Decimal:
    """US dollars of a caller: a Decimal, a number, or text such as "0.10" or "$0.10".

    Raises:
        BadRequestError: not an amount of money, or a negative one.
    """
    amount = Decimal("nan")
    if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool):
        with suppress(InvalidOperation):
            # The shortest text of a float is what its writer meant: 0.1 is a tenth.
            amount = Decimal(str(value).strip().removeprefix("$"))
    if not amount.is_finite() or amount < 0:
        raise BadRequestError(f"{name} is US dollars, such as '0.10', not {value!r}")
    return amount


def check_list(name: str, value: object) -> tuple[Any, ...]:
    """The items. Raises BadRequestError: a text, a mapping, or nothing that has items."""
    if isinstance(value, (str, *_BYTES, Mapping)) or not isinstance(value, Iterable):
        raise BadRequestError(f"{name} is a list, not {type(cast('object', value)).__name__}")
    return tuple(cast("Iterable[Any]", value))


def check_pairs(name: str, value: object) -> tuple[tuple[Any, Any], ...]:
    """The pairs of a mapping, or of a list of them. Raises BadRequestError: no such value, or a
    first one that stands twice."""
    pairs = cast("Mapping[Any, Any]", value).items() if isinstance(value, Mapping) else value
    try:
        result = tuple((one, other) for one, other in cast("Iterable[Any]", pairs))
        names = {one for one, _ in result}
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"{name} are a mapping of names to values") from error
    if len(names) < len(result):
        raise BadRequestError(f"two {name} have the same name")
    return result


def check_text(text: str, what: str) -> None:
    """Raise BadRequestError for text that is not valid Unicode: it holds half a surrogate pair."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start : error.end][:1]
        raise BadRequestError(f"{what} is not valid Unicode: it holds {half!a}") from error


def check_json(value: object, what: str) -> None:
    """Raise BadRequestError for a value that is not made of mappings, lists, text, numbers,
    booleans and None. `what` is its name in the message."""
    try:
        _check_value(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError(f"{what} cannot be written as JSON: {error}") from error


def encode_json(value: Any, what: str = "the request") -> bytes:
    """Values as JSON. Any mapping becomes an object; any sequence, set or view a list. The encoder
    accepts bytes, dates, decimals and NaN too, which `check_json` refuses.

    Raises:
        BadRequestError: text that is not valid Unicode, or a value that the encoder refuses.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError(f"{what} cannot be written as JSON: {error}") from error


def to_plain_json(value: object, what: str) -> Any:
    """The value as the receiver will read it: only dicts, lists, text, numbers, booleans and None.
    Raises BadRequestError as `check_json` does."""
    check_json(value, what)
    return msgspec.json.decode(encode_json(value, what))


def _check_value(value: object) -> None:
    if type(value) is dict or isinstance(value, Mapping):  # the first is ten times as fast
        for key, inner in cast("Mapping[object, object]", value).items():
            if type(key) is not str and (isinstance(key, bool) or not isinstance(key, (str, int))):
                raise TypeError(f"a key of it is {type(key).__name__}, and JSON's are text")
            if type(inner) not in _JSON_TYPES:
                _check_value(inner)
    elif type(value) is list or _is_list(value):
        for inner in cast("list[object]", value):
            if type(inner) not in _JSON_TYPES:
                _check_value(inner)
    elif not isinstance(value, (str, Integral, NoneType)):
        if not _is_real(value):
            raise TypeError(f"it holds {type(value).__name__}, which JSON has no form for")
        if not math.isfinite(cast("float", value)):
            raise ValueError(f"it holds {value}")


def _is_list(value: object) -> bool:
    return isinstance(value, _LISTS) and not isinstance(value, (str, *_BYTES, UserString))


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, Rational)


def _convert_unknown(value: Any) -> Any:
    """A value of a type that the encoder does not know (numpy's numbers, for instance) as one of
    a type that it knows."""
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


_ENCODER = msgspec.json.Encoder(enc_hook=_convert_unknown)
