"""What encoders and decoders of embeddings share: options that the wire lacks, and the checks of
the vectors that came back."""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Sequence
from dataclasses import fields
from itertools import chain

from fmsdk.embedding import EmbedRequest, Vectors
from fmsdk.hosted.decoding import decode_base64
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.result import Warning

__all__ = ["collect_vectors", "drop_other_options", "is_normalized", "vector_warnings"]

_UNIT_TOLERANCE = 1e-2
"""Servers round to half precision, whose 3,000 errors of 0.05 % add up to less than this."""
_FLOAT_BYTES = 4


def drop_other_options(builder: RequestBuilder, names: frozenset[str]) -> None:
    """Leave out the options that were set and are not among `names`, which embeddings have.

    Raises:
        UnsupportedSetting: unless the request is lenient.
    """
    default = type(builder.options)()
    for spec in fields(builder.options):
        if spec.name in names or getattr(builder.options, spec.name) == getattr(default, spec.name):
            continue
        builder.unsupported_settings.drop(f"options.{spec.name}", "embeddings have no such field")


def collect_vectors(
    rows: Sequence[Sequence[float] | str], request: EmbedRequest, error_mapper: ErrorMapper
) -> Vectors:
    """The vectors of an answer, each a list of numbers, or base64 of little-endian float32:
    servers send the one where the other was asked for.

    Raises:
        InvalidResponse: another number of vectors than of texts, vectors of no or of different
            lengths or of another length than asked for, or numbers that are not finite.
    """
    if len(rows) != len(request.inputs):
        raise error_mapper.invalid(f"{len(rows)} vectors for {len(request.inputs)} texts")
    if all(isinstance(row, str) for row in rows):
        blocks = [decode_base64(row, error_mapper) for row in rows if isinstance(row, str)]
        width = len(blocks[0]) // _FLOAT_BYTES
        if width == 0 or any(len(block) != width * _FLOAT_BYTES for block in blocks):
            raise error_mapper.invalid("vectors of no, or of different lengths")
        vectors = Vectors.from_bytes(b"".join(blocks), width)
    else:
        lists = [row for row in rows if not isinstance(row, str)]
        width = len(lists[0])
        if width == 0 or len(lists) < len(rows) or any(len(row) != width for row in lists):
            raise error_mapper.invalid("vectors of no, or of different lengths")
        vectors = Vectors(array("f", chain.from_iterable(lists)), width)
    if not all(map(math.isfinite, map(_squared_length, vectors))):
        raise error_mapper.invalid("a vector with numbers that are not finite")
    if request.dimensions not in (None, width) and not request.lenient:
        error = error_mapper.invalid(
            f"vectors of {width} dimensions, although {request.dimensions} were asked for: this "
            "model takes no dimensions. Leave them out, or pass lenient=True to take the vectors"
        )
        error.retryable = False
        raise error
    return vectors


def is_normalized(vectors: Vectors) -> bool:
    """Whether all vectors are of unit length."""
    return all(abs(_squared_length(row) - 1) <= _UNIT_TOLERANCE for row in vectors)


def vector_warnings(
    vectors: Vectors, request: EmbedRequest, *, normalized: bool
) -> tuple[Warning, ...]:
    """What the caller should know of the vectors before computing with them."""
    warnings: list[Warning] = []
    if request.dimensions not in (None, vectors.dimensions):
        warnings.append(
            Warning(
                "setting_ignored",
                f"{request.dimensions} dimensions were asked for, and the vectors of "
                f"{request.name} have {vectors.dimensions}",
                "dimensions",
            )
        )
    if not normalized:
        warnings.append(
            Warning(
                "vectors_unnormalized",
                f"the vectors of {request.name} are not of unit length: divide each by its length "
                "before comparing them by dot product",
                "vectors",
            )
        )
    return tuple(warnings)


def _squared_length(row: Sequence[float]) -> float:
    return sum(map(operator.mul, row, row))
