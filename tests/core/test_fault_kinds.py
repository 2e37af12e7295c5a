"""Every kind of fault has tests, so that the tally of a run counts what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fault_kinds import FAULT_KINDS, kinds_of

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_prefix_names_tests(kind: str) -> None:
    for prefix in FAULT_KINDS[kind]:
        file, _, name = prefix.partition("::")
        text = (TESTS / file).read_text(encoding="utf-8")
        assert any(f"{word} {name or 'test_'}" in text for word in ("def", "class")), prefix


def test_a_test_is_counted_under_its_kind() -> None:
    (kind,) = kinds_of("tests/hosted/test_memory.py::test_an_answer[openai]")
    assert kind == "memory without a bound"
    assert not kinds_of("tests/core/test_fault_kinds.py::test_a_test")
