"""The clusters as one page to read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Float

from reprise.discover.vidi.description import ClusterDescription
from reprise.discover.vidi.pictures import as_data, grey

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
section { margin-top: 2rem; border-top: 2px solid #ddd; break-inside: avoid; }
figure { display: inline-block; margin: 0 .6rem .6rem 0; text-align: center; } figcaption { font-size: .85rem; }
figure img { width: 13rem; } .examples img { width: 6rem; margin-right: .4rem; }
.note { background: #f4f4f0; padding: .6rem 1rem; } .for { color: #a50f15; } .against { color: #08519c; }
"""

HOW_TO_READ = (
    '<p class="note">The images below were grouped by why a classifier decided on them, not by how they look. In each '
    'group <b class="for">red</b> marks what spoke for the class it chose and <b class="against">blue</b> what spoke '
    "against it, on average over the group; the last picture shows where this group has more (red) or less (blue) "
    "evidence than the others. Groups come in order of severity, the most severe first. Colours show what the "
    "classifier used, which need not be where disease is. Left and right are those of the picture.</p>"
)


def page(
    title: str,
    descriptions: Sequence[ClusterDescription],
    pictures: Sequence[dict[str, Float[np.ndarray, "H W 3"]]],
    exemplars: Sequence[Float[np.ndarray, "exemplars H W"]] | None,
) -> str:
    """Write the page; text is escaped, pictures are inside."""
    sections = [
        _section(entry, shown, None if exemplars is None else exemplars[entry.cluster])
        for entry, shown in zip(descriptions, pictures, strict=True)
    ]
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        f"<h1>{escape(title)}</h1>",
        HOW_TO_READ,
        _table(descriptions),
        *sections,
        "</body>\n</html>\n",
    ])  # fmt: skip


def _table(descriptions: Sequence[ClusterDescription]) -> str:
    rows = [
        f'<tr><td><a href="#group-{d.cluster}">{d.cluster}</a></td><td>{_class_of(d)}</td><td>{d.size}</td>'
        f"<td>{d.severity:.2f}</td><td>{_share(d.share_correct)}</td></tr>"
        for d in descriptions
    ]
    head = "<tr><th>group</th><th>read as</th><th>images</th><th>mean severity</th><th>classified correctly</th></tr>"
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"


def _section(
    entry: ClusterDescription,
    pictures: dict[str, Float[np.ndarray, "H W 3"]],
    exemplars: Float[np.ndarray, "exemplars H W"] | None,
) -> str:
    figures = [
        f'<figure><img src="{as_data(picture)}" alt="{escape(name)}, group {entry.cluster}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, picture in pictures.items()
    ]
    parts = [
        f'<section id="group-{entry.cluster}">\n<h2>Group {entry.cluster}: {_class_of(entry)}</h2>',
        f"<p>{escape(entry.summary)}</p>",
        *figures,
    ]
    if exemplars is not None:
        shown = [
            f'<img src="{as_data(grey(image))}" alt="image {row}" title="image {row}">'
            for row, image in zip(entry.exemplars, exemplars, strict=True)
        ]
        rows = ", ".join(map(str, entry.exemplars))
        parts.append(f'<p>Typical images, in rows {rows} of the data:</p>\n<p class="examples">{"".join(shown)}</p>')
    return "\n".join([*parts, "</section>"])


def _class_of(entry: ClusterDescription) -> str:
    return escape("all classes" if entry.predicted is None else entry.predicted)


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
