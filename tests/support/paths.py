"""Where the repository lies, and the media that examples and tests share."""

from __future__ import annotations

from pathlib import Path

__all__ = ["MEDIA", "ROOT"]

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "examples" / "media"
