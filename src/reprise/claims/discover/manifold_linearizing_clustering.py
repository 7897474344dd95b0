"""Does straightening bent clusters by coding rate find them, beyond what self-supervision alone has found.

Simulated curves whose truth is known; MNIST with random warps as views, where every arm starts from one self-supervised
network and trains as many epochs more; and the table of scikit-learn's digits, without images. Every method gets the
number of clusters, and its settings from pilot seeds of 1000 and above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.discover._manifold_linearizing_clustering import images as pictures
from reprise.claims.discover._manifold_linearizing_clustering import tables
from reprise.claims.discover._manifold_linearizing_clustering.sizes import (
    ETA_CURVES,
    ETA_IMAGES,
    ETA_TABLE,
    INVARIANCE,
    LR,
    MLC_LR,
    SIZES,
    SSL_LR,
)
from reprise.claims.discover._manifold_linearizing_clustering.tables import accuracy_on
from reprise.data.mnist import mnist

RIVALS = (tables.KMEANS, tables.SPECTRAL, tables.ENSC)


def _slug(data: str) -> str:
    return data.replace(" ", "-")


# The 0.1 of the cosine is the card's, made before any run; margins are 0.
CLAIMS = (
    *(
        Claim(
            id=f"beats-all-{_slug(data)}",
            of="paper",
            kind="superior",
            metric=accuracy_on(data),
            ours=tables.MLC,
            against=RIVALS,
            says=f"on {data}, MLC is more accurate than k-means, spectral and sparse subspace clustering of the points",
        )
        for data in tables.CURVES
    ),
    Claim(
        id="orthogonal-curves",
        of="paper",
        kind="interval",
        metric=tables.BETWEEN,
        ours=tables.MLC,
        low=0.0,
        high=0.1,
        says="features of different curves are near orthogonal: their mean |cosine| is below 0.1",
    ),
    Claim(
        id="beats-subspace-clustering-of-ssl-features",
        of="paper",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC,
        against=(pictures.SSL_ENSC,),
        says="on images, MLC is more accurate than sparse subspace clustering of the self-supervised features that it "
        "starts from",
    ),
    Claim(
        id="features-made-linear",
        of="paper",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC_ENSC,
        against=(pictures.SSL_ENSC,),
        says="on images, sparse subspace clustering does better on MLC's features than on self-supervised ones",
    ),
    Claim(
        id="lower-rank",
        of="paper",
        kind="superior",
        metric=pictures.CLASS_RANK,
        ours=pictures.MLC,
        against=(pictures.SSL,),
        better="lower",
        says="MLC's features of a true class have a lower numerical rank than self-supervised ones",
    ),
    Claim(
        id="beats-ssl-features",
        of="here",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC,
        against=(pictures.SSL_KMEANS, pictures.SSL_SPECTRAL),
        says="on images, MLC is more accurate than k-means and spectral clustering of features that were "
        "self-supervised for as many epochs",
    ),
    Claim(
        id="beats-projection-of-ssl-features",
        of="here",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC,
        against=(pictures.SSL_MEMBERSHIP,),
        says="on images, MLC is more accurate than the doubly stochastic membership of features that were "
        "self-supervised for as many epochs, so that learning the membership adds to projecting once",
        note="In pilots, the membership of self-supervised features with an eta of its own was as accurate.",
    ),
    Claim(
        id="beats-pixels",
        of="here",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC,
        against=(pictures.PIXELS_KMEANS, pictures.PIXELS_SPECTRAL),
        says="on images, MLC is more accurate than k-means and spectral clustering of the pixels",
    ),
    Claim(
        id="two-heads",
        of="here",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC,
        against=(pictures.ONE_HEAD,),
        says="a cluster head of its own makes MLC more accurate than a membership from the features themselves",
    ),
    Claim(
        id="one-shot-start",
        of="here",
        kind="superior",
        metric=pictures.ACCURACY,
        ours=pictures.MLC,
        against=(pictures.OWN_START,),
        says="a cluster head that starts as a copy of the feature head is better than one that starts at random",
    ),
    Claim(
        id="beats-all-table-of-digits",
        of="here",
        kind="superior",
        metric=accuracy_on(tables.TABLE),
        ours=tables.MLC,
        against=RIVALS,
        says="on the table of digits, with steps towards neighbours as views, MLC is more accurate than k-means, "
        "spectral and sparse subspace clustering",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Load images and table, and state every setting."""
    size = SIZES[setting.scale]
    digits, classes = load_digits(return_X_y=True)
    if setting.scale == "quick":
        images, labels = digits.reshape(-1, 1, 8, 8).astype(np.float32) / 16, classes
        said = "scikit-learn's digits, 8 x 8"
    else:
        data = mnist()
        images, labels = _halved(data.train_images), data.train_labels
        said = "MNIST, averaged to 14 x 14"
    facts: dict[str, str | int | float | bool] = {
        "curves": f"{size.curve_points} points each, new ones for each seed, in {tables.AMBIENT} dimensions, noise "
        f"{tables.NOISE}",
        "images": f"{said}; {size.images} drawn for each seed, so the interval is for this data set",
        "table": f"scikit-learn's digits, {size.table_rows} rows drawn for each seed",
        "licences": "MNIST CC BY-SA 3.0; digits CC BY 4.0 (UCI)",
        "views": f"images: turns to {pictures.TURN} rad, size to {pictures.GROWTH:.0%}, slant to {pictures.SLANT}, "
        f"shifts to {pictures.SHIFT:.0%} of the side; else steps towards one of 10 neighbours",
        "epochs on images": f"{size.first} of self-supervision, then {size.second} more for every arm, self-supervised "
        "ones too",
        "epochs elsewhere": f"{size.table_first}, then {size.table_second}",
        "network": f"images: convolutions of 32 and 64 channels; then {size.hidden_dim} hidden and {size.feature_dim} "
        "features",
        "eta": f"MLC: {ETA_CURVES} on curves, {ETA_IMAGES} on images, {ETA_TABLE} on the table; of self-supervised "
        f"features {pictures.SSL_ETA}",
        "invariance": INVARIANCE,
        "learning rates": f"{LR}; then {MLC_LR} of MLC, {SSL_LR} of further self-supervision",
        "sparse subspace clustering": f"elastic net, gamma and tau {tables.ENSC_SETTING[tables.TABLE]} on digits and "
        f"{pictures.ENSC_SETTING} on features, {tables.ENSC_SETTING['three bent curves']} on curves",
        "spectral clustering": f"{tables.SPECTRAL_NEIGHBOURS} neighbours; {pictures.NEIGHBOURS} on images",
        "tuning": "by accuracy on pilot seeds 1000 and 1001: MLC's eta of two to four and its rate of two; rivals' "
        "eta, neighbours (not on images) or gamma of two or three, and the rate of further self-supervision of two",
    }
    return Prepared({"images": (images, labels), "table": (digits, classes)}, facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Cluster curves, images and table by every arm."""
    size, content = SIZES[trial.scale], prepared.content
    yield from tables.measure_curves(size, trial)
    images, labels = _drawn(content["images"], size.images, trial)
    yield from pictures.measure_images(images, labels, size, trial)
    rows, classes = _drawn(content["table"], size.table_rows, trial)
    yield from tables.measure_table(rows, classes, size, trial)


def _drawn(data: tuple[NDArray[Any], NDArray[Any]], count: int, trial: Trial) -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = data
    rows = trial.rng().choice(len(X), count, replace=False)
    return X[rows], y[rows]


def _halved(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average blocks of 2 x 2 pixels, and bring them to [0, 1]."""
    n, height, width = images.shape
    blocks = images.reshape(n, 1, height // 2, 2, width // 2, 2).astype(np.float32) / 255
    return blocks.mean(axis=(3, 5))
