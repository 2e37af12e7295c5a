"""The committed page of public names and options is what the code says."""

from __future__ import annotations

from typing import get_args

import fmsdk
from scripts.write_api_page import PAGE, write_page


def test_the_page_is_up_to_date() -> None:
    assert write_page() == PAGE.read_text(encoding="utf-8"), "run `make docs`"


def test_the_page_has_every_public_name_and_every_code_of_a_warning() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in fmsdk.__all__ if f"\n- `{name}`: " not in page] == []
    assert [code for code in get_args(fmsdk.WarningCode) if f"\n- `{code}`: " not in page] == []
