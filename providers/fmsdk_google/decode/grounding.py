"""What an answer rests on: citations, grounding, pages that were read.

fmsdk has no value for them, so that they are in `raw_body` only. For a stream that is its last
chunk, into which the grounding of the chunks before it is merged.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from fmsdk_google.decode.response_types import Candidate

__all__ = ["Grounding"]

Metadata = dict[str, Any]


class Grounding:
    """The grounding of each choice, as far as it has come. `queries`: of Google's searches.
    `has_maps`: something is from Google Maps."""

    def __init__(self) -> None:
        self.queries: set[str] = set()
        self.has_maps = False
        self._by_choice: dict[int, Metadata] = {}

    def add(self, candidate: Candidate) -> None:
        """Merge a chunk's grounding of one choice."""
        fields = {
            "citationMetadata": candidate.citation_metadata,
            "groundingMetadata": candidate.grounding_metadata,
            "urlContextMetadata": candidate.url_context_metadata,
        }
        merged_lists = self._by_choice.setdefault(candidate.index or 0, {})
        for name, value in fields.items():
            if isinstance(value, dict):
                merged_lists[name] = _merge(merged_lists.get(name), cast("Metadata", value))
        metadata = merged_lists.get("groundingMetadata", {})
        chunks = metadata.get("groundingChunks")
        if isinstance(chunks, list):
            pieces = cast("list[object]", chunks)
            self.has_maps |= any(isinstance(piece, dict) and "maps" in piece for piece in pieces)
        queries = metadata.get("webSearchQueries")
        if isinstance(queries, list):
            self.queries |= {q for q in cast("list[object]", queries) if q and isinstance(q, str)}

    def merge_into(self, chunk: bytes) -> bytes:
        """A chunk with the grounding of each of its choices."""
        body: Any = msgspec.json.decode(chunk)
        for candidate in body.get("candidates") or ():
            candidate |= self._by_choice.get(candidate.get("index") or 0, {})
        return msgspec.json.encode(body)


def _merge(earlier: Metadata | None, newer: Metadata) -> Metadata:
    """Lists (of citations, of pages) are joined; other fields take the newer value."""
    merged_lists = dict(earlier or {})
    for name, value in newer.items():
        current = merged_lists.get(name)
        if isinstance(current, list) and isinstance(value, list):
            items = cast("list[Any]", current)
            merged_lists[name] = [*items, *(v for v in cast("list[Any]", value) if v not in items)]
        else:
            merged_lists[name] = value
    return merged_lists
