"""Finding unnamed classes beside known ones, in hyperbolic space.

`HyperbolicCategoryDiscovery` takes features or images with labels, -1 where unlabelled, and gives each row a class,
known or new. It is made of `PoincareBall`, the layers `ToPoincare` and `HypLinear`, `hybrid_contrastive_loss` and
`self_distillation_loss`, which any other network may use.

References
----------
Y. Liu, Z. He, K. Han, "Hyperbolic Category Discovery", CVPR 2025, arXiv 2504.06120.
"""

from reprise.discover.hypcd.ball import PoincareBall
from reprise.discover.hypcd.estimator import HyperbolicCategoryDiscovery
from reprise.discover.hypcd.layers import HypLinear, ToPoincare
from reprise.discover.hypcd.losses import hybrid_contrastive_loss, self_distillation_loss

__all__ = [
    "HypLinear",
    "HyperbolicCategoryDiscovery",
    "PoincareBall",
    "ToPoincare",
    "hybrid_contrastive_loss",
    "self_distillation_loss",
]
