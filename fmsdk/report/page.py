"""The HTML of a page: headings, paragraphs, tables, and charts with the table of their figures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = ["Figure", "Section", "render_page"]

Row = Sequence[str]

_STYLE = """\
:root { color-scheme: light dark; --ink: #1a1a1a; --dim: #555; --paper: #fff; --line: #ccc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eee; --dim: #b5b5b5; --paper: #161616; --line: #555; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 48rem; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.lead { font-size: 1.1rem; } .note, figcaption { color: var(--dim); font-size: 0.9rem; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
a, summary { color: inherit; } :focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; max-width: 36rem; height: auto;
  background: #fff; border-radius: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--dim); padding-bottom: 0.3rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.25rem 0.5rem 0.25rem 0;
  text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
@media print {
  body { max-width: none; padding: 0; } .skip { display: none; }
  figure, table { break-inside: avoid; } h2, h2 + p { break-after: avoid; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart and its figures. title, description: what the chart shows, for those who cannot see
    it. svg: from `fmsdk.report.charts`. header, rows: the same figures as a table."""

    title: str
    description: str
    svg: str
    header: Row
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, paragraphs below it, and then a table or a figure, or both."""

    title: str
    paragraphs: Sequence[str] = ()
    header: Row = ()
    rows: Sequence[Row] = field(default_factory=tuple)
    figure: Figure | None = None


def render_page(title: str, lead: str, sections: Sequence[Section], *, note: str = "") -> str:
    """The whole page.

    Args:
        lead: the answer, in a sentence or two.
        note: where the figures come from, below everything.
    """
    numbers = itertools.count(1)
    body = "\n".join(_render_section(section, numbers) for section in sections)
    foot = f"<footer><p class=note>{escape(note)}</p></footer>" if note else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the figures</a>
<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>
<main id="main">
{body}
</main>
{foot}
</body>
</html>
"""


def _render_section(section: Section, numbers: itertools.count[int]) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(text)}</p>" for text in section.paragraphs]
    if section.rows:
        parts.append(_render_table(section.header, section.rows))
    if section.figure is not None:
        parts.append(_render_figure(section.figure, next(numbers)))
    return f"<section>{''.join(parts)}</section>"


def _render_figure(figure: Figure, number: int) -> str:
    ids = f'role="img" aria-labelledby="title-{number} text-{number}"'
    names = (
        f'<title id="title-{number}">{escape(figure.title)}</title>'
        f'<desc id="text-{number}">{escape(figure.description)}</desc>'
    )
    tag, _, rest = figure.svg.partition(">")
    table = _render_table(figure.header, figure.rows)
    return (
        f"<figure>{tag} {ids}>{names}{rest}<figcaption>{escape(figure.description)}</figcaption>"
        f"<details><summary>The figures as a table</summary>{table}</details></figure>"
    )


def _render_table(header: Row, rows: Sequence[Row]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    lines: list[str] = []
    for first, *cells in rows:
        row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{row}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(header[0])}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
