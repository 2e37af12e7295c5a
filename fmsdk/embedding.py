"""Embeddings: the request, the limits of one request, and the vectors."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, overload

from fmsdk.content import Text
from fmsdk.errors import BadRequestError, UnsupportedContent
from fmsdk.request import Message, Request, build, convert_request
from fmsdk.result import Result
from fmsdk.validation import check_integer

__all__ = ["EmbedLimits", "EmbedRequest", "Embeddings", "Vectors", "build_embed_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedRequest(Request):
    """A request whose messages become vectors, one for each. `dimensions` is the wanted length of
    the vectors; None leaves it to the model."""

    dimensions: int | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The texts, in order."""
        return tuple(message.text for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedLimits:
    """How much one request to the server may hold: `items` texts, and `tokens` of all texts
    together. None: no limit is known."""

    items: int | None = None
    tokens: int | None = None


class Vectors(Sequence["memoryview[float]"]):
    """`len(vectors)` vectors of `dimensions` float32 numbers each, in one block of memory.

    numpy takes them without a copy: `np.asarray(vectors)` has the shape (n, d). For others,
    `vectors.view` is a two-dimensional memoryview. `vectors[0]` is one vector, as a one-dimensional
    view.
    """

    __slots__ = ("_values", "dimensions")

    def __init__(self, values: array[float], dimensions: int) -> None:
        if values.typecode != "f" or dimensions < 1 or len(values) % dimensions:
            raise ValueError(
                f"{len(values)} values of the type {values.typecode!r} are no "
                f"vectors of {dimensions} float32 numbers"
            )
        self._values = values
        self.dimensions = dimensions

    @classmethod
    def from_bytes(cls, data: bytes, dimensions: int) -> Vectors:
        """The vectors of little-endian float32 numbers, one after the other."""
        values = array("f")
        values.frombytes(data)
        if sys.byteorder == "big":
            values.byteswap()
        return cls(values, dimensions)

    def to_bytes(self) -> bytes:
        """The numbers as little-endian float32."""
        values = self._values
        if sys.byteorder == "big":
            values = array("f", values)
            values.byteswap()
        return values.tobytes()

    @property
    def shape(self) -> tuple[int, int]:
        """The number of vectors, and the number of dimensions."""
        return len(self), self.dimensions

    @property
    def view(self) -> memoryview[float]:
        """The numbers as a memoryview of the shape (n, d)."""
        flat = memoryview(self._values)
        if not len(self):  # a memoryview cannot be cast to a shape with a zero in it
            return cast("memoryview[float]", flat)
        return flat.cast("B").cast("f", list(self.shape))

    @property
    def __array_interface__(self) -> Mapping[str, Any]:
        """For numpy: the block of memory, and its layout."""
        order = "<" if sys.byteorder == "little" else ">"
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": f"{order}f4",
            "data": memoryview(self._values),
        }

    def __len__(self) -> int:
        return len(self._values) // self.dimensions

    @overload
    def __getitem__(self, index: int) -> memoryview[float]: ...

    @overload
    def __getitem__(self, index: slice) -> Vectors: ...

    def __getitem__(self, index: int | slice) -> memoryview[float] | Vectors:
        width = self.dimensions
        if isinstance(index, slice):
            values = array("f")
            for row in range(*index.indices(len(self))):
                values += self._values[row * width : (row + 1) * width]
            return Vectors(values, width)
        row = range(len(self))[index]
        return cast("memoryview[float]", memoryview(self._values)[row * width : (row + 1) * width])

    def __iter__(self) -> Iterator[memoryview[float]]:
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vectors):
            return NotImplemented
        return self.shape == other.shape and self._values == other._values

    __hash__ = None  # type: ignore[assignment] - as of arrays, since the numbers can be changed

    def __repr__(self) -> str:
        return f"<{len(self)} vectors of {self.dimensions} dimensions>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings(Result):
    """One vector for each input, in order.

    `normalized` says whether all vectors are of unit length, as computed from them. If they are
    not, their cosine similarity is the dot product divided by both lengths.
    """

    vectors: Vectors
    normalized: bool | None = None

    @property
    def dimensions(self) -> int:
        """The number of dimensions of each vector."""
        return self.vectors.dimensions

    def __str__(self) -> str:
        return repr(self.vectors)[1:-1]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, the vectors as lists of numbers: see `Result.to_dict`."""
        return {
            "vectors": [vector.tolist() for vector in self.vectors],
            "normalized": self.normalized,
            **Result.to_dict(self),
        }


def build_embed_request(
    model: str, inputs: object, *, dimensions: int | None = None, **common: Any
) -> EmbedRequest:
    """The request for `Client.embed`'s arguments.

    Raises:
        BadRequestError: no text, an empty text (servers refuse it, or embed something else), or an
            argument out of range.
        UnsupportedContent: an input that is no text.
    """
    items = [inputs] if isinstance(inputs, str | Text) else inputs
    if isinstance(items, bytes | Mapping) or not isinstance(items, Sequence):
        raise BadRequestError(
            f"inputs are a text or a list of texts, not {type(inputs).__name__}; make a list of it"
        )
    texts: list[str] = []
    for number, item in enumerate(cast("Sequence[object]", items)):
        if not isinstance(item, str | Text):
            raise UnsupportedContent(
                f"inputs[{number}] is {type(item).__name__}: embed takes text alone",
                part=str(getattr(item, "kind", type(item).__name__)),
            )
        text = item if isinstance(item, str) else item.text
        if not text.strip():
            raise BadRequestError(f"inputs[{number}] is empty: leave out texts without content")
        texts.append(text)
    if not texts:
        raise BadRequestError("inputs is empty: there is nothing to embed")
    request = build(model, [Message("user", text) for text in texts], **common)
    return convert_request(
        request, EmbedRequest, dimensions=check_integer("dimensions", dimensions, least=1)
    )
