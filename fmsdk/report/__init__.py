"""HTML pages that stand alone: one file, no script, no network, with charts as SVG and the same
figures as tables. Knows no ledger and no cost model; they say what to draw."""

from __future__ import annotations

from fmsdk.report.charts import Series, draw_bars, draw_lines, draw_spans
from fmsdk.report.page import Figure, Section, render_page

__all__ = ["Figure", "Section", "Series", "draw_bars", "draw_lines", "draw_spans", "render_page"]
