"""fmsdk's own dated tables, a JSON file each, and the one way to read them.

Every row, or the group it stands in, says where its figures come from and when that was looked
at. What the tables mean is known where they are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

__all__ = ["read"]

T = TypeVar("T")


def read(name: str, kind: type[T]) -> T:
    """The table `fmsdk/data/<name>`, checked against the type `kind`."""
    return msgspec.json.decode((Path(__file__).parent / name).read_bytes(), type=kind)
