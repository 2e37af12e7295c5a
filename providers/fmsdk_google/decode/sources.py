"""What an answer rests on: citations, sources of grounding, pages read.

fmsdk has no value for them, so that they are in `raw_body` alone. Of a stream that is its last
chunk, which gets what the chunks before it told.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from fmsdk_google.decode.shapes import Candidate

__all__ = ["Sources"]

ModelInfo = dict[str, Any]


class Sources:
    """The sources of each choice, as far as they have come."""

    def __init__(self) -> None:
        self.queries: set[str] = set()
        self._found: dict[int, ModelInfo] = {}

    def add(self, candidate: Candidate) -> None:
        """Take in what a chunk tells of a choice."""
        told = {
            "citationMetadata": candidate.citation_metadata,
            "groundingMetadata": candidate.grounding_metadata,
            "urlContextMetadata": candidate.url_context_metadata,
        }
        kept = self._found.setdefault(candidate.index or 0, {})
        for name, value in told.items():
            if isinstance(value, dict):
                kept[name] = _merged(kept.get(name), cast("ModelInfo", value))
        searched = kept.get("groundingMetadata", {}).get("webSearchQueries")
        if isinstance(searched, list):
            self.queries |= {q for q in cast("list[object]", searched) if q and isinstance(q, str)}

    def joined(self, chunk: bytes) -> bytes:
        """A chunk with the sources of each of its choices."""
        body: Any = msgspec.json.decode(chunk)
        for candidate in body.get("candidates") or ():
            candidate |= self._found.get(candidate.get("index") or 0, {})
        return msgspec.json.encode(body)


def _merged(before: ModelInfo | None, now: ModelInfo) -> ModelInfo:
    """Lists (of citations, of pages) go on, what else is told anew replaces what was."""
    merged = dict(before or {})
    for name, value in now.items():
        known = merged.get(name)
        if isinstance(known, list) and isinstance(value, list):
            fresh = [one for one in cast("list[Any]", value) if one not in known]
            merged[name] = [*cast("list[Any]", known), *fresh]
        else:
            merged[name] = value
    return merged
