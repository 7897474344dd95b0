"""A tree of papers, whose nodes are known by number and never by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError


@dataclass(eq=False)
class Node:
    """A topic.

    Attributes
    ----------
    id : number, unlike that of any other node of the tree; the root is 0.
    level : distance from the root.
    papers : positions of all papers below it, in order.
    children : its parts; none of a leaf.
    name, summary : what it is about.
    named_by : what gave the name: ``"key phrases"``, a model, or why a model did not.

    Examples
    --------
    >>> root = Node(0, 0, [0, 1], [Node(1, 1, [0], name="First"), Node(2, 1, [1], name="Second")])
    >>> [leaf.name for leaf in root.leaves()]
    ['First', 'Second']
    """

    id: int
    level: int
    papers: list[int]
    children: list[Node] = field(default_factory=list)
    name: str = ""
    summary: str = ""
    named_by: str = ""

    def walk(self) -> Iterator[Node]:
        """Give this node and all below it, parents first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)

    def leaves(self) -> Iterator[Node]:
        """Give the nodes without children at or below this one."""
        return (node for node in self.walk() if not node.children)

    def at(self, level: int) -> list[Node]:
        """Give the nodes of a level of the tree."""
        return [node for node in self.walk() if node.level == level]

    def families(self) -> Iterator[list[Node]]:
        """Give every group of siblings."""
        return (node.children for node in self.walk() if node.children)

    def paths(self) -> dict[int, list[list[Node]]]:
        """Give for each paper the ways from below the root to the leaves that hold it."""
        found: dict[int, list[list[Node]]] = {}
        waiting: list[tuple[Node, list[Node]]] = [(self, [])]
        while waiting:
            node, path = waiting.pop()
            for paper in node.papers if not node.children and path else ():
                found.setdefault(paper, []).append(path)
            waiting += [(child, [*path, child]) for child in node.children]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give the tree as plain data for JSON."""
        made: dict[int, dict[str, Any]] = {}
        for node in [*self.walk()][::-1]:
            made[node.id] = {
                "id": node.id,
                "name": node.name,
                "summary": node.summary,
                "named_by": node.named_by,
                "level": node.level,
                "papers": [int(paper) for paper in node.papers],
                "children": [made.pop(child.id) for child in node.children],
            }
        return made[self.id]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Node:
        """Make the tree that `to_dict` gave.

        Raises
        ------
        InvalidInputError
            If something of it is missing.
        """
        try:
            children = [cls.from_dict(child) for child in content["children"]]
            texts = (str(content["name"]), str(content["summary"]), str(content["named_by"]))
            return cls(int(content["id"]), int(content["level"]), [*map(int, content["papers"])], children, *texts)
        except (LookupError, TypeError, ValueError) as problem:
            raise InvalidInputError(f"This is no tree as Node.to_dict gives it ({problem!r}).") from problem


def tree_from_labels(labels: ArrayLike) -> Node:
    """Make a tree of levels of clusters, each within those above it.

    Parameters
    ----------
    labels : (n, L) cluster of each paper at each level, from top to bottom.

    Returns
    -------
    Node
        The root, without names; ids count level by level, and papers of a node are in order.

    Raises
    ------
    InvalidInputError
        If a cluster is divided between two of the level above, or the shape is another.

    Examples
    --------
    >>> root = tree_from_labels([[0, 0], [0, 1], [1, 2]])
    >>> [(node.id, node.papers) for node in root.walk()]
    [(0, [0, 1, 2]), (1, [0, 1]), (3, [0]), (4, [1]), (2, [2]), (5, [2])]
    """
    array = np.asarray(labels)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "iu":
        raise InvalidInputError(f"Labels are whole numbers (papers, levels); got {array.dtype} of shape {array.shape}.")
    root = Node(0, 0, list(range(len(array))))
    above, count = {0: root}, 1
    over = np.zeros(len(array), dtype=np.int64)
    for level, column in enumerate(array.T, start=1):
        numbers, first, ranks = np.unique(column, return_index=True, return_inverse=True)
        if not np.array_equal(over[first][ranks], over):
            raise InvalidInputError(f"The clusters of level {level} are not within those of level {level - 1}.")
        nodes = {}
        for rank, rows in enumerate(groups(ranks, len(numbers))):
            node = nodes[rank] = Node(count, level, rows.tolist())
            above[int(over[rows[0]])].children.append(node)
            count += 1
        above, over = nodes, ranks.astype(np.int64)
    return root


def labels_from_tree(root: Node, n: int) -> Int[np.ndarray, "n levels"]:
    """Give the id of each paper's node at each level, from top to bottom; -1 where it has none."""
    depth = max(node.level for node in root.walk())
    labels = np.full((n, max(depth, 1)), -1, dtype=np.int64)
    for node in root.walk():
        if node.level:
            labels[node.papers, node.level - 1] = node.id
    return labels


def groups(labels: Int[np.ndarray, " n"], count: int) -> list[Int[np.ndarray, " members"]]:
    """Give the rows of each of the clusters 0 to count - 1, in order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, count)))


def rename_apart(names: Sequence[str]) -> list[str]:
    """Number the names that repeat among siblings.

    Examples
    --------
    >>> rename_apart(["trees", "trees", "trees (2)"])
    ['trees', 'trees (3)', 'trees (2)']
    """
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    chosen = []
    for name in names:
        unlike, number = name, 2
        while unlike.casefold() in seen or (unlike != name and unlike.casefold() in taken):
            unlike, number = f"{name} ({number})", number + 1
        seen.add(unlike.casefold())
        chosen.append(unlike)
    return chosen


Describe = Callable[[list[Node]], None]
"""Names a group of siblings in place."""
