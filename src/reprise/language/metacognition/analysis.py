"""What the effects depend on: the number of examples, the axis's meaning, and its share of the variance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from reprise.errors import InvalidInputError
from reprise.language.metacognition.axes import ActivationAxis, two_classes
from reprise.language.metacognition.control import Mode, control_experiment
from reprise.language.model import LanguageModel

N_EXAMPLES = (0, 2, 4, 8, 16, 32, 64, 128, 256)  # of the paper's control task


def explained_variance(axis: ActivationAxis, X: ArrayLike) -> float:
    """Give the share of the variance of activations `X` (n, d) that lies along an axis.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> axes = [ActivationAxis("pc", component=k).fit(X) for k in (1, 2, 3, 4)]
    >>> round(sum(explained_variance(axis, X) for axis in axes), 6)
    1.0
    """
    points = np.asarray(X, dtype=np.float64)
    return float(np.var(points @ axis.direction_) / points.var(axis=0).sum())


def axis_table(
    axes: Mapping[str, ActivationAxis],
    X: ArrayLike,
    y: ArrayLike,
    effects: Mapping[str, float] | None = None,
    reference: ActivationAxis | None = None,
) -> pd.DataFrame:
    """Describe axes: how much variance they hold, and how much they mean.

    Parameters
    ----------
    axes : name -> fitted axis.
    X, y : (n, d) activations and (n,) classes, 0 or 1, not those the axes were fitted on.
    effects : name -> what a report or control experiment found along the axis.
    reference : a fitted axis of kind ``"lr"`` to take angles with; None fits one on `X` and `y`.

    Returns
    -------
    pandas.DataFrame
        One row an axis: ``axis``, ``explained_variance``, ``overlap`` (absolute cosine with the reference), ``auc`` (of
        the class by the score, or by its negative where that is larger) and, where given, ``effect``.

    Raises
    ------
    InvalidInputError
        If classes are not 0 and 1, or an axis has no effect though others have.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(500, 2)) * [1, 3]
    >>> y = X[:, 0] > 0  # the class lies along the dimension of little variance
    >>> axes = {"meaning": ActivationAxis("lr").fit(X, y), "largest": ActivationAxis("pc").fit(X)}
    >>> axis_table(axes, X, y).round(1)
          axis  explained_variance  overlap  auc
    0  meaning                 0.1      1.0  1.0
    1  largest                 0.9      0.0  0.5
    """
    points = np.asarray(X, dtype=np.float64)
    classes = two_classes(y, len(points))
    semantic = reference or ActivationAxis("lr").fit(points, classes)
    rows: list[dict[str, Any]] = []
    for name, axis in axes.items():
        auc = float(roc_auc_score(classes, axis.score_samples(points)))
        row = {
            "axis": name,
            "explained_variance": explained_variance(axis, points),
            "overlap": abs(float(axis.direction_ @ semantic.direction_)),
            "auc": max(auc, 1 - auc),
        }
        if effects is not None:
            if name not in effects:
                raise InvalidInputError(f"There is no effect of axis {name!r}; one for each axis is expected.")
            row["effect"] = float(effects[name])
        rows.append(row)
    return pd.DataFrame(rows)


def control_by_examples(
    model: LanguageModel,
    sentences: Sequence[str],
    axis: ActivationAxis,
    n_examples: Sequence[int] = N_EXAMPLES,
    mode: Mode = "explicit",
    **settings: Any,
) -> pd.DataFrame:
    """Run `control_experiment` with growing numbers of examples.

    Returns
    -------
    pandas.DataFrame
        One row a number of examples: ``n_examples``, ``d``, the ends ``low`` and ``high`` of its 95 % interval, and
        the numbers of replies left out, ``copies`` and ``empty``.

    Examples
    --------
    >>> from reprise.language.metacognition import sentence_activations
    >>> from reprise.models.tiny import tiny_language_model
    >>> words = "the sun rose rain fell wind blew hard".split()
    >>> lm = LanguageModel(*tiny_language_model("Say something. [Score: { 0 1 } ] " + " ".join(words)))
    >>> axis = ActivationAxis("pc", layer=1)
    >>> axis = axis.fit(sentence_activations(lm, [("Say something.", word) for word in words], 1)[1])
    >>> table = control_by_examples(lm, words, axis, [2, 4], "implicit", n_runs=2)
    >>> table.n_examples.tolist(), bool((table.low < table.d).all())
    ([2, 4], True)
    """
    rows = []
    for n in n_examples:
        result = control_experiment(model, sentences, axis, n, mode, **settings)
        rows.append((n, result.d, *result.ci, result.copies, result.empty))
    return pd.DataFrame(rows, columns=["n_examples", "d", "low", "high", "copies", "empty"])


def control_precision(effects: ArrayLike) -> Float[np.ndarray, " targets"]:
    r"""Give how far control of an axis moves it, relative to all axes: :math:`|d_{kk}| / \mathrm{mean}_j |d_{kj}|`.

    Parameters
    ----------
    effects : (targets, axes) effect along axis j when axis k was to be controlled; targets are the first axes.

    Raises
    ------
    InvalidInputError
        If there are more targets than axes, an effect is not finite, or all effects of a target are zero.

    Examples
    --------
    >>> control_precision([[2.0, 0.0], [1.0, 1.0]]).tolist()
    [2.0, 1.0]
    """
    found = np.abs(np.asarray(effects, dtype=np.float64))
    if (
        found.ndim != 2
        or found.shape[0] > found.shape[1]
        or not np.isfinite(found).all()
        or not found.any(axis=1).all()
    ):
        raise InvalidInputError(
            f"Effects are finite, (targets, axes), no more targets than axes, none without any effect; shape "
            f"{found.shape} was given."
        )
    return np.diagonal(found) / found.mean(axis=1)


class MetacognitiveSpace(NamedTuple):
    """How many axes a model can report or control, of how many, and how many dimensions its activations fill.

    Attributes
    ----------
    dimension : axes whose effect exceeds the threshold for sure.
    examined : axes there are.
    neural : participation ratio of the activations, from 1 to their number of dimensions.

    Examples
    --------
    >>> along_a_line = np.outer(np.arange(5.0), [1, 2, 2])
    >>> metacognitive_space([0.4, 0.1, -0.2], along_a_line)
    MetacognitiveSpace(dimension=2, examined=3, neural=1.0)
    """

    dimension: int
    examined: int
    neural: float


def metacognitive_space(lows: ArrayLike, X: ArrayLike, threshold: float = 0.0) -> MetacognitiveSpace:
    """Count the axes whose effect exceeds a threshold for sure, beside the dimension of the activations.

    The neural dimension is the participation ratio of the eigenvalues of the covariance, ``(sum l)^2 / sum l^2``.

    Parameters
    ----------
    lows : (axes,) lower ends of the effects' intervals, for orthogonal axes such as principal components.
    X : (n, d) activations.
    threshold : that the lower end has to exceed.

    Raises
    ------
    InvalidInputError
        If a value is not finite or shapes are not as described.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(2000, 6))
    >>> metacognitive_space([0.4, 0.1, -0.2, -0.1], X)
    MetacognitiveSpace(dimension=2, examined=4, neural=5.97...)
    """
    ends, points = np.asarray(lows, dtype=np.float64), np.asarray(X, dtype=np.float64)
    if ends.ndim != 1 or not len(ends) or not np.isfinite(ends).all():
        raise InvalidInputError(f"One finite number for each axis is expected; shape {ends.shape} was given.")
    if points.ndim != 2 or len(points) < 2 or not np.isfinite(points).all():
        raise InvalidInputError(f"Finite activations (n, d) of two or more sentences are expected; got {points.shape}.")
    variances = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) ** 2
    return MetacognitiveSpace(
        int((ends > threshold).sum()), len(ends), float(variances.sum() ** 2 / (variances**2).sum())
    )
