"""How long what happens at once may take where other work shares the machine."""

from __future__ import annotations

__all__ = ["PATIENCE"]

PATIENCE = 30.0
"""Seconds. What hangs takes longer than this; nothing else does."""
