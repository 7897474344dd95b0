"""The task ``hierarchy``: which trees are built, and how well texts are found in them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reprise.discover.science_hierarchography import (
    EmbeddingAgent,
    KeyPhraseNamer,
    Lookup,
    Node,
    agent_lookup_eval,
    name_tree,
    query_of,
    tree_html,
    tree_json,
)
from reprise.metrics import purity
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job, Metric, Outcome, Picture, Ranking
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.methods import build
from reprise.workbench.tasks.hierarchy.baselines import entries
from reprise.workbench.tasks.hierarchy.problem import LOOKUPS, HierarchyProblem, pose

SEEDS = 3
_CALLS_A_TOPIC = 2  # of a language model at most, on average over a tree, tries included
_METRICS = (
    Metric(
        "found",
        "higher",
        f"Share of {LOOKUPS} texts (a quarter where there are fewer) that an agent finds at their leaf: it knows title "
        "and 300 letters, and goes from topic to topic by the cosine with their names and summaries. Key phrases that "
        "did not read these texts name the topics, so that nothing of them is quoted.",
    ),
    Metric(
        "quoted", "higher", "The same by the tree's own names and summaries, which have read all texts.", detail=True
    ),
    Metric("path", "higher", "Topics of the walks that are on the true path from the top, over those of true paths."),
    Metric("chance", None, "Share that is found by going to any child with equal chance.", detail=True),
    Metric("NMI", "higher", "Normalised mutual information of the top level and the labels; 0 is none, 1 is all."),
    Metric("purity", "higher", "Share of texts that are of the commonest label of their top topic."),
    Metric("LLM calls", "lower", "Requests to a language model.", digits=0, detail=True),
    Metric("seconds", "lower", "Time of building and naming the tree, without embedding.", digits=2, ranged=False),
)
_WITH_LABELS = ("NMI", "purity")


class HierarchyTask:
    """Arrange texts in a tree of named topics."""

    name = "hierarchy"
    title = "A hierarchy of texts"
    over = "runs with different seeds"
    answers = "The best tree: tree.html to browse, tree.json with every topic, and each text's topics"

    def pose(
        self, data: Any, labels: Any = None, *, seed: int = 0, budget: Budget, n_clusters: int | None = None
    ) -> HierarchyProblem:
        """Read and embed the texts, and settle how many topics each level has.

        Parameters
        ----------
        data : a file (csv, tsv, parquet, jsonl), a table, or a list of mappings, with a column of titles, of texts
            (abstract, summary, text, ...), or both; a column url gives links.
        labels : a column, a file or an array; for scores only, never shown to a method.
        seed : of the vectors' reduction.
        budget : MiniLM embeds where that takes 30 % of it at most, else TF-IDF.
        n_clusters : topics of the top level; None takes the number of labels (up to 20), or about a seventh of the next
            level's.

        Raises
        ------
        InvalidInputError, UnknownNameError
            If the texts, the labels or a setting cannot be used.
        """
        return pose(data, labels, seed=seed, budget=budget, n_clusters=n_clusters)

    def entries(self, problem: HierarchyProblem) -> list[Entry]:
        """Give the standard trees, then the paper's three directions."""
        return entries(len(problem.papers))

    def solve(self, problem: HierarchyProblem, job: Job) -> Outcome:
        """Build one tree and look texts up in it."""
        offered = {
            "cluster_sizes": list(problem.sizes),
            "random_state": job.seed,
            "embedder": problem.encoder,
            "standardize": problem.standardize,
            "namer": "auto",
            "max_calls": _CALLS_A_TOPIC * sum(problem.sizes),
        }
        built = build(job.entry, offered)
        began = time.perf_counter()
        built.method.fit(problem.papers, embeddings=problem.vectors)
        seconds = time.perf_counter() - began
        tree: Node = built.method.tree_
        found, quoted = _look_up(problem, tree)
        usage = getattr(built.method, "usage_", {})
        values = {
            "found": found.strict,
            "quoted": quoted.strict,
            "path": found.node_match,
            "chance": found.chance,
            "LLM calls": float(usage.get("calls", 0)),
            "seconds": seconds,
        }
        if problem.truth is not None:
            values |= _label_scores(problem.truth, tree)
        answer = np.frombuffer(json.dumps(tree.to_dict()).encode(), dtype=np.uint8)
        return Outcome(seconds, values, answer, built.seeded, _call(job, problem), _notes(tree, usage))

    def repeats(self, problem: HierarchyProblem, row: Row) -> Iterator[Job]:
        """Give further seeds."""
        for i in range(1, SEEDS if row.entry.name != "Ward tree" else 1):
            yield Job(row.entry, problem.seed + i)

    def summarise(self, problem: HierarchyProblem, row: Row) -> dict[str, list[float]]:
        """Give each score of every run."""
        runs = [run.outcome.measured for run in row.runs]
        values = {metric.name: [run[metric.name] for run in runs if metric.name in run] for metric in _METRICS}
        return {name: each for name, each in values.items() if each}

    def metrics(self, problem: HierarchyProblem) -> Sequence[Metric]:
        """Give the columns; those of labels where there are some."""
        return [metric for metric in _METRICS if problem.truth is not None or metric.name not in _WITH_LABELS]

    def rank(self, problem: HierarchyProblem, rows: Sequence[Row]) -> Ranking:
        """Rank by how many texts are found."""
        order = sorted(rows, key=lambda row: (-(row.mean("found") or 0.0), -(row.mean("path") or 0.0)))
        return Ranking(
            tuple(row.name for row in order),
            "Ranked by the share of texts that an agent finds at their leaf by names of topics that were made without "
            "reading these texts.",
        )

    def answer(self, problem: HierarchyProblem, row: Row) -> np.ndarray | None:
        """Give the number of each text's leaf in the tree of the first run."""
        tree = _tree(row)
        if tree is None:
            return None
        leaves = np.full(len(problem.papers), -1, dtype=np.int64)
        for leaf in tree.leaves():
            leaves[leaf.papers] = leaf.id
        return leaves

    def pictures(self, board: Leaderboard) -> list[Picture]:
        """Draw the scores; the tree itself is drawn in tree.html."""
        from reprise.workbench import figures

        problem = board.problem
        assert isinstance(problem, HierarchyProblem)
        shown = ("found", "path", *(("NMI",) if problem.truth is not None else ()))
        return [figures.scores(board, shown)]

    def files(self, board: Leaderboard) -> dict[str, bytes]:
        """Give the best tree, to browse and for machines, and each text's topics."""
        problem = board.problem
        assert isinstance(problem, HierarchyProblem)
        assert board.best is not None
        tree = _tree(board.best)
        assert tree is not None
        notes = [f"{len(problem.papers):,} texts, arranged by {board.best.name}. {problem.facts['vectors']}"]
        page = tree_html(tree, problem.papers, title=problem.title, notes=notes, links=problem.links)
        return {
            "tree.html": page.encode("utf-8", "replace"),
            "tree.json": tree_json(tree, problem.papers).encode("utf-8", "replace"),
            "topics.csv": _topics(tree).encode("utf-8", "replace"),
        }

    def snippet(self, board: Leaderboard) -> str:
        """Give Python code that builds the best tree again."""
        problem = board.problem
        assert isinstance(problem, HierarchyProblem)
        if board.best is None or board.best.first is None:
            return ""
        module, _, name = board.best.entry.factory.partition(":")
        embedder = "all-MiniLM-L6-v2" if problem.encoder.name != "tfidf" else "tfidf"
        lines = [f"from {module} import {name}", ""]
        if board.best.entry.kind != "paper":
            return "\n".join([*lines, f"tree = {board.best.first.call}.fit(papers, embeddings=vectors).tree_"])
        if problem.reading:
            lines = ["from reprise.workbench.formats import read_file", *lines]
            lines.append(f"papers = {problem.reading}.to_dict('records')")
        call = board.best.first.call.replace("EMBEDDER", repr(embedder))
        return "\n".join([*lines, f"model = {call}.fit(papers)", 'print(model.find("a question")[-1].name)'])


