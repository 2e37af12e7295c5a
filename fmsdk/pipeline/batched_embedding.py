"""The verb `embed`: a list of texts as several requests to the server, if one cannot hold it.

The provider says how much one request holds (`Embeds.embed_limits`). At most
`MAX_CONCURRENT_BATCHES` requests of one call run at the same time. A retry sends only the texts
without vectors, so that nothing is paid twice.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Sequence
from dataclasses import fields, replace
from typing import Any, cast

from fmsdk.embedding import Embeddings, EmbedLimits, EmbedRequest, Vectors
from fmsdk.errors import FmsdkError, InvalidResponse
from fmsdk.operation import Operation
from fmsdk.provider import Capabilities, Embeds, Provider
from fmsdk.result import NO_USAGE
from fmsdk.usage import InputUsage, OutputUsage, Usage, without_false_zeros

__all__ = ["embed_operation", "split_inputs"]

MAX_CONCURRENT_BATCHES = 4
_BYTES_PER_TOKEN = 3
"""Of UTF-8. Prose has 4 and more, so most texts are counted as longer than they are."""


def embed_operation() -> Operation[EmbedRequest, Awaitable[Embeddings]]:
    """The operation of one call."""
    batches = _Batches()
    return Operation(
        verb="embed",
        semantic_name="embeddings",
        ask=batches.embed,
        attempt_usage=batches.attempt_usage,
        protocol=Embeds,
        purpose="embeddings",
        capabilities=Capabilities(settings=frozenset()),
    )


def split_inputs(texts: Sequence[str], limits: EmbedLimits) -> list[slice]:
    """The texts of each request, in order: as many as the limits allow, and at least one. Tokens
    are estimated by the length of a text."""
    parts: list[slice] = []
    start, tokens = 0, 0
    for number, text in enumerate(texts):
        own = -(-len(text.encode()) // _BYTES_PER_TOKEN)
        is_full = limits.items is not None and number - start >= limits.items
        is_long = limits.tokens is not None and tokens + own > limits.tokens
        if number > start and (is_full or is_long):
            parts.append(slice(start, number))
            start, tokens = number, 0
        tokens += own
    parts.append(slice(start, len(texts)))
    return parts


class _Batches:
    """The requests of one call, and their answers, also from earlier attempts."""

    def __init__(self) -> None:
        self._answers: dict[int, Embeddings] = {}
        self._earlier: frozenset[int] = frozenset()

    def attempt_usage(self, usage: Usage) -> Usage | None:
        """As `Operation.attempt_usage`."""
        if not self._earlier:
            return usage
        own = [answer for number, answer in self._answers.items() if number not in self._earlier]
        return _sum_usage(own) if own else None

    async def embed(self, provider: Provider, request: EmbedRequest) -> Embeddings:
        """Send the requests that have no answer yet.

        Raises:
            FmsdkError: of the first request that failed. `partial` has the vectors of the first
                texts, up to the first gap, and the usage of all answers.
        """
        embedder = cast("Embeds", provider)
        parts = split_inputs(request.inputs, embedder.embed_limits(request.model))
        slots = asyncio.Semaphore(MAX_CONCURRENT_BATCHES)
        sent: set[int] = set()

        async def send_batch(number: int) -> None:
            async with slots:
                sent.add(number)
                batch = replace(request, messages=request.messages[parts[number]])
                self._answers[number] = await embedder.embed(batch)

        self._earlier = frozenset(self._answers)
        missing = [number for number in range(len(parts)) if number not in self._answers]
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:  # when one fails, the others are cancelled
                for number in missing:
                    group.create_task(send_batch(number))
        except ExceptionGroup as errors:
            failure = errors.exceptions[0]
        if failure is not None:
            if isinstance(failure, FmsdkError):
                if self._answers:
                    failure.partial = self._merge(request)
                if len(sent - self._answers.keys()) > 1:  # others were cancelled on their way
                    failure.is_unbilled = False
            raise failure
        result = self._merge(request)
        if len(result.vectors) != len(request.inputs):
            raise InvalidResponse(
                f"{len(request.inputs)} texts were sent, {len(result.vectors)} vectors came back",
                provider=request.provider,
                model=request.model,
            )
        return result

    def _merge(self, request: EmbedRequest) -> Embeddings:
        """The answers as one: the vectors up to the first gap, and the usage of all."""
        if len(self._answers) == 1 and 0 in self._answers:
            return self._answers[0]
        leading: list[Embeddings] = []
        while (answer := self._answers.get(len(leading))) is not None:
            leading.append(answer)
        answers = [answer for _, answer in sorted(self._answers.items())]
        first = answers[0]
        values = array("f")
        for answer in leading:
            if answer.dimensions != first.dimensions:
                raise InvalidResponse(
                    f"vectors of {first.dimensions} and {answer.dimensions} dimensions came back",
                    provider=request.provider,
                    model=request.model,
                )
            values.frombytes(answer.vectors.view.cast("B"))
        flags = [answer.normalized for answer in leading]
        warnings = {(w.code, w.detail): w for answer in answers for w in reversed(answer.warnings)}
        return replace(
            first,
            vectors=Vectors(values, first.dimensions),
            normalized=None if None in flags or not flags else all(flags),
            usage=_sum_usage(answers),
            warnings=tuple(warnings.values()),
            raw_body=None,
        )


def _sum_usage(answers: list[Embeddings]) -> Usage:
    """The usage of all answers. A count that one of them lacks is unknown."""
    usages = [without_false_zeros(answer.usage, has_output=False) for answer in answers]
    sources = {usage.source for usage in usages}
    if "unknown" in sources:
        return NO_USAGE
    charges = [usage.charged for usage in usages]
    known_charges = [charge for charge in charges if charge is not None]
    return Usage(
        input=InputUsage(**_sum_fields([usage.input for usage in usages])),
        output=OutputUsage(**_sum_fields([usage.output for usage in usages])),
        source="estimated" if "estimated" in sources else "measured",
        service_tier=usages[0].service_tier,
        charged=sum(known_charges[1:], known_charges[0])
        if len(known_charges) == len(charges)
        else None,
    )


def _sum_fields(counts: Sequence[InputUsage | OutputUsage]) -> dict[str, Any]:
    sums: dict[str, Any] = {}
    for spec in fields(counts[0]):
        values = [getattr(count, spec.name) for count in counts]
        sums[spec.name] = None if None in values else sum(values)
    return sums
