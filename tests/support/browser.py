"""Pages in a real browser: Debian's Chromium, without a window."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["BROWSER", "OPTIONS", "needs_browser", "run_in_browser"]

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="Debian's chromium is not installed")


def run_in_browser(text: str, folder: Path, *, width: int) -> str:
    """The document that Chromium makes of a page in a window of `width` pixels."""
    file = folder / "page.html"
    file.write_text(text)
    command = [str(BROWSER), *OPTIONS, f"--window-size={width},900", f"--user-data-dir={folder}",
               "--dump-dom", file.as_uri()]  # fmt: skip
    run = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    return run.stdout
