"""Measure whether one Matryoshka embedding, cut to any length, is as good as one trained for that length.

Everything is measured on one split and one seed at a time. The arms share architecture, learning rate, epochs and
regularisation, chosen for their average on pilot seeds; what is fitted after training (a probe, a subspace, thresholds)
never sees a test sample. Scales `quick` and `desktop` use scikit-learn's digits, `full` Fashion-MNIST with a small
convolutional network, both far below the paper's ImageNet-1K and ResNet-50 (2048 coordinates, 40 epochs of SGD,
hundreds of GPU hours for all the arms). Ten classes want fewer coordinates than a thousand, so the nested sizes are
2 to 64 where the paper has 8 to 2048.
"""

from reprise.claims.retrieve._matryoshka.measuring import measure
from reprise.claims.retrieve._matryoshka.promises import CLAIMS
from reprise.claims.retrieve._matryoshka.setup import prepare

__all__ = ["CLAIMS", "measure", "prepare"]
