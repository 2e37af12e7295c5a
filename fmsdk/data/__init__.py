"""fmsdk's own dated tables, one JSON file each, and the only way to read them: `read_table`.

Every row, or the group it is in, states the source of its figures and the date they were checked.
The modules that read a table know what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

import msgspec

__all__ = ["read_table"]

T = TypeVar("T")
Index = TypeVar("Index")

_CACHE: dict[tuple[str, type, Callable[[Any], Any] | None], Any] = {}


@overload
def read_table(name: str, kind: type[T]) -> T: ...
@overload
def read_table(name: str, kind: type[T], index: Callable[[T], Index]) -> Index: ...
def read_table(name: str, kind: type[T], index: Callable[[T], Any] | None = None) -> Any:
    """The table `fmsdk/data/<name>`, checked against the type `kind`. It is read once a process.

    Args:
        index: makes of the table what is returned and cached, a mapping for instance.

    Raises:
        FileNotFoundError: there is no table of that name.
    """
    key = (name, kind, index)
    if key not in _CACHE:
        text = (Path(__file__).parent / name).read_bytes()
        table = msgspec.json.decode(text, type=kind)
        _CACHE[key] = table if index is None else index(table)
    return _CACHE[key]
