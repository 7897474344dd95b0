"""A tree as JSON, Markdown, and one HTML page that holds no script."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence

from reprise.discover.science_hierarchography.papers import Paper
from reprise.discover.science_hierarchography.sunburst import sunburst_svg
from reprise.discover.science_hierarchography.tree import Node

_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|<>~&-])")
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .15rem 0; overflow-wrap: anywhere; }
summary:focus-visible { outline: 2px solid #0072b2; }
details details, ul { margin-left: 1.2rem; padding-left: .6rem; border-left: 1px solid #8884; }
.count, .about, .by { color: #777; }
.about { margin: .1rem 0 .3rem 1.2rem; font-size: .9rem; overflow-wrap: anywhere; }
ul { list-style: none; margin-top: 0; }
li { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; display: block; margin: 0 auto 1rem; }
"""


def tree_json(root: Node, papers: Sequence[Paper]) -> str:
    """Write a tree and the titles of its papers as JSON.

    Examples
    --------
    >>> tree_json(Node(0, 0, [0], name="All"), [Paper("T")])[:27]
    '{"titles": ["T"], "tree": {'
    """
    return json.dumps({"titles": [title_of(paper) for paper in papers], "tree": root.to_dict()}, ensure_ascii=False)


def tree_markdown(root: Node, papers: Sequence[Paper]) -> str:
    """Write a tree as a nested list; marks of Markdown in names and titles are escaped.

    Examples
    --------
    >>> print(tree_markdown(Node(0, 0, [0], [Node(1, 1, [0], name="a*b")]), [Paper("T")]))
    - **a\\*b** (1)
      - T
    """
    lines = []
    for node in root.walk():
        if not node.level:
            continue
        indent = "  " * (node.level - 1)
        lines.append(f"{indent}- **{_escaped_mark(node.name)}** ({len(node.papers)})")
        if not node.children:
            lines += [f"{indent}  - {_escaped_mark(title_of(papers[i]))}" for i in node.papers]
    return "\n".join(lines)


def tree_html(
    root: Node,
    papers: Sequence[Paper],
    *,
    title: str = "A hierarchy of papers",
    notes: Sequence[str] = (),
    links: Sequence[str] | None = None,
) -> str:
    """Write a tree as a page to browse: topics fold open, and a sunburst stands above them.

    It needs no server and no network, and runs no script: names, summaries and titles are escaped, and a policy in its
    head forbids whatever an escape might have missed.

    Parameters
    ----------
    root : the tree.
    papers : its papers.
    title : of the page.
    notes : sentences above the tree.
    links : address of each paper, or ""; only http and https ones become links.

    Examples
    --------
    >>> page = tree_html(Node(0, 0, [0], [Node(1, 1, [0], name="<script>")]), [Paper("T")])
    >>> "<script" in page, "&lt;script&gt;" in page
    (False, True)
    """
    out = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        *(f"<p>{html.escape(note)}</p>" for note in notes),
        sunburst_svg(root),
    ]
    # A stack in place of recursion, as trees may be deep.
    waiting: list[Node | str] = list(reversed(root.children))
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, str):
            out.append(entry)
            continue
        out.append(
            f'<details id="t{entry.id}"><summary>{html.escape(entry.name) or "(no name)"} '
            f'<span class="count">{len(entry.papers):,}</span></summary>'
        )
        if entry.summary:
            out.append(f'<p class="about">{html.escape(entry.summary)}</p>')
        if not entry.children:
            items = (f"<li>{_titled(papers[i], links[i] if links is not None else '')}</li>" for i in entry.papers)
            out.append(f"<ul>{''.join(items)}</ul>")
        waiting += ["</details>", *reversed(entry.children)]
    return "\n".join([*out, "</body></html>\n"])


def title_of(paper: Paper) -> str:
    """Give the title, or the abstract's beginning where there is none."""
    return paper.title or paper.abstract[:120] or "(no title)"


def _titled(paper: Paper, link: str) -> str:
    title = html.escape(title_of(paper))
    if not re.match(r"https?://", link, re.IGNORECASE):
        return title
    return f'<a href="{html.escape(link, quote=True)}" rel="noreferrer">{title}</a>'


def _escaped_mark(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
