"""Explanations as one page of HTML: nothing is loaded from elsewhere, and no script runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from segtool.explain.drawing import DRAWN_WITHIN, draw_lattice, markup, signed
from segtool.explain.report import word_source
from segtool.tokens import place_words

if TYPE_CHECKING:
    from segtool.explain.explanation import ExplainedGap, ExplainedWord, Explanation

__all__ = ["explanation_page"]

_TITLE_CHARACTERS = 40

_STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1d2329; --faint: #69737d; --line: #c9cfd6;
  --cut: #0b62a8; --cut-paper: #d9eafb; --bar: #f0f2f4; --odd: #9a5200; --own: #1d7a3a; }
@media (prefers-color-scheme: dark) { :root { --paper: #15191d; --ink: #e8ebee; --faint: #9aa5b0; --line: #434c55;
  --cut: #8cc6ff; --cut-paper: #16385a; --bar: #222930; --odd: #f0b26a; --own: #6fcf8d; } }
body { margin: 2rem auto; max-width: 1120px; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
[lang=zh] { font-family: "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB",
  "Microsoft YaHei", "WenQuanYi Micro Hei", system-ui, sans-serif; }
h1 { font-size: 1.05rem; font-weight: 600; color: var(--faint); margin: 0; }
.words { max-width: none; font-size: 1.7rem; line-height: 1.6; margin: .2rem 0; overflow-wrap: anywhere; }
.words b { display: inline-block; line-height: 1.3; font-weight: 400; border-bottom: 2px solid var(--cut);
  margin-right: .35em; }
.words b.literal { border-color: var(--own); }
.words b.mark { border-color: transparent; color: var(--faint); }
.rows { overflow-x: auto; }
svg { display: block; margin: 1.2rem 0 1.8rem; font: 12px/1 system-ui, sans-serif; }
svg text { text-anchor: middle; fill: var(--ink); }
svg .text { font-size: 30px; }
svg .mark { fill: var(--faint); }
svg .literal { fill: var(--own); }
svg .gap text { font-size: 11px; fill: var(--faint); }
svg .gap line { stroke: var(--line); stroke-dasharray: 2 4; }
svg .gap.chosen text { fill: var(--cut); font-weight: 700; }
svg .gap.chosen line { stroke: var(--cut); stroke-width: 2; stroke-dasharray: none; }
svg .bar rect { fill: var(--bar); stroke: var(--line); }
svg .bar .small { font-size: 10.5px; fill: var(--faint); }
svg .bar.unknown-word rect, svg .bar.unknown-character rect { stroke: var(--odd); stroke-dasharray: 4 3; }
svg .bar:is(.listed, .preferred, .forced) rect { stroke: var(--own); stroke-width: 1.5; }
svg .bar.chosen rect { fill: var(--cut-paper); stroke: var(--cut); stroke-width: 1.5; }
svg .bar.chosen text:not(.small) { font-weight: 700; }
svg .bar.chosen:is(.listed, .preferred, .forced) rect { stroke: var(--own); stroke-width: 3; }
svg .bar:hover rect { stroke-width: 3; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: baseline; }
th { color: var(--faint); font-weight: 600; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; white-space: nowrap; }
td[lang=zh] { overflow-wrap: anywhere; }
tr.gap td { color: var(--faint); }
summary { cursor: pointer; color: var(--cut); margin: 1rem 0 .5rem; }
p { max-width: 46rem; }
.faint { color: var(--faint); }
"""


def explanation_page(explanation: Explanation) -> str:
    """Write a page about a cut.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    str
        A whole document, to be written in UTF-8; also well-formed as XML.
    """
    shown = " ".join(explanation.text.split())
    title = shown[:_TITLE_CHARACTERS] + ("…" if len(shown) > _TITLE_CHARACTERS else "")
    drawings = list(draw_lattice(explanation))
    lattice = f'<div class="rows">{"".join(drawings)}</div>{_legend(explanation)}' if drawings else ""
    return f"""<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{markup(title)} · segtool explain</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Why this cut?</h1>
<p class="words" lang="zh">{"".join(_words_of_cut(explanation))}</p>
<p class="faint">Score {signed(explanation.score, 4)} nats · model {markup(explanation.model)}</p>
{lattice}
{_table(explanation)}
</body>
</html>
"""


