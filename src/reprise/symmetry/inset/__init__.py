"""INSET: learn to select the best subset of a pool, judging subsets together with the pool they are taken from.

Examples of pools and chosen subsets are all that is needed: which products made a bundle, which images were odd ones
out, which compounds were active. What comes out is a probability for each element of a new pool, of any size.

- `SubsetSelector` is the whole: ``fit(pools, subsets)``, ``select(pools, k)``;
- `SetEnergy` is the value F(S, V) of a subset, with the pool as background or (EquiVSet) without;
- `RecognitionNet` guesses, `mean_field` improves the guess by the energy;
- `negative_elbo`, `subset_cross_entropy` and `sample_negatives` train them in turn;
- `StraightThroughBernoulli`, `copula_log_odds` and `uniform_log_odds` draw subsets that pass gradients.

References
----------
B. Xie, Y. Bian, K. Zhou, Y. Chen, P. Zhao, B. Han, W. Meng, J. Cheng, "Enhancing Neural Subset Selection: Integrating
Background Information into Set Representations", ICLR 2024, arXiv:2402.03139; code
https://github.com/XieBinghui/INSET, built on https://github.com/SubsetSelection/EquiVSet (Z. Ou et al., NeurIPS 2022,
arXiv:2203.01693).
"""

from reprise.metrics import mean_jaccard
from reprise.symmetry.inset.bernoulli import StraightThroughBernoulli, copula_log_odds, uniform_log_odds
from reprise.symmetry.inset.elements import ElementEncoder
from reprise.symmetry.inset.energy import SetEnergy
from reprise.symmetry.inset.losses import negative_elbo, sample_negatives, subset_cross_entropy
from reprise.symmetry.inset.meanfield import mean_field, mean_field_log_odds
from reprise.symmetry.inset.recognition import RecognitionNet
from reprise.symmetry.inset.selector import SubsetSelector

__all__ = [
    "ElementEncoder",
    "RecognitionNet",
    "SetEnergy",
    "StraightThroughBernoulli",
    "SubsetSelector",
    "copula_log_odds",
    "mean_field",
    "mean_field_log_odds",
    "mean_jaccard",
    "negative_elbo",
    "sample_negatives",
    "subset_cross_entropy",
    "uniform_log_odds",
]
