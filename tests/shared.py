"""Where the recordings and schemas lie that some checkouts have beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"

needs_shared = pytest.mark.skipif(
    not (SHARED / "recorded").is_dir(),
    reason="needs the recordings and schemas in ../shared, which lie beside a developer's checkout",
)
