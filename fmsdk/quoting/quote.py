"""A quote as a value: tokens, cost and time of a request before it is sent. `fmsdk.quoting.offline`
makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from fmsdk.content import Modality
from fmsdk.notebook import render_table
from fmsdk.provider import Basis
from fmsdk.result import Warning
from fmsdk.usage import Range, format_dollars, to_plain_record

__all__ = ["Quote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a request would use and cost.

    output_tokens: `high` is `max_output_tokens`, else the longest answer of the model.
    cost: US dollars for one attempt; None: the price is unknown. Without a cache, but if the
        request has marks for one, the range goes from reading all of the input to writing it.
    ceiling: US dollars that one attempt cannot exceed, if every byte is a token and is written to
        the most expensive cache, and if the answer is as long as allowed; with the hidden prompts
        that vendors add. None: there is no bound; a warning names input that nobody can bound.
    source: "measured" if a tokenizer counted the input, else "estimated".
    price_source: the source of the prices, and their date.
    by_modality: the parts of `input_tokens`.
    input_ceiling: the most input tokens that can be billed; None: there is no bound.
    basis: how each modality's tokens are known: by the vendor's "rule", by a "tokenizer" of its
        vocabulary, by the model's own "processor", or by a "ratio" fitted to recorded bills.
    input_seconds: the length of a recording that is billed by the second, and not by tokens.
    past_calls: calls in the ledger like this one, of which `output_tokens` are then; 0: too few.
    seconds, time_to_first_token: what 90% of those calls took, and the median.
    """

    provider: str
    model: str
    input_tokens: Range[int]
    output_tokens: Range[int]
    cost: Range[Decimal] | None = None
    ceiling: Decimal | None = None
    source: Literal["estimated", "measured"] = "estimated"
    price_source: str | None = None
    warnings: tuple[Warning, ...] = ()
    by_modality: Mapping[Modality, Range[int]] = field(default_factory=dict[Modality, Range[int]])
    input_ceiling: int | None = None
    basis: Mapping[Modality, Basis] = field(default_factory=dict[Modality, Basis])
    input_seconds: float | None = None
    past_calls: int = 0
    seconds: Range[float] | None = None
    time_to_first_token: Range[float] | None = None

    def __str__(self) -> str:
        """One line: tokens, cost and ceiling, rounded to 3 digits."""
        if self.input_seconds is not None:
            cost = "cost unknown" if self.cost is None else f"~{self.cost}"
            return f"{self.input_seconds:.1f} s of audio in · {cost}"
        text = f"~{self.input_tokens.expected} tokens in"
        media = [(kind, n.expected) for kind, n in self.by_modality.items() if kind != "text"]
        if media:
            text += f" ({', '.join(f'{kind} {count}' for kind, count in media)})"
        text += f", ~{self.output_tokens.expected} out"
        if self.cost is None:
            return f"{text} · cost unknown"
        text += f" · ~{self.cost}"
        return text if self.ceiling is None else f"{text}, at most {format_dollars(self.ceiling)}"

    def _repr_html_(self) -> str:
        rows = {"input tokens": str(self.input_tokens)}
        for kind, tokens in self.by_modality.items():
            known_by = f", by {self.basis[kind]}" if kind in self.basis else ""
            rows[f"of them {kind}"] = f"{tokens}{known_by}"
        if self.input_ceiling is not None:
            rows["input at most"] = str(self.input_ceiling)
        rows |= {
            "output tokens": str(self.output_tokens),
            "cost": "unknown" if self.cost is None else str(self.cost),
            "at most": "no bound" if self.ceiling is None else format_dollars(self.ceiling),
        }
        rows |= (
            {"takes": f"{self.seconds}, by {self.past_calls} past calls"} if self.seconds else {}
        )
        rows |= {"prices": self.price_source} if self.price_source else {}
        rows |= {f"warning {n}": warning.message for n, warning in enumerate(self.warnings, 1)}
        return render_table(f"{self.provider}:{self.model}", rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        return to_plain_record(self)
