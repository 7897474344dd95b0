"""A tree as rings: the angle of a topic is its share of the papers, its ring the level."""

from __future__ import annotations

import html
import math

from reprise.discover.science_hierarchography.tree import Node

_SIDE, _INNER = 640, 60.0
_LEVELS = 4
_LEAST_ANGLE = 0.004  # of a full turn; thinner topics cannot be seen
_LEAST_FOR_NAME = 0.045
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8c6bb1", "#7f8c8d")


def sunburst_svg(root: Node, *, levels: int = _LEVELS) -> str:
    """Draw a tree as an SVG element; names are escaped, and shown when the pointer rests on a topic.

    Parameters
    ----------
    root : the tree.
    levels : rings at most, from the top.

    Examples
    --------
    >>> drawn = sunburst_svg(Node(0, 0, [0, 1], [Node(1, 1, [0], name="a<b"), Node(2, 1, [1], name="c")]))
    >>> drawn.count("<path"), "a&lt;b: 1 paper" in drawn
    (2, True)
    """
    depth = min(levels, max((node.level for node in root.walk()), default=0))
    ring = (_SIDE / 2 - 10 - _INNER) / max(depth, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-_SIDE / 2} {-_SIDE / 2} {_SIDE} {_SIDE}" width="{_SIDE}" '
        f'height="{_SIDE}" role="img" aria-label="Topics as rings, from broad to narrow" font-family="sans-serif">',
        f'<text text-anchor="middle" dy="5" font-size="15" fill="#777">{len(root.papers):,} papers</text>',
    ]
    waiting = [(root, 0.0, 1.0, "")]
    while waiting:
        node, start, end, colour = waiting.pop()
        if node.level:
            parts.append(_arc(node, start, end, colour, ring))
        at, total = start, sum(len(child.papers) for child in node.children)
        for i, child in enumerate(node.children if node.level < depth else ()):
            width = (end - start) * len(child.papers) / max(total, 1)
            if width >= _LEAST_ANGLE:
                waiting.append((child, at, at + width, colour or _COLOURS[i % len(_COLOURS)]))
            at += width
    return "".join([*parts, "</svg>"])


def _arc(node: Node, start: float, end: float, colour: str, ring: float) -> str:
    inner, outer = _INNER + (node.level - 1) * ring, _INNER + node.level * ring
    end = min(end, start + 0.9999)  # a full circle has no arc
    large = int(end - start > 0.5)
    a, b, c, d = (_point(r, t) for r, t in ((inner, start), (outer, start), (outer, end), (inner, end)))
    path = f"M{a}L{b}A{outer:.1f} {outer:.1f} 0 {large} 1 {c}L{d}A{inner:.1f} {inner:.1f} 0 {large} 0 {a}Z"
    count = f"{len(node.papers):,} paper{'s' if len(node.papers) != 1 else ''}"
    told = f"<title>{html.escape(node.name)}: {count}</title>"
    opacity = max(0.35, 1 - 0.2 * (node.level - 1))
    drawn = (
        f'<path d="{path}" fill="{colour}" fill-opacity="{opacity:.2f}" stroke="#fff" stroke-width="1">{told}</path>'
    )
    return drawn + (_label(node, start, end, inner, ring) if end - start >= _LEAST_FOR_NAME else "")


def _label(node: Node, start: float, end: float, inner: float, ring: float) -> str:
    middle = (start + end) / 2
    x, y = _point(inner + ring / 2, middle).split(" ")
    turn = 360 * middle - 90
    turn += 180 if 90 < turn % 360 < 270 else 0
    letters = max(4, int(ring / 5.5))
    name = node.name if len(node.name) <= letters else node.name[: letters - 1] + "…"
    return (
        f'<text transform="translate({x} {y}) rotate({turn:.1f})" text-anchor="middle" dy="3.5" font-size="10" '
        f'fill="#111" pointer-events="none">{html.escape(name)}</text>'
    )


def _point(radius: float, turn: float) -> str:
    angle = 2 * math.pi * turn - math.pi / 2
    return f"{radius * math.cos(angle):.2f} {radius * math.sin(angle):.2f}"
