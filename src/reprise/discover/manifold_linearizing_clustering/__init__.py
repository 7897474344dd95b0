"""Clusters of bent groups of points, straightened into linear subspaces, by coding rate.

`ManifoldLinearizingClustering` does all of it on a table, or on images with a backbone. Its parts: `coding_rate`,
`conditional_coding_rate` and `mcr2` measure features; `TotalCodingRateLoss` and `ManifoldLinearizingLoss` train them,
in the stages `pretrain` and `linearize`, on a `TwoHeadedNetwork` and views of the samples.

References
----------
T. Ding, S. Tong, K. H. R. Chan, X. Dai, Y. Ma, B. D. Haeffele, "Unsupervised manifold linearizing and clustering",
2023, arXiv 2301.01805; https://github.com/tianjiaoding/mlc.
"""

from reprise.discover.manifold_linearizing_clustering.clusterer import ManifoldLinearizingClustering, numerical_rank
from reprise.discover.manifold_linearizing_clustering.losses import ManifoldLinearizingLoss, TotalCodingRateLoss
from reprise.discover.manifold_linearizing_clustering.network import TwoHeadedNetwork
from reprise.discover.manifold_linearizing_clustering.rates import coding_rate, conditional_coding_rate, mcr2
from reprise.discover.manifold_linearizing_clustering.stages import linearize, pretrain
from reprise.discover.manifold_linearizing_clustering.views import AugmentedViews, NeighbourViews

__all__ = [
    "AugmentedViews",
    "ManifoldLinearizingClustering",
    "ManifoldLinearizingLoss",
    "NeighbourViews",
    "TotalCodingRateLoss",
    "TwoHeadedNetwork",
    "coding_rate",
    "conditional_coding_rate",
    "linearize",
    "mcr2",
    "numerical_rank",
    "pretrain",
]
