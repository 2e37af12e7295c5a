"""Listings of odd shapes: what cannot be read tells nothing, and takes nothing else along."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk_openai.model_info import ModelInfo
from fmsdk_openai.servers import SERVERS
from tests.openai.test_model_discovery import TOLD

ODD: list[Any] = [
    *({"id": 5}, {}, None, "m", 7, [], {"id": "n", "aliases": [1]}),
    *({"id": "n", name: "5"} for name in ("context_length", "max_model_len", "type")),
    *({"id": "n", name: {"a": 1}} for name in ("context_window", "supports_tools")),
    *({"id": "n", name: 7} for name in ("architecture", "capabilities", "supported_parameters")),
]
ROWS = [
    pytest.param(name, path, page if isinstance(page, list) else next(iter(page.values())), id=name)
    for name, listings, _ in TOLD
    for path, page in listings.items()
    if path.endswith("models")
]


def read(name: str, path: str, page: Any) -> ModelInfo:
    """What a server's listing at this path says of the model m."""
    (listing,) = (one for one in SERVERS[name].listings if path.endswith(one.path.lstrip("./")))
    return listing.read(json.dumps(page).encode())["m"]


@pytest.mark.parametrize(("name", "path", "rows"), ROWS)
def test_an_odd_row_costs_no_other(name: str, path: str, rows: list[Any]) -> None:
    whole = read(name, path, rows)
    assert whole != ModelInfo()
    assert read(name, path, [*ODD, *rows, *ODD]) == whole
    assert read(name, path, {"data": [*ODD, *rows]}) == whole


@pytest.mark.parametrize("odd", [-5, 0, "5", 4.5, True, None, [], {}])
@pytest.mark.parametrize(("name", "path", "rows"), ROWS)
def test_an_odd_size_is_ignored(name: str, path: str, rows: list[Any], odd: Any) -> None:
    sizes = {key: odd for key in rows[0] if key.startswith(("context", "max_"))}
    told = read(name, path, [{**rows[0], **sizes}])
    assert told.input == read(name, path, rows).input
    assert told.context is None or not sizes


@pytest.mark.parametrize("odd", ["yes", 7, [], {}])
def test_unusual_affirmative_values_count_as_true(odd: Any) -> None:
    capabilities = {"id": "m", "capabilities": {"vision": odd, "function_calling": odd}}
    assert read("mistral", "models", [capabilities]).input is None
    assert read("mistral", "models", [capabilities]).tools is not False
    assert read("xai", "language-models", [{"id": "m", "input_modalities": [odd]}]).input is None


@pytest.mark.parametrize("odd", [b"7", b'"m"', b"null", b"[[]]", b'{"data": 7}', b"{", b"", b"[7]"])
@pytest.mark.parametrize("name", [name for name, _, _ in TOLD])
def test_an_invalid_listing_is_ignored(name: str, odd: bytes) -> None:
    for listing in SERVERS[name].listings:
        assert "m" not in listing.read(odd)
