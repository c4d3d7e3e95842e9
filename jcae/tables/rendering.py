"""A table in four forms: csv for programs, md and html to read, tex for the paper (booktabs)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import pandas as pd

LONG = 40
"""Lines beyond which a LaTeX table may break over pages."""
LINE = 80
"""Characters of a table in one line of LaTeX's page."""
WIDE = {"reasons": 0.4, "why": 0.2, "published protocol": 0.12, "source": 0.12}
"""Columns of running text, and the share of the line that LaTeX gives them."""

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{caption}</title>
<style>
body {{ font: 14px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem; }}
h1 {{ font-size: 1.1rem; }}
h1, p {{ max-width: 75rem; }}
table {{ border-collapse: collapse; border-top: 2px solid #222; border-bottom: 2px solid #222; }}
th, td {{ text-align: left; padding: 0.25rem 1.2rem 0.25rem 0; vertical-align: top; white-space: nowrap; }}
th.text, td.text {{ min-width: 11rem; max-width: 28rem; white-space: normal; }}
td {{ font-variant-numeric: tabular-nums; }}
th {{ position: sticky; top: 0; background: #fff; box-shadow: inset 0 -1px #222; }}
tr.rule td {{ border-top: 1px solid #222; }}
tbody tr:hover {{ background: #f1f5f9; }}
p {{ color: #555; font-size: 0.85rem; }}
</style>
</head>
<body>
<h1>{caption}</h1>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p>{note}</p>
</body>
</html>
"""


@dataclass(frozen=True)
class Table:
    """One table, as numbers and as it is shown.

    Attributes
    ----------
    name : str
        Stem of the files.
    caption, note : str
        What it shows; seeds, selection rule, direction, tuning and origin of the numbers.
    data : DataFrame
        Plain numbers, tidy; the csv.
    cells : DataFrame of str
        What md, tex and html show.
    bold : frozenset of (int, int)
        Row and column positions in `cells` of the best values.
    rule_before : int or None
        Row of `cells` before which html and tex draw a rule (the controls), beside those between data sets.
    """

    name: str
    caption: str
    note: str
    data: pd.DataFrame
    cells: pd.DataFrame
    bold: frozenset[tuple[int, int]] = frozenset()
    rule_before: int | None = None

    def saying(self, *sentences: str) -> "Table":
        """Return the table with more said at the end of its note; empty sentences are left out."""
        return replace(self, note=" ".join(filter(None, [self.note, *sentences])))


def write_all(tables: Iterable[Table], out_dir: str | Path) -> list[Path]:
    """Write tables as csv, md, tex and html; the folder is made if missing."""
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        for suffix, text in (
            ("csv", table.data.to_csv(index=False)),
            ("md", to_markdown(table)),
            ("tex", to_latex(table)),
            ("html", to_html(table)),
        ):
            written.append(out_dir / f"{table.name}.{suffix}")
            written[-1].write_text(text, encoding="utf-8")
    return written


def to_markdown(table: Table) -> str:
    """Render a table as a pipe table with caption and note; best values bold."""
    cells = [
        [f"**{_escape_markdown(v)}**" if (i, j) in table.bold else _escape_markdown(v) for j, v in enumerate(row)]
        for i, row in enumerate(table.cells.itertuples(index=False))
    ]
    head = [_escape_markdown(c) for c in table.cells.columns]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells]]
    return "\n".join(
        [f"{_escape_markdown(table.caption)}.", "", *lines, "", f"Note: {_escape_markdown(table.note)}", ""]
    )


def to_html(table: Table) -> str:
    """Render a table as a page of its own, without anything from outside; best values bold."""
    kinds = [' class="text"' if column in WIDE else "" for column in table.cells.columns]
    rows, rules = [], _rules(table)
    for i, row in enumerate(table.cells.itertuples(index=False)):
        cells = [f"<b>{escape(str(v))}</b>" if (i, j) in table.bold else escape(str(v)) for j, v in enumerate(row)]
        line = ' class="rule"' if i in rules else ""
        rows.append(f"<tr{line}>" + "".join(f"<td{k}>{c}</td>" for k, c in zip(kinds, cells, strict=True)) + "</tr>")
    head = "".join(f"<th{k}>{escape(str(c))}</th>" for k, c in zip(kinds, table.cells.columns, strict=True))
    return HTML.format(caption=escape(table.caption), head=head, rows="\n".join(rows), note=escape(table.note))


def to_latex(table: Table) -> str:
    """Render a table for LaTeX with booktabs; best values bold.

    What is wider than a line is scaled down (graphicx); what is longer than `LONG` lines breaks over pages (longtable),
    which are turned where it is wide (pdflscape).
    """
    body, rules = [], _rules(table)
    texts = [name in WIDE for name in table.cells.columns]
    for i, row in enumerate(table.cells.itertuples(index=False)):
        cells = [escape_latex(v) for v in row]
        cells = [v.replace("/", r"/\allowbreak{}") if text else v for v, text in zip(cells, texts, strict=True)]
        cells = [rf"\textbf{{{v}}}" if (i, j) in table.bold else v for j, v in enumerate(cells)]
        body += [r"\midrule"] * (i in rules) + [" & ".join(cells) + r" \\"]
    head = [r"\toprule", " & ".join(escape_latex(c) for c in table.cells.columns) + r" \\", r"\midrule"]
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{WIDE[name]}\linewidth}}" if name in WIDE else "l"
        for name in table.cells.columns
    )
    caption = rf"\caption{{{escape_latex(table.caption)}.}}\label{{tab:{table.name}}}"
    note = rf"\footnotesize Note: {escape_latex(table.note)}"
    wide = _line_length(table) > LINE
    if _height(table) > LONG:
        size = r"\scriptsize" if wide else r"\footnotesize"
        lines = [rf"{{{size}\setlength{{\tabcolsep}}{{3pt}}", rf"\begin{{longtable}}{{{columns}}}", caption + r" \\"]
        lines += [*head, r"\endhead", *body, r"\bottomrule", r"\end{longtable}", "}", rf"{{{note}\par}}"]
        lines = [r"\begin{landscape}", *lines, r"\end{landscape}"] if wide else lines
    else:
        tabular = [rf"\begin{{tabular}}{{{columns}}}", *head, *body, r"\bottomrule", r"\end{tabular}"]
        tabular = [r"\resizebox{\linewidth}{!}{%", *tabular, "}"] if wide else tabular
        lines = [r"\begin{table}", r"\centering", caption, *tabular]
        lines += [r"\par\smallskip", rf"\parbox{{\linewidth}}{{{note}}}", r"\end{table}"]
    return "\n".join(["% packages: array, booktabs, graphicx, longtable, pdflscape", *lines, ""])


def _rules(table: Table) -> set[int]:
    """Rows before which a rule is drawn: the controls, and every data set but the first."""
    rules = set() if table.rule_before is None else {table.rule_before}
    if "data set" in table.cells:
        sets = table.cells["data set"].tolist()
        rules |= {i for i in range(1, len(sets)) if sets[i] != sets[i - 1]}
    return rules


def _line_length(table: Table) -> int:
    """Characters of the longest row, two between columns; running text as long as its share of a line."""
    lengths = [
        round(WIDE[name] * LINE) if name in WIDE else max(len(str(text)) for text in [name, *table.cells[name]])
        for name in table.cells.columns
    ]
    return sum(lengths) + 2 * len(lengths)


def _height(table: Table) -> int:
    """Lines of the table, where running text is broken to its share of a line."""
    texts = table.cells[[name for name in table.cells.columns if name in WIDE]]
    lines = [[-(-len(str(text)) // round(WIDE[name] * LINE)) for text in texts[name]] for name in texts.columns]
    return sum(max(1, *row) for row in zip(*lines, strict=True)) if lines else len(table.cells)


def escape_latex(text: str) -> str:
    """Make text safe for LaTeX: its ten special characters, the few others that tables here use, and minus signs."""
    text = "".join(_LATEX.get(character, character) for character in " ".join(str(text).split()))
    return re.sub(r"(?<![\w.)-])-(?=\d)", "$-$", text)  # a minus, not a hyphen


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def _escape_markdown(text: str) -> str:
    text = " ".join(str(text).split())
    for character in "\\|*<`":
        text = text.replace(character, "\\" + character)
    return text
