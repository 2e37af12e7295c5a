"""A ledger as an HTML page: what calls cost by day and model, how long they took, and how good the
quotes were."""

from __future__ import annotations

from fmsdk.ledger.reader import EVERYTHING, Filter, LedgerReader
from fmsdk.ledger.summary import Group, QuoteErrors, compare_quotes, summarize
from fmsdk.report import Figure, Section, draw_bars, draw_spans, render_page
from fmsdk.usage import format_dollars

__all__ = ["render_report"]

_MOST_BARS = 31
_MOST_MODELS = 12


def render_report(reader: LedgerReader, where: Filter = EVERYTHING) -> str:
    """The page of the calls that match.

    Raises:
        MissingExtra: matplotlib is not installed (the extra `report`).
    """
    models = summarize(reader, ("model",), where)
    totals = summarize(reader, (), where)
    total = totals[0] if totals else Group(key=())
    sections = [
        _cost_by_time(reader, where),
        _cost_section("Cost by model", "model", models, models[:_MOST_MODELS]),
    ]
    if any(group.seconds for group in models):
        sections.append(_latency_by_model(models))
    if quotes := compare_quotes(reader, ("model",), where):
        sections.append(_quotes_by_model(quotes))
    lead = (
        f"{total.calls:,} calls cost {format_dollars(total.cost)}. They used "
        f"{total.input_tokens:,} tokens in and {total.output_tokens:,} out"
        f"; {total.errors:,} ended in an error."
    )
    doubts: list[str] = []
    if total.estimated_cost:
        doubts.append(f"{format_dollars(total.estimated_cost)} of this is estimated")
    if total.unknown_costs:
        doubts.append(f"the cost of {total.unknown_costs:,} attempts is unknown, and not in it")
    if total.maybe_billed:
        doubts.append(f"up to {format_dollars(total.maybe_billed)} more may have been billed")
    if doubts:
        lead += f" {'; '.join(doubts).capitalize()}."
    return render_page(
        "What the calls cost",
        lead,
        sections,
        note="From the ledger of fmsdk. Days are those of UTC. US dollars, without taxes.",
    )


def _cost_by_time(reader: LedgerReader, where: Filter) -> Section:
    groups, unit = summarize(reader, ("day",), where), "day"
    if len(groups) > _MOST_BARS:
        groups, unit = summarize(reader, ("month",), where), "month"
    elif len(groups) <= 1:
        groups, unit = summarize(reader, ("hour",), where), "hour"
    groups = groups[-_MOST_BARS:]
    return _cost_section(f"Cost by {unit}", unit, groups, groups)


def _cost_section(title: str, unit: str, groups: list[Group], top_groups: list[Group]) -> Section:
    top = max(top_groups, key=lambda group: group.cost, default=Group(key=("",)))
    figure = Figure(
        title=title,
        description=f"US dollars by {unit}. The most: {format_dollars(top.cost)}, {top.key[0]}.",
        svg=draw_bars(
            [(group.key[0], float(group.cost)) for group in top_groups], x_label="US dollars"
        ),
        header=(unit, "calls", "tokens in", "tokens out", "cost", "errors", "of unknown cost"),
        rows=[
            (
                group.key[0],
                f"{group.calls:,}",
                f"{group.input_tokens:,}",
                f"{group.output_tokens:,}",
                format_dollars(group.cost),
                f"{group.errors:,}",
                f"{group.unknown_costs:,}",
            )
            for group in groups
        ],
    )
    return Section(title=title, figure=figure)


def _latency_by_model(models: list[Group]) -> Section:
    rows: list[tuple[str, ...]] = []
    spans: list[tuple[str, float, float]] = []
    for group in models:
        seconds, first = group.seconds, group.time_to_first_token
        if seconds is None:
            continue
        spans.append((group.key[0], seconds.p50, seconds.p99))
        figures = [seconds.p50, seconds.p90, seconds.p99]
        texts = [f"{value:.2f} s" for value in figures]
        texts += [f"{value:.2f} s" for value in (first.p50, first.p99)] if first else ["", ""]
        rows.append((group.key[0], f"{seconds.count:,}", *texts))
    spans = spans[:_MOST_MODELS]
    return Section(
        title="How long answers took",
        figure=Figure(
            title="Latency by model",
            description="Seconds of a whole call: each bar goes from the median to the time that "
            "99 of 100 calls stay below. The line is the median of the first model.",
            svg=draw_spans(spans, middle=spans[0][1], x_label="seconds"),
            header=("model", "answers", "p50", "p90", "p99", "first token p50", "p99"),
            rows=rows,
        ),
    )


def _quotes_by_model(quotes: list[QuoteErrors]) -> Section:
    return Section(
        title="Quotes and bills",
        figure=Figure(
            title="Quotes within 10 % of the bill",
            description="Percent of quotes, made before sending, whose expected cost was at most "
            "10 % off the bill.",
            svg=draw_bars(
                [(each.key[0], 100 * each.within_10) for each in quotes[:_MOST_MODELS]],
                x_label="percent of quotes",
            ),
            header=("model", "quotes", "quoted", "billed", "median error", "within 10 %"),
            rows=[
                (
                    each.key[0],
                    f"{each.count:,}",
                    format_dollars(each.quoted_cost),
                    format_dollars(each.billed_cost),
                    f"{each.median:+.1%}",
                    f"{each.within_10:.0%}",
                )
                for each in quotes
            ],
        ),
    )
