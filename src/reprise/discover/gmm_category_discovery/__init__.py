"""Category discovery by a semi-supervised Gaussian mixture whose components split and merge (GPC).

Some classes are labelled in part, the others not at all, and nobody knows how many there are.

- `SemiSupervisedGMM` clusters ready features and finds the number of classes; `estimate_n_classes` gives it alone;
- `GPC` takes turns between the mixture and learning the features, drawn to the mixture's prototypes;
- `NIWPrior` is the belief about a component, `log_hastings_split` and `log_hastings_merge` judge moves by it;
- `PrototypicalContrastiveLoss` and `concentrations` draw features to prototypes.

References
----------
B. Zhao, X. Wen, K. Han, "Learning semi-supervised Gaussian mixture models for generalized category discovery",
ICCV 2023, arXiv 2305.06144; code https://github.com/DTennant/GPC.
"""

from reprise.discover.gmm_category_discovery.concentration import concentrations
from reprise.discover.gmm_category_discovery.gpc import GPC
from reprise.discover.gmm_category_discovery.hastings import log_hastings_merge, log_hastings_split
from reprise.discover.gmm_category_discovery.losses import PrototypicalContrastiveLoss, RepresentationLoss
from reprise.discover.gmm_category_discovery.mixture import SemiSupervisedGMM, estimate_n_classes
from reprise.discover.gmm_category_discovery.networks import ResidualHead
from reprise.discover.gmm_category_discovery.prior import Moments, NIWPrior

__all__ = [
    "GPC",
    "Moments",
    "NIWPrior",
    "PrototypicalContrastiveLoss",
    "RepresentationLoss",
    "ResidualHead",
    "SemiSupervisedGMM",
    "concentrations",
    "estimate_n_classes",
    "log_hastings_merge",
    "log_hastings_split",
]