def _look_up(problem: HierarchyProblem, tree: Node) -> tuple[Lookup, Lookup]:
    """Look texts up by names that did not read them, and by the tree's own."""
    papers, agent = problem.papers, EmbeddingAgent(problem.encoder)
    chosen = (
        np.random.default_rng(problem.seed).permutation(len(papers))[: min(LOOKUPS, max(1, len(papers) // 4))].tolist()
    )
    queries = {i: query_of(papers[i].title, papers[i].abstract) for i in chosen}
    bare = Node.from_dict(tree.to_dict())
    for node in bare.walk():
        node.name = ""
    name_tree(bare, KeyPhraseNamer(papers, problem.vectors), unread=chosen)
    unread, read = (agent_lookup_eval(each, papers, agent, n=LOOKUPS, queries=queries) for each in (bare, tree))
    return unread, read


def _label_scores(truth: np.ndarray, tree: Node) -> dict[str, float]:
    from sklearn.metrics import normalized_mutual_info_score

    top = np.full(len(truth), -1)
    for node in tree.children:
        top[node.papers] = node.id
    return {"NMI": float(normalized_mutual_info_score(truth, top)), "purity": purity(truth, top)}


def _tree(row: Row) -> Node | None:
    if row.first is None or row.first.answer is None:
        return None
    return Node.from_dict(json.loads(row.first.answer.tobytes()))


def _call(job: Job, problem: HierarchyProblem) -> str:
    settings = {"cluster_sizes": list(problem.sizes), **job.entry.settings, "random_state": job.seed}
    listed = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    if job.entry.kind == "paper":
        listed += f", embedder=EMBEDDER, standardize={problem.standardize}"
    return f"{job.entry.factory.partition(':')[2]}({listed})"


def _notes(tree: Node, usage: dict[str, Any]) -> tuple[str, ...]:
    named = [node.named_by for node in tree.walk() if node.level]
    failed = [by for by in named if by.startswith("key phrases (")]
    if not usage.get("calls") and not usage.get("cached"):
        return ()
    told = f"{usage['calls']:,} calls to a language model (planned {usage['planned']:,}), {usage['seconds']:.0f} s"
    return (told, *((f"key phrases name {len(failed)} of {len(named)} topics: {failed[0]}",) if failed else ()))


def _topics(tree: Node) -> str:
    """Write a line a text: its row, and its topics from the top; a formula's first mark is held off."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    paths = tree.paths()
    depth = max(len(path) for found in paths.values() for path in found)
    writer.writerow(["row", *(f"level {level}" for level in range(1, depth + 1))])
    for row in sorted(paths):
        for path in paths[row]:
            names = [f"'{node.name}" if node.name[:1] in "=+-@\t" else node.name for node in path]
            writer.writerow([row, *names])
    return out.getvalue()
