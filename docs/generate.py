"""Build hooks of the documentation: a page a paper from catalogue, docstrings and ledger; formulas as MathML."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from reprise import catalogue, claims, ledger
from reprise.claim import SCALES
from reprise.ledger import Result
from reprise.report import metric_figure, summarise, svg
from reprise.report.markdown import ledger_markdown, paper_markdown
from reprise.workbench import standings
from reprise.workbench.inspection import sections

_BENCH = {
    "cluster": "reprise bench cluster X.npy --labels y.npy",
    "discover": "reprise bench discover rows.csv --labels COLUMN",
    "graph-classify": "reprise bench graph-classify FOLDER",
    "proportions": "reprise bench proportions rows.csv --groups COLUMN --proportions COLUMN",
}
_STANDINGS = Path(__file__).with_name("standings")
_STANDING = re.compile(r"<!-- standings: ([a-z-]+) -->")
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the papers that can be used in the navigation, by family."""
    families: dict[str, list[dict[str, str]]] = {}
    for paper in _usable():
        families.setdefault(paper.family, []).append({paper.slug: paper.docs})
    pages: list[Any] = ["papers.md", *({family: entries} for family, entries in families.items())]
    config.nav = [
        {"Papers": pages} if isinstance(entry, dict) and "Papers" in entry else entry for entry in config.nav or []
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    files.append(File.generated(config, "papers.md", content=_overview()))
    for paper in _usable():
        files.append(File.generated(config, paper.docs, content=_paper_page(paper)))
    return files


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the kept leaderboards of a task where a page asks for them."""
    return _STANDING.sub(lambda found: standings.markdown(_STANDINGS, found.group(1)), text)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn formulas into MathML, which browsers draw without a script."""
    content = _BLOCK.sub(lambda found: convert(html.unescape(found.group(1)), display="block"), content)
    return _INLINE.sub(lambda found: convert(html.unescape(found.group(1))), content)


def _usable() -> list[catalogue.Paper]:
    return [paper for paper in catalogue.papers() if paper.status != "planned"]


def _overview() -> str:
    lines = ["# Papers", "", "Every verdict in the ledger:", "", ledger_markdown(ledger.all_committed()), ""]
    for family, what in catalogue.FAMILIES.items():
        lines += [f"## {family.capitalize()}", "", what, "", "| paper | status | what it does |", "|---|---|---|"]
        for paper in catalogue.papers(family=family):
            page = paper.docs if paper.status != "planned" else paper.arxiv_url
            lines.append(f"| [{paper.title}]({page}) | {paper.status} | {paper.summary} |")
        lines.append("")
    return "\n".join(lines)


def _paper_page(paper: catalogue.Paper) -> str:
    result = ledger.committed(paper.slug)
    links = [f"[arXiv {paper.arxiv}]({paper.arxiv_url})", *([f"[official code]({paper.code})"] if paper.code else [])]
    lines = [
        f"# {paper.title}",
        "",
        " · ".join(part for part in (", ".join(paper.authors), str(paper.date), paper.venue, *links) if part),
        "",
        paper.summary,
        "",
        "## Use it on your data",
        "",
        "```python",
        catalogue.snippet(paper),
        "```",
        "",
    ]
    names = list(dict.fromkeys(f"`{served.name}`" for served in paper.serves))
    if names[1:]:
        lines += [f"Beside it in `{paper.module}`: {', '.join(names[1:])}.", ""]
    for task in paper.tasks:
        if task in _BENCH:
            lines += ["Beside the other methods for the task, on your own data:", "", f"    {_BENCH[task]}", ""]
    inspected = [section.name for section in sections.load() if paper.slug in section.papers]
    if inspected:
        command = f"reprise inspect MODEL --sections {','.join(inspected)}"
        lines += ["In a report on your own language model:", "", f"    {command}", ""]
    lines += ["## Evidence", ""]
    lines += _evidence(result) if result else ["Not measured yet.", ""]
    lines += [f"Measure it again: `reprise run {paper.slug}`.", ""]
    if paper.figures:
        lines += ["The paper's own figures:", "", "| quantity | figure | data | where read |", "|---|---|---|---|"]
        lines += [f"| {f.metric} | {f.value} | {f.data} | {f.verified} |" for f in paper.figures]
    lines += [
        "",
        "## Method and interface",
        "",
        f"::: {paper.module}",
        "    options:",
        "      show_root_heading: false",
        "",
    ]
    return "\n".join(lines)


def _evidence(result: Result) -> list[str]:
    promised = claims.load(result.paper).CLAIMS
    lines = [paper_markdown(result), ""]
    for claim in promised:
        if claim.note:
            lines += [f"*{claim.id}*: {claim.note}", ""]
    for scale in (name for name in SCALES if name in result.runs):
        for summary in summarise(result.runs[scale], promised):
            if summary.claims:
                drawing = re.sub(r"\s*\n\s*", " ", svg(metric_figure(summary)))  # Markdown must not read inside it
                caption = f"{summary.metric}, scale {scale}"
                lines += [f'<figure markdown="0">{drawing}<figcaption>{caption}</figcaption></figure>', ""]
    return lines
