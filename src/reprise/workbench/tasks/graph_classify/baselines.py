"""The graph classifiers that everyone compares with, from the one that looks at nothing on."""

from __future__ import annotations

from dataclasses import replace

from reprise.workbench.contract import Entry

MAX_DENSE_NODES = 128  # up to here networks of adjacencies, which are padded to the largest graph, take part
_HERE = "reprise.workbench.tasks.graph_classify"


def baselines() -> list[Entry]:
    """Give them, the cheapest first."""
    entries = [
        Entry("Majority", "sklearn.dummy:DummyClassifier", note="always the commonest label"),
        Entry(
            "Histogram + logistic",
            f"{_HERE}.histograms:HistogramClassifier",
            {"model": "logistic"},
            note="sizes, and histograms of node features and degrees; no structure",
        ),
        Entry(
            "Histogram + forest",
            f"{_HERE}.histograms:HistogramClassifier",
            {"model": "forest"},
            note="sizes, and histograms of node features and degrees; no structure",
        ),
        Entry("WL subtree kernel", "reprise.nn.subtree_kernel:SubtreeKernelClassifier"),
        Entry("GIN", "reprise.nn.graph_classifiers:GINClassifier"),
    ]
    return [replace(entry, kind="baseline") for entry in entries]


def averaged() -> Entry:
    """Give the frame-averaged GIN, which the catalogue does not list for this task by itself."""
    return Entry(
        "Frame-averaged GIN",
        f"{_HERE}.averaged:FrameAveragedGINClassifier",
        kind="paper",
        paper="frame-averaging",
    )
