"""A comparison as a page that stands alone: the answer in a sentence, then break-even, utilisation
and sensitivity as charts and tables."""

from __future__ import annotations

from decimal import Decimal

from fmsdk.report import Figure, Section, Series, draw_lines, draw_spans, render_page
from fmsdk.tco.comparison import BreakEvenMove, Comparison, Verdict
from fmsdk.tco.hardware import OwnedHardware
from fmsdk.usage import format_dollars

__all__ = ["describe_move", "describe_verdict", "format_share", "render_report"]

_MONTHS = (0, 1, 2, 3, 6, 9, 12, 18, 24, 30, 36, 48, 60)


def describe_verdict(comparison: Comparison, verdict: Verdict) -> str:
    """The answer against one alternative, in a sentence or two."""
    own, other = comparison.request.total, Decimal(verdict.alternative.price_per_request)
    name = verdict.alternative.name
    cheaper, dearer = sorted((own, other))
    times = f", {dearer / cheaper:.1f} times less" if cheaper else ""
    prices = f"{format_dollars(cheaper)} a request against {format_dollars(dearer)}{times}."
    if own == other:
        text = f"Your own hardware costs as much as {name}: {format_dollars(own)} a request."
    elif own < other:
        text = f"Your own hardware costs less than {name}: {prices}"
    else:
        text = f"{name} costs less than your own hardware: {prices}"
    if verdict.break_even_utilisation is None:
        return f"{text} Even at full load the hardware would cost more."
    text += (
        f" They are even at {format_share(verdict.break_even_utilisation)} utilisation; "
        f"yours is {format_share(comparison.utilisation)}."
    )
    if verdict.break_even is not None and verdict.break_even.months:
        text += f" The purchase is paid back after {verdict.break_even.months:.1f} months."
    return text


def describe_move(move: BreakEvenMove) -> tuple[str, str]:
    """The months where the input is lower, and where it is higher."""
    low, high = ("never" if m is None else f"{m:.1f} months" for m in (move.low, move.high))
    return low, high


def format_share(share: Decimal) -> str:
    """A share in per cent, with two significant digits."""
    return f"{share * 100:.2g}%" if share < Decimal("0.995") else "100%"


