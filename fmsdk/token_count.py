"""The tokens of a request as its vendor counts them: the result of `count_tokens`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fmsdk.content import Modality
from fmsdk.result import Result

__all__ = ["TokenCount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount(Result):
    """The input tokens of a request that was not asked. `int(count)` is `count.tokens`.

    by_modality: the parts of `tokens`, where the vendor reports them. No tokens were used, so that
    `usage` is unknown; `cost` is 0, since vendors count for nothing.
    """

    tokens: int
    by_modality: Mapping[Modality, int] = field(default_factory=dict[Modality, int])

    def __int__(self) -> int:
        return self.tokens

    def __str__(self) -> str:
        return f"{self.tokens} tokens"

    def to_dict(self) -> dict[str, Any]:
        """As plain values: see `Result.to_dict`."""
        return {
            "tokens": self.tokens,
            "by_modality": dict(self.by_modality),
            **Result.to_dict(self),
        }
