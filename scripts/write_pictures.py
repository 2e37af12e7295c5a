"""Writes the pictures of the README from real output: `fmsdk quote` as a terminal shows it, and the
page of `fmsdk tco` as Chromium does. Run it after a change of either: `make pictures`."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
QUOTE = (
    *("quote", "What is in the picture?", "examples/media/blue_circle.png"),
    *("--max-output-tokens", "300", "-m", "openai:gpt-5.6-sol", "-m", "google:gemini-3.5-flash"),
    *("-m", "anthropic:claude-sonnet-5-5", "-m", "openai:gpt-5.4-mini", "-m", "local:demo-vision"),
)
TCO = (
    *("tco", "--price", "32000", "--years", "4", "--residual", "0.15", "--hours-per-month", "730"),
    *("--kilowatts", "0.9", "--idle-kilowatts", "0.25", "--pue", "1.3", "--price-per-kwh", "0.14"),
    *("--hosting", "250", "--staff", "600", "--tokens-per-second", "2500"),
    *("--requests-per-second", "1.2", "--input-tokens", "900", "--output-tokens", "250"),
    *("--api", "openai:gpt-5.6-sol", "--api", "openai:gpt-5.4-mini", "--carbon", "0.35"),
)
_GREEN = ' fill="#7ee0a0"'
COLUMNS, LINE, LETTER = 88, 20, 8.43
"""Of the terminal; pixels of a line, and of a letter of 14 pixels."""


def run_in_terminal(*arguments: str) -> str:
    """What the command writes to a terminal of `COLUMNS` columns."""
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS)}
    command = [sys.executable, "-m", "fmsdk", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=child, stderr=child
    )
    os.close(child)
    pieces: list[bytes] = []
    try:
        while piece := os.read(parent, 65536):
            pieces.append(piece)
    except OSError:  # Linux's end of a terminal
        pass
    os.close(parent)
    if process.wait():
        raise SystemExit(b"".join(pieces).decode())
    return b"".join(pieces).decode().replace("\r\n", "\n").rpartition("\x1b[K")[2].rstrip("\n")


def draw_terminal(command: str, output: str) -> str:
    """A terminal as SVG: the command, and what it wrote."""
    lines = [f"$ {command}", *output.split("\n")]
    width, height = COLUMNS * LETTER + 32, len(lines) * LINE + 32
    texts = "".join(
        f'<text x="16" y="{(number + 1) * LINE + 8}" xml:space="preserve"'
        f"{'' if number else _GREEN}>{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">'
        f"<title>{escape(lines[0])}</title>"
        f'<rect width="100%" height="100%" rx="8" fill="#1d2430"/>'
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" '
        f'font-size="14" fill="#e8edf5">{texts}</g></svg>\n'
    )


def main() -> int:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("the picture of the page needs Debian's chromium", file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    output = run_in_terminal(*QUOTE)
    shown = 'fmsdk quote "What is in the picture?" blue_circle.png --max-output-tokens 300 -m …'
    (PICTURES / "quote.svg").write_text(draw_terminal(shown, output))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "tco.html"
        run_in_terminal(*TCO, "--html", str(page))
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--window-size=820,1180", f"--screenshot={PICTURES / 'tco.png'}", page.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
