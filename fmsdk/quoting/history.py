"""What past answers say of the next one: how long it will be, and how long it will take. Knows no
ledger; `fmsdk.ledger` finds the past answers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from fmsdk.errors import ConfigurationError
from fmsdk.quoting.offline import cost_range, find_rates
from fmsdk.quoting.quote import Quote
from fmsdk.registry import Registry
from fmsdk.request import Request
from fmsdk.request_options import with_typed_options
from fmsdk.usage import Range

__all__ = ["History", "PastAnswers", "apply_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAnswers:
    """Answers of the same model to prompts of the same kinds of content and about the same size.

    calls: how many. output_tokens: what 90% of them have, and the mean as the expected one.
    seconds: of a whole call, likewise with the median. time_to_first_token: likewise; None: they
    were not streamed. cost: US dollars, likewise with the mean; None: unknown.
    """

    calls: int
    output_tokens: Range[int]
    seconds: Range[float]
    time_to_first_token: Range[float] | None = None
    cost: Range[Decimal] | None = None


class History(Protocol):
    """Finds past answers."""

    def past_answers(self, quote: Quote) -> PastAnswers | None:
        """Those of the quoted model to prompts like the quoted one; None: there are too few. May
        read a file; never raises."""
        ...


def apply_history(
    quote: Quote, history: History | None, request: Request, registry: Registry
) -> Quote:
    """The quote with the length and the time of past answers, if there are any, in the place of
    assumptions. What the request allows still bounds the length; the ceiling stays."""
    past = None if history is None else history.past_answers(quote)
    if past is None:
        return quote
    provider, price_id = None, quote.provider
    with suppress(ConfigurationError):
        provider = registry.get_offline(quote.provider)
        request = with_typed_options(request, provider.options_class)
    rates = find_rates(request, price_id if provider is None else provider.price_id, provider)
    most = quote.output_tokens.high
    low, expected, high = (
        min(getattr(past.output_tokens, end), most) for end in ("low", "expected", "high")
    )
    new, cost = Range(low, expected, high), quote.cost
    if cost is not None and rates is not None:
        cost = cost_range(request, quote.input_tokens, quote.by_modality, new, rates)
    source, solved = quote.price_source, {"output_assumed"}
    if cost is None and past.cost is not None:  # of a model on the user's own device
        cost, source = past.cost, f"{past.calls} past calls in the ledger"
        solved.add("local_cost_unknown_before_run")
    return replace(
        quote,
        output_tokens=new,
        cost=cost,
        price_source=source,
        seconds=past.seconds,
        time_to_first_token=past.time_to_first_token,
        past_calls=past.calls,
        warnings=tuple(warning for warning in quote.warnings if warning.code not in solved),
    )
