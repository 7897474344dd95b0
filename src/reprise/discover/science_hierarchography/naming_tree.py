"""Names for every node of a tree, one family after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from tqdm import tqdm

from reprise.discover.science_hierarchography.tree import (
    Node,
    rename_apart,
)


def name_tree(
    tree: Node,
    describe: Callable[[list[Node]], None],
    *,
    known: Mapping[tuple[int, ...], Node] | None = None,
    by_children: bool = False,
    unread: Collection[int] = (),
    progress: bool = False,
) -> None:
    """Name every node of a tree in place, one group of siblings after the other.

    Parameters
    ----------
    tree : its root, which stays without a name.
    describe : names siblings, such as `KeyPhraseNamer` or `ChatNamer`.
    known : nodes that have been named already, by their papers; these names stay.
    by_children : show a language model the names of a topic's children, where they have some, in place of its papers.
    unread : papers that the namer is not shown, except where a topic has no other: for a fair test of how these are
        found.
    progress : show a bar.

    References
    ----------
    M. Gao, J. Shah, W. Wang, D. Khashabi, "Science Hierarchography", 2025, arXiv 2504.13834.

    Examples
    --------
    >>> from reprise.discover.science_hierarchography import KeyPhraseNamer, Paper, tree_from_labels
    >>> papers = [Paper("", "Wing flutter."), Paper("", "Library cards.")]
    >>> tree = tree_from_labels([[0], [1]])
    >>> name_tree(tree, KeyPhraseNamer(papers, phrases=1))
    >>> [node.name for node in tree.children]
    ['wing flutter', 'library cards']
    """
    hidden = set(unread)
    for node in tree.walk():
        found = (known or {}).get(tuple(node.papers)) if node.level else None
        if found is not None:
            node.name, node.summary, node.named_by = found.name, found.summary, found.named_by
    for siblings in tqdm([*tree.families()], desc="naming", unit="family", disable=not progress):
        new = [node for node in siblings if not node.name]
        if new:
            shown = [
                replace(
                    node,
                    children=node.children if by_children else [],
                    papers=[paper for paper in node.papers if paper not in hidden] or node.papers,
                )
                for node in new
            ]
            describe(shown)
            for node, told in zip(new, shown, strict=True):
                node.name, node.summary, node.named_by = told.name, told.summary, told.named_by
        for node, name in zip(siblings, rename_apart([node.name for node in siblings]), strict=True):
            node.name = name
