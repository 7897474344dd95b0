"""Claims of the Lie group decompositions: coordinates of every element, layers that move along, accuracy when warped.

The coordinates and the layers are measured at every scale, accuracy at `full` alone: the authors' network (40 channels,
10 samples, 50 epochs) on MNIST in frames of 40 pixels (20,000 training images of its 60,000), under maps drawn as
affNIST's are. Scale `quick` trains tiny networks on scikit-learn's digits for a moment, to see that they can be.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits

from reprise.claim import Claim, Measurement, Prepared, Scale, Setting, Trial
from reprise.claims.symmetry._lie_decompositions.accuracy import (
    LOST,
    UPRIGHT,
    WARPED,
    Digits,
    measure_accuracy,
)
from reprise.claims.symmetry._lie_decompositions.group import LOGARITHM, RECOVERED, RETURN, WORST, measure_groups
from reprise.claims.symmetry._lie_decompositions.layers import ERROR, KERNEL, measure_layers
from reprise.claims.symmetry._lie_decompositions.sizes import SIZES
from reprise.data.mnist import mnist
from reprise.data.simulators.warped_digits import frame_digits

LARGE: tuple[Scale, ...] = ("quick", "full")
"""Scales at which networks are trained: `quick` to see that they can be, `full` to see how well."""

PEERS = ("CNN", "wide CNN", "SO(2)")
UNTUNED = (
    "All networks train at the authors' rate and weight decay, which are those of the group networks: no rate was "
    "chosen for the ordinary convolutions, neither for those of as many channels (40) nor for those of as many "
    "features (400)."
)

CLAIMS = (
    Claim(
        id="coordinates-return",
        of="paper",
        kind="identity",
        says="going to polar coordinates and back returns every element of GL+(2), GL+(3) and SL(2)",
        metric=RETURN,
        ours=WORST,
        tolerance=1e-6,
    ),
    Claim(
        id="where-logarithms-fail",
        of="paper",
        kind="superior",
        says="also those that the matrix logarithm and exponential do not return, more than a tenth of Gaussian ones",
        metric=RECOVERED,
        metric_unit="%",
        ours="polar coordinates",
        against=("matrix logarithm",),
        at=(4.0, 9.0, 3.0),
        margin=10.0,
    ),
    Claim(
        id="a-fifth-has-no-logarithm",
        of="here",
        kind="interval",
        says="a fifth of Gaussian 2 x 2 matrices of positive determinant has no real logarithm",
        metric=LOGARITHM,
        metric_unit="%",
        ours="GL+(2)",
        low=20.0,
        high=22.0,
    ),
    Claim(
        id="lifting-moves-along",
        of="paper",
        kind="interval",
        says="the paper's lifting layer moves along with an image that an element of SL(2) acts on, within 5 %",
        metric=ERROR,
        ours="SL(2)",
        high=0.05,
        note="Its 5 x 5 pixels read a function that varies faster than they resolve, and cut off what a sample "
        "stretches beyond them.",
    ),
    Claim(
        id="better-than-a-convolution",
        of="paper",
        kind="superior",
        says="and more closely than an ordinary convolution",
        metric=ERROR,
        better="lower",
        ours="SL(2)",
        against=("convolution",),
    ),
    Claim(
        id="convolutions-do-not",
        of="here",
        kind="interval",
        says="an ordinary convolution is off by more than 20 %",
        metric=ERROR,
        ours="convolution",
        low=0.2,
    ),
    Claim(
        id="large-kernels-move-along",
        of="here",
        kind="slope",
        says="the larger the kernel, from 5 to 17 pixels on a side, the smaller the error, about inversely",
        metric=KERNEL,
        ours="SL(2)",
        high=-0.7,
        log_log=True,
        note="A larger kernel reads its function at more points, and covers more of the digit: both are in it.",
    ),
    Claim(
        id="subpixels-help",
        of="here",
        kind="superior",
        says="means over 16 points of each pixel, on a grid that holds the stretched kernel, halve the error at least",
        metric=ERROR,
        better="lower",
        ours="SL(2), sub-pixels",
        against=("SL(2)",),
        margin=0.5,
        relative=True,
    ),
    Claim(
        id="smooth-kernels-move-along",
        of="here",
        kind="interval",
        says="with them and sines of frequency 3 instead of 10 the layer moves along within 5 %",
        metric=ERROR,
        ours="SL(2), sub-pixels, smooth",
        high=0.05,
    ),
    Claim(
        id="accurate-when-warped",
        of="paper",
        kind="superior",
        says="trained on upright digits, the network on SL(2) recognises digits under affine maps better than the same "
        "network of ordinary convolutions, of as many channels or as many features, and than one on rotations alone",
        metric=WARPED,
        metric_unit="%",
        ours="SL(2)",
        against=PEERS,
        scales=LARGE,
        note=UNTUNED,
    ),
    Claim(
        id="loses-less",
        of="paper",
        kind="all_of",
        says="and loses less accuracy from upright digits to those under affine maps, while as good on upright ones",
        parts=("fewer-points-lost", "as-good-upright"),
        scales=LARGE,
        note=UNTUNED,
    ),
    Claim(
        id="fewer-points-lost",
        of="here",
        kind="superior",
        says="its accuracy on digits under affine maps is fewer points below that on upright ones",
        metric=LOST,
        metric_unit="points",
        better="lower",
        ours="SL(2)",
        against=PEERS,
        scales=LARGE,
        note="A network that has learnt nothing has nothing to lose: `as-good-upright` belongs to it.",
    ),
    Claim(
        id="as-good-upright",
        of="here",
        kind="not_inferior",
        says="on upright digits it is as accurate, within a point",
        metric=UPRIGHT,
        metric_unit="%",
        ours="SL(2)",
        against=PEERS,
        margin=1.0,
        scales=LARGE,
    ),
    Claim(
        id="as-accurate-as-the-paper",
        of="paper",
        kind="interval",
        says="it recognises more than 95.1 % of digits under affine maps, the accuracy of affConv",
        metric=WARPED,
        metric_unit="%",
        ours="SL(2)",
        low=95.1,
        scales=LARGE,
    ),
    Claim(
        id="as-if-shown-the-maps",
        of="here",
        kind="not_inferior",
        says="it comes within 2 points of ordinary convolutions of as many channels that were trained under such maps",
        metric=WARPED,
        metric_unit="%",
        ours="SL(2)",
        against=("CNN + maps",),
        margin=2.0,
        scales=LARGE,
        note=UNTUNED,
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Load the digits and put them into their frames."""
    size = SIZES[setting.scale]
    small = load_digits()
    facts: dict[str, str | int] = {
        "elements of each group": size.elements,
        "images that layers see": f"{size.warped} of scikit-learn's digits in frames of 33 pixels, blurred",
    }
    if setting.scale == "full":
        data = mnist()
        title, licence = "MNIST, 20,000 of its training images", "CC BY-SA 3.0"
        digits = Digits(
            frame_digits(data.train_images / 255, size.frame),
            data.train_labels,
            frame_digits(data.test_images / 255, size.frame),
            data.test_labels,
        )
    else:
        title, licence = "scikit-learn digits (UCI optical recognition of handwritten digits)", "CC BY 4.0"
        digits = Digits(frame_digits(small.images / 16, size.frame), small.target.astype(np.int64))
    if setting.scale in LARGE:
        facts |= {"training digits": size.train, "test digits": size.test, "epochs": size.epochs}
    return Prepared(content=(small.images, digits), facts=facts | {"digits": title, "digits' licence": licence})


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Measure coordinates, then layers, then networks."""
    size = SIZES[trial.scale]
    small, digits = prepared.content
    yield from measure_groups(trial, size)
    yield from measure_layers(trial, size, small)
    if trial.scale in LARGE:
        yield from measure_accuracy(trial, size, digits)
