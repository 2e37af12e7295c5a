"""Writes `fmsdk/data/prices`, a price list for each vendor, from the installed genai-prices.

Run it after a new release: `python scripts/write_price_lists.py`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from fmsdk.pricing.genai_prices import installed_lists

FOLDER = Path(__file__).resolve().parents[1] / "fmsdk" / "data" / "prices"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for vendor, prices in installed_lists().items():
        (FOLDER / f"{vendor}.json").write_bytes(msgspec.json.encode(prices) + b"\n")
    print(f"{len(installed_lists())} price lists are in {FOLDER}")


if __name__ == "__main__":
    main()