def render_report(comparison: Comparison) -> str:
    """The page as HTML.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    verdicts = comparison.verdicts
    lead = (
        " ".join(describe_verdict(comparison, verdict) for verdict in verdicts)
        or f"A request costs {format_dollars(comparison.request.total)} on this hardware."
    )
    sections = [
        Section(
            title="A request", header=("For one request", "Dollars"), rows=_requests(comparison)
        ),
        Section(title="What the hardware costs", header=("Item", "$/h"), rows=_hours(comparison)),
        _curve(comparison),
    ]
    if isinstance(comparison.hardware, OwnedHardware) and verdicts:
        sections.insert(0, _break_even(comparison))
        moves = Section(
            title="What moves the break-even",
            paragraphs=("Months until the purchase is paid back, where one input changes.",),
            header=("Beside", "Input", "30% lower", "30% higher"),
            rows=[
                (verdict.alternative.name, move.name, *describe_move(move))
                for verdict in verdicts
                for move in verdict.moves
            ],
        )
        sections.insert(1, moves)
    if comparison.sensitivities:
        sections.append(_sensitivity(comparison))
    sections.append(Section(title="Inputs", header=("Input", "Value"), rows=_inputs(comparison)))
    note = (
        "All amounts are US dollars. The formulas and their sources are in fmsdk's reference, "
        "docs/reference/tco.md."
    )
    return render_page("Rent the API, or own the hardware?", lead, sections, note=note)


def _requests(comparison: Comparison) -> list[tuple[str, str]]:
    cost = comparison.request
    parts = (
        ("own hardware, its work", cost.work),
        ("… its share of waiting", cost.idle),
        ("… its share of loading the model", cost.load),
        ("… its share of adaptation", cost.adaptation),
    )
    rows = [(name, format_dollars(amount)) for name, amount in parts if amount]
    rows.append(("own hardware, all of it", format_dollars(cost.total)))
    rows += [
        (each.alternative.name, format_dollars(Decimal(each.alternative.price_per_request)))
        for each in comparison.verdicts
    ]
    if comparison.energy_per_request is not None:
        rows.append(("energy", f"{comparison.energy_per_request * 1000:.3g} Wh"))
    if comparison.carbon_per_request is not None:
        rows.append(("carbon", f"{comparison.carbon_per_request * 1000:.3g} g CO₂e"))
    return rows


def _hours(comparison: Comparison) -> list[tuple[str, str]]:
    hardware = comparison.hardware
    rows = [(name, format_dollars(amount)) for name, amount in hardware.lines.items()]
    if hardware.busy_per_hour:
        rows.append(("more electricity at work", format_dollars(hardware.busy_per_hour)))
    return rows


def _break_even(comparison: Comparison) -> Section:
    """Dollars spent until each month, on the purchase and with each alternative."""
    hardware = comparison.hardware
    capital = hardware.capital if isinstance(hardware, OwnedHardware) else Decimal(0)
    running = comparison.per_month - hardware.lines.get("capital", Decimal(0)) * (
        comparison.hours_per_month
    )
    cost = comparison.request
    running += (cost.load + cost.adaptation) * comparison.requests_per_month
    lines = [("own hardware", capital, running)]
    lines += [(each.alternative.name, Decimal(0), each.per_month) for each in comparison.verdicts]
    months = [float(each.break_even.months) for each in comparison.verdicts
              if each.break_even and each.break_even.months is not None]  # fmt: skip
    last = next((m for m in _MONTHS if m >= 2 * max(months, default=12.0)), _MONTHS[-1])
    shown = [month for month in _MONTHS if month <= last]
    series = [
        Series(name, [(month, float(start + month * rate)) for month in shown])
        for name, start, rate in lines
    ]
    header = ("Month", *(line.name for line in series))
    rows = [
        (str(month), *(f"${line.points[n][1]:,.0f}" for line in series))
        for n, month in enumerate(shown)
    ]
    mark = (
        (months[0], f"{months[0]:.1f} months") if len(months) == 1 and months[0] <= last else None
    )
    return Section(
        title="When the purchase is paid back",
        figure=Figure(
            title="Dollars spent over time",
            description="Dollars spent until each month: the hardware's price and its running "
            "costs, beside the bills of each alternative. Where the lines cross, it is paid back.",
            svg=draw_lines(series, x_label="months", y_label="US dollars", mark=mark),
            header=header,
            rows=rows,
        ),
    )


def _curve(comparison: Comparison) -> Section:
    points = [(float(p.utilisation * 100), float(p.per_request)) for p in comparison.curve]
    series = [Series("own hardware", points)]
    for each in comparison.verdicts:
        price = float(each.alternative.price_per_request)
        series.append(Series(each.alternative.name, [(x, price) for x, _ in points]))
    used = float(comparison.utilisation * 100)
    return Section(
        title="Utilisation",
        paragraphs=(
            "Idle hardware is paid for as well: a request's share of it shrinks with use.",
        ),
        figure=Figure(
            title="The cost of a request by utilisation",
            description="Dollars for a request, by the share of time in which the hardware works, "
            "beside the price of each alternative, which does not depend on it.",
            svg=draw_lines(
                series,
                x_label="utilisation in per cent",
                y_label="US dollars a request",
                is_log=True,
                mark=(used, f"yours: {used:.2g}%"),
            ),
            header=("Utilisation", "Dollars a request"),
            rows=[
                (format_share(p.utilisation), format_dollars(p.per_request))
                for p in comparison.curve
            ],
        ),
    )


def _sensitivity(comparison: Comparison) -> Section:
    spans = [
        (row.name, float(min(row.low, row.high)), float(max(row.low, row.high)))
        for row in comparison.sensitivities
    ]
    total = comparison.request.total
    return Section(
        title="What moves the answer",
        figure=Figure(
            title="The cost of a request where one input is wrong by 30%",
            description="Dollars for a request, where each input alone is 30% lower or higher; "
            f"the line is the result, {format_dollars(total)}.",
            svg=draw_spans(spans, middle=float(total), x_label="US dollars a request"),
            header=("Beside", "Input", "30% lower", "30% higher"),
            rows=[
                (row.name, format_dollars(row.low), format_dollars(row.high))
                for row in comparison.sensitivities
            ],
        ),
    )


def _inputs(comparison: Comparison) -> list[tuple[str, str]]:
    record = comparison.to_dict()
    rows = [
        (name.replace("_", " "), value if name == "source" else f"{Decimal(value):,}")
        for part in ("hardware", "workload")
        for name, value in record[part].items()
        if name != "lines" and value not in ("0", None)
    ]
    rows.append(("hours per month", f"{comparison.hours_per_month}"))
    rows += [
        (f"price of {each.alternative.name}", each.alternative.source)
        for each in comparison.verdicts
    ]
    return list(dict.fromkeys(rows))
