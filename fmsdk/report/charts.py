"""Charts as SVG text, drawn by matplotlib without its global state.

Text stays text, so that it can be read out, searched and scaled. Series differ by dash and marker
as well as by colour.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fmsdk.errors import MissingExtra

__all__ = ["Series", "draw_bars", "draw_lines", "draw_spans"]

# Okabe and Ito's colours, which people with any colour vision tell apart; dark enough on white.
_COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#a0457f", "#5f4b00", "#333333")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
_INCHES = (4.8, 3.1)
"""Small, so that the text of a chart as wide as a phone is legible."""


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart: its name, and its points."""

    name: str
    points: Sequence[tuple[float, float]]


def _draw(paint: Callable[[Any], None], height: float = _INCHES[1]) -> str:
    """The SVG of what `paint` draws on one pair of axes.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        matplotlib: Any = importlib.import_module("matplotlib")
        backend: Any = importlib.import_module("matplotlib.backends.backend_svg")
        module: Any = importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise MissingExtra(
            'pages with charts need matplotlib: pip install "fmsdk[report]"', extra="report"
        ) from error
    style: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "fmsdk",
        "text.parse_math": False,  # a dollar is a dollar
        "font.family": ["sans-serif"],
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Text stays text: the reader's browser has fonts for what matplotlib's own lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = module.Figure(figsize=(_INCHES[0], height), layout="constrained")
        backend.FigureCanvasSVG(figure)
        axes = figure.subplots()
        paint(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def draw_lines(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    is_log: bool = False,
    mark: tuple[float, str] | None = None,
) -> str:
    """Lines over a common axis.

    Args:
        is_log: a logarithmic vertical axis.
        mark: a place on the horizontal axis, and what it is.
    """

    def paint(axes: Any) -> None:
        for number, line in enumerate(series):
            style = {
                "color": _COLOURS[number % len(_COLOURS)],
                "linestyle": _DASHES[number % len(_DASHES)],
            }
            axes.plot(*zip(*line.points, strict=True), label=line.name, linewidth=2, **style)
        if mark is not None:
            axes.axvline(mark[0], color="#666666", linewidth=1)
            axes.annotate(
                mark[1], (mark[0], 0.02), xycoords=("data", "axes fraction"),
                xytext=(4, 0), textcoords="offset points",
            )  # fmt: skip
        if is_log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        _label(axes, x_label, y_label)
        if is_log:
            # Fewer labels where they would touch; matplotlib's own between them are formulas.
            low, high = axes.get_ylim()
            axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5) if high < 1000 * low else (1,))
            axes.yaxis.set_minor_formatter("")
        if len(series) > 1:
            axes.legend(frameon=False)

    return _draw(paint)


def draw_bars(bars: Sequence[tuple[str, float]], *, x_label: str) -> str:
    """Horizontal bars, the first on top."""

    def paint(axes: Any) -> None:
        names = [name for name, _ in bars][::-1]
        axes.barh(names, [value for _, value in bars][::-1], color=_COLOURS[0], height=0.6)
        axes.set_ylim(-0.6, len(bars) - 0.4)
        axes.set_xlim(0, max((value for _, value in bars), default=0) * 1.05 or 1)
        _label(axes, x_label, "")
        axes.locator_params(axis="x", nbins=5)

    return _draw(paint, 0.9 + 0.36 * len(bars))


def draw_spans(spans: Sequence[tuple[str, float, float]], *, middle: float, x_label: str) -> str:
    """Horizontal bars from a low to a high figure, the first on top, with a line at `middle`."""

    def paint(axes: Any) -> None:
        for name, low, high in reversed(spans):
            axes.barh(name, high - low, left=low, color=_COLOURS[0], height=0.6)
        axes.axvline(middle, color="#222222", linewidth=1.5)
        axes.use_sticky_edges = False
        axes.margins(x=0.06)
        axes.set_ylim(-0.6, len(spans) - 0.4)
        _label(axes, x_label, "")
        axes.locator_params(axis="x", nbins=5)

    return _draw(paint, 0.9 + 0.36 * len(spans))


def _format_tick(value: float, _: object) -> str:
    if abs(value) >= 10 or not value:
        return f"${value:,.0f}"
    return "$" + f"{value:.9f}".rstrip("0").rstrip(".")


def _label(axes: Any, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    for axis, label in ((axes.xaxis, x_label), (axes.yaxis, y_label)):
        if "dollars" in label:
            axis.set_major_formatter(_format_tick)
    axes.grid(axis="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
