"""Every part, source and setting over every wire: it arrives, or the caller hears of it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from tests.matrix import schemas
from tests.matrix.results import Matrix
from tests.matrix.wires import SERVER_WIRES, WIRES, Wire
from tests.support.shared_folder import needs_shared

ALL = pytest.mark.parametrize("wire", [*WIRES, *SERVER_WIRES], ids=str)
OFFICIAL = pytest.mark.parametrize("wire", WIRES, ids=str)


@ALL
def test_no_silent_loss(wire: Wire, matrix: Matrix) -> None:
    broken = [
        f"{result.cell.name}: {fault}"
        for result in matrix.of(wire)
        for verdict in result.verdicts()
        for fault in verdict.faults
    ]
    assert broken == []


@OFFICIAL
def test_streams_carry_what_plain_requests_do(wire: Wire, matrix: Matrix) -> None:
    differing = [
        f"{result.cell.name}: {result.plain.word}, streamed {result.streamed.word}"
        for result in matrix.of(wire)
        if result.streamed is not None and result.streamed.word != result.plain.word
    ]
    assert differing == []


@ALL
def test_refusals_and_omissions_are_explained(wire: Wire, matrix: Matrix) -> None:
    """And the words name neither the wrong thing nor nothing."""
    for result in matrix.of(wire):
        for verdict in result.verdicts():
            assert verdict.why or verdict.word in ("carried", "kept"), result.cell.name


@ALL
def test_text_is_carried_by_all(wire: Wire, matrix: Matrix) -> None:
    """So that a server which refuses everything does not pass."""
    words = {result.cell.name: result.plain.word for result in matrix.of(wire)}
    assert words["Text: text"] == "carried"
    assert words["Image: bytes"] == "carried"
    assert words["Tool calls: several at once"] == "carried"
    assert sum(word == "carried" for word in words.values()) > len(words) / 4


@OFFICIAL
def test_every_option_is_asked(wire: Wire) -> None:
    assert {spec.name for spec in fields(wire.options)} == set(wire.samples)


@needs_shared
@OFFICIAL
def test_bodies_fit_the_vendors_schema(wire: Wire, matrix: Matrix) -> None:
    against = [
        f"{result.cell.name}: {error}"
        for result in matrix.of(wire)
        for verdict in result.verdicts()
        if verdict.seen is not None
        for error in schemas.errors(wire, verdict.seen)
    ]
    assert against == []
