"""How much the long tests try: a sample in `make test`, all of it in `make soak`."""

from __future__ import annotations

import os

__all__ = ["IS_SOAK", "soak_size"]

IS_SOAK = os.environ.get("FMSDK_SOAK", "") not in ("", "0")


def soak_size(short: int, full: int) -> int:
    """`full` in `make soak`, `short` elsewhere."""
    return full if IS_SOAK else short