def _words_of_cut(explanation: Explanation) -> Iterator[str]:
    """Mark up each word of the cut, also those that a rule made of the words of the best cover."""
    origins = {(run.start, run.end): run.origin for run in explanation.runs if run.origin is not None}
    for word, start, end in place_words(explanation.text, explanation.words, "character"):
        kind = f' class="{origins[start, end]}"' if (start, end) in origins else ""
        yield f"<b{kind}>{markup(word)}</b>"


def _legend(explanation: Explanation) -> str:
    left_out = sum(not word.chosen and word.loss > DRAWN_WITHIN for run in explanation.runs for word in run.words)
    origins = {run.origin for run in explanation.runs}
    origins |= {word.origin for run in explanation.runs for word in run.words}
    from_list = not origins.isdisjoint(("listed", "preferred", "forced", "literal"))
    listed = " Green marks words of the dictionary." if from_list else ""
    lost = f" {left_out:,} words that lose more than {DRAWN_WITHIN:g} nats are not drawn." if left_out else ""
    return (
        '<p class="faint">The words (blue bars) and gaps (blue numbers above the text) of the cut have the greatest '
        "sum of scores. Other bars are words that it could have had: their score, and what the best cut with them "
        f"loses, in nats. Dashed bars are unknown words, scored by their characters.{listed}{lost} Point at a bar or a "
        "gap to see what its score consists of.</p>"
    )


def _table(explanation: Explanation) -> str:
    rows = []
    for run in explanation.runs:
        gaps = {gap.place: gap for gap in run.cuts}
        if run.origin is not None:
            cells = f'<td lang="zh">{markup(run.word)}</td><td></td><td></td><td>{run.origin}</td>'
            rows.append(f'<tr class="gap">{cells}</tr>')
        for word in run.cover:
            if gap := gaps.get(word.start):
                rows.append(_table_row("gap", "│", gap, f"tagger: {_shares(gap)}"))
            rows.append(_table_row("word", markup(word.word), word, word_source(word, markup, signed)))
    if not rows:
        return ""
    heads = ("word", "nats", "prob", "from", "best other cut", "loses")
    head = "".join(f"<th{_FIGURE if name in _FIGURES else ''}>{name}</th>" for name in heads)
    return (
        f'<details open="open"><summary>Scores</summary><table><tr>{head}</tr>{"".join(rows)}</table>'
        '<p class="faint">“lexicon, 3 of 5”: the string is in the training text 5 times, about 3 times as a word. The '
        "score of a gap is a sum over the characters and pairs around it; a dot is the character between. “prob” is "
        "how probable it is that this is a word or a boundary. “best other cut”: the best cut without it, where it "
        "differs.</p></details>"
    )


_FIGURES = {"nats", "prob", "loses"}
_FIGURE = ' class="number"'


def _shares(gap: ExplainedGap) -> str:
    shares = [f"{markup(part.text) or part.name} {signed(part.nats)}" for part in gap.parts if part.nats]
    return ", ".join(shares) or "nothing"


def _table_row(kind: str, name: str, item: ExplainedWord | ExplainedGap, source: str) -> str:
    other = item.alternative
    words = " ".join(map(markup, other.words)) if other else "none"
    loss = f"{other.loss:.3f}" if other else ""
    cells = [f'<td lang="zh">{name}</td>']
    cells += [f"<td{_FIGURE}>{figure}</td>" for figure in (signed(item.score, 3), f"{item.probability:.2f}")]
    cells += [f'<td lang="zh">{source}</td><td lang="zh">{words}</td><td{_FIGURE}>{loss}</td>']
    return f'<tr class="{kind}">{"".join(cells)}</tr>'
