"""The options of the provider and of a request, and the messages for wrong ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fmsdk.errors import BadRequestError
from fmsdk_local import LocalConfig, LocalOptions


def test_options_are_read_as_users_write_them() -> None:
    config = LocalConfig.read_options(
        {"wire": "local", "device": "cuda:1", "price_per_hour": "1.99", "cache_dir": "cache"}
    )
    assert config.device == "cuda:1"
    assert config.price_per_hour == Decimal("1.99")
    assert config.cache_dir == Path("cache")
    assert LocalConfig.read_options({"price_per_hour": 0.5}).price_per_hour == Decimal("0.5")
    assert LocalConfig.read_options({}) == LocalConfig()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"devise": "cpu"}, "device"),
        ({"device": "gpu"}, "cuda:1"),
        ({"device": "cuda:x"}, "cuda:1"),
        ({"dtype": "int3"}, "bfloat16"),
        ({"threads": 0}, "threads"),
        ({"max_queue": 0}, "max_queue"),
        ({"price_per_hour": "cheap"}, "dollars an hour"),
        ({"price_per_hour": -1}, "dollars an hour"),
        ({"price_per_hour": "nan"}, "dollars an hour"),
        ({"trust_remote_code": None}, "True or False"),
    ],
)
def test_nonsensical_values_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequestError, match=says):
        LocalConfig.read_options(options)


@pytest.mark.parametrize(
    "options",
    [{"top_k": -1}, {"min_p": 1.5}, {"repetition_penalty": 0}, {"no_repeat_ngram_size": -2}],
)
def test_sampling_options_have_their_ranges(options: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match=next(iter(options))):
        LocalOptions(**options)
