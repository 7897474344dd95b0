"""Single labels from the number of positives in each bag, by belief propagation and a network that learns from it.

`LabelProportionClassifier` is the whole method, `bag_belief_propagation` its inference on `similarity_graph`, and
`DLLPClassifier` and `EasyLLPClassifier` are what it is compared with; the paper's GenBags is not here. All take
`groups` (the bag of each row) and `proportions` (bag -> share of positives) or `counts`.

References
----------
S. Havaldar, N. Sharma, S. Sareen, K. Shanmugam, A. Raghuveer, "Learning from label proportions: bootstrapping
supervised learners via belief propagation", ICLR 2024, arXiv:2310.08056; code https://github.com/google-deepmind/llp_bp.
"""

from reprise.discover.label_proportions.bags import Bags
from reprise.discover.label_proportions.belief_propagation import BPResult, bag_belief_propagation
from reprise.discover.label_proportions.calibration import calibrate_to_bags
from reprise.discover.label_proportions.classifier import LabelProportionClassifier
from reprise.discover.label_proportions.dllp import DLLPClassifier
from reprise.discover.label_proportions.easy_llp import EasyLLPClassifier
from reprise.discover.label_proportions.graph import similarity_graph
from reprise.discover.label_proportions.poisson_binomial import poisson_binomial_leave_one_out

__all__ = [
    "BPResult",
    "Bags",
    "DLLPClassifier",
    "EasyLLPClassifier",
    "LabelProportionClassifier",
    "bag_belief_propagation",
    "calibrate_to_bags",
    "poisson_binomial_leave_one_out",
    "similarity_graph",
]
