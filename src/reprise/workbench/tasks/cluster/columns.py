"""The columns of a leaderboard of clusterings."""

from __future__ import annotations

from reprise.workbench.contract import Metric
from reprise.workbench.tasks.cluster import scores

SUBSETS = 5  # random subsets of the rows whose clusterings are compared with each other

METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "ARI", "higher", "Adjusted Rand index: agreement with the labels over pairs of rows; 0 is chance, 1 is all."
        ),
        Metric(
            "accuracy",
            "higher",
            "Share of rows in the right cluster when each cluster is matched to one label (Hungarian).",
        ),
        Metric("NMI", "higher", "Normalised mutual information of clusters and labels; 0 is none, 1 is all."),
        Metric("score", "higher", "Silhouette times stability, by which the methods are ranked."),
        Metric(
            "silhouette",
            "higher",
            "How much nearer a row is to its own cluster than to the next, from -1 to 1; noise counts 0. "
            f"Above {scores.SILHOUETTE_ROWS:,} rows on a random sample of as many.",
        ),
        Metric(
            "stability",
            "higher",
            f"Mean adjusted Rand index between the clusterings of {SUBSETS} random subsets of "
            f"{scores.SUBSET_SHARE:.0%} of the rows, on the rows they share, over all pairs.",
        ),
        Metric(
            "Calinski-Harabasz",
            "higher",
            "Spread between clusters over spread within them; no fixed scale.",
            digits=0,
            detail=True,
        ),
        Metric(
            "Davies-Bouldin",
            "lower",
            "How far each cluster overlaps the one most like it; 0 is not at all.",
            detail=True,
        ),
        Metric("clusters", None, "Clusters found; rows left out as noise are none.", digits=0),
        Metric(
            "seconds",
            "lower",
            "Time of one run on all rows, one method at a time, without scoring.",
            digits=2,
            ranged=False,
        ),
    )
}
_WITH_LABELS = ("ARI", "accuracy", "NMI", "silhouette", "clusters", "seconds")
_WITHOUT_LABELS = ("score", "silhouette", "stability", "Calinski-Harabasz", "Davies-Bouldin", "clusters", "seconds")


def columns(*, labelled: bool) -> list[Metric]:
    """Give the scores against labels, or those that need none."""
    return [METRICS[name] for name in (_WITH_LABELS if labelled else _WITHOUT_LABELS)]
