"""Every recorded answer × every fault of the replay server, over real sockets: each ends in one
typed error that says whether to try again, and none in an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import FmsdkError
from fmsdk.response import Response
from tests.support.hosted.faults import STALL_SECONDS, Case, cases
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.replay import ROWS, asker, is_streamed, run_replay_server
from tests.support.hosted.wires import WIRES, Wire
from tests.support.shared_folder import needs_shared
from tests.support.tally import count_faults

pytestmark = needs_shared
AT_ONCE = 64
PATIENT_SECONDS = 30.0
"""For whatever does not stall: a busy machine is none of the faults."""


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with run_replay_server() as root:
        yield root


def _rows_of(wire: Wire) -> list[str]:
    return [name for name in ROWS if asker(name).wire is wire]


def _client(root: str, wire: Wire, idle_timeout: float) -> fmsdk.AsyncClient:
    """Of every provider that a row of this wire comes from, compatible servers included."""
    providers: dict[str, Any] = {}
    for name in _rows_of(wire):
        providers |= asker(name).configured(f"{root}/by-model")
    return fmsdk.AsyncClient(providers=providers, retries=0, idle_timeout=idle_timeout)


async def _outcome(client: fmsdk.AsyncClient, case: Case) -> object:
    model = f"{asker(case.row).provider}:{case.row}~{case.fault}"
    return await outcome(client, model, "Hello", stream=is_streamed(ROWS[case.row]))


def _wrong(case: Case, got: object) -> list[str]:
    """What is not as it has to be."""
    if not isinstance(got, FmsdkError):
        return [f"{'an answer' if isinstance(got, Response) else 'untyped'}: {got!r}"]
    found: list[str] = []
    if type(got).__name__ not in case.kinds:
        found.append(f"{got!r}, not {set(case.kinds)}")
    if got.retryable is not case.retryable:
        found.append(f"retryable={got.retryable}")
    if got.status not in case.status:
        found.append(f"status={got.status}, not {set(case.status)}")
    if got.retry_after != case.retry_after:
        found.append(f"retry_after={got.retry_after}, not {case.retry_after}")
    if case.request_id is not None and got.request_id != case.request_id:
        found.append(f"request_id={got.request_id}, not {case.request_id}")
    if (got.provider, len(got.attempts)) != (asker(case.row).provider, 1):
        found.append(f"provider={got.provider}, attempts={got.attempts}")
    return found + _wrong_partial(case, got)


def _wrong_partial(case: Case, got: FmsdkError) -> list[str]:
    partial = got.partial
    if partial is None:
        return [f"no partial, not {case.text!r}"] if case.text else []
    if case.text is not None and partial.text != case.text:
        return [f"partial {partial.text!r}, not {case.text!r}"]
    if partial.finish != "cancelled":
        return [f"partial.finish={partial.finish}"]
    used = partial.usage
    if used.source == "unknown" or used.input.total is None or used.output.total is None:
        return [f"partial.usage={used}"]
    return []


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: type(wire).__name__)
def test_every_fault_of_every_row_is_one_typed_error(root: str, wire: Wire) -> None:
    every = [case for name in _rows_of(wire) for case in cases(name)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(client: fmsdk.AsyncClient, case: Case) -> object:
        async with gate:
            return await _outcome(client, case)

    async def ask(asked: list[Case], idle_timeout: float) -> list[tuple[Case, object]]:
        async with _client(root, wire, idle_timeout) as client:
            got = await asyncio.gather(*(one(client, case) for case in asked))
        return [*zip(asked, got, strict=True)]

    async def main() -> list[tuple[Case, object]]:
        stalled = [case for case in every if "stall=" in case.fault]
        rest = [case for case in every if "stall=" not in case.fault]
        return await ask(rest, PATIENT_SECONDS) + await ask(stalled, STALL_SECONDS / 2)

    found = asyncio.run(main())
    count_faults([got for _, got in found])
    assert len(every) > 100
    wrong = [f"{case!r}: {what}" for case, got in found for what in _wrong(case, got)]
    assert not wrong, f"{len(wrong)} wrong of {len(every)} faults:\n" + "\n".join(wrong)
