"""DeepSHAP: an input's score, less the background's, shared among the input's values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from reprise.errors import InvalidInputError
from reprise.nn.explain.network import Explained, Target, explained_classes, held_still
from reprise.nn.explain.paths import PathRule, quadrature_points, random_points
from reprise.nn.explain.rescale import RescaleRule

Method = Literal["deeplift", "expected-gradients", "integrated-gradients"]
METHODS: tuple[Method, ...] = get_args(Method)

INCOMPLETE = 0.02
"""DeepLIFT that misses more than this share of the scores' differences has not seen all of the network."""


@dataclass(frozen=True)
class Attributions:
    """What speaks for and against a class, input by input.

    Parameters
    ----------
    maps : (n, ...) contributions, in units of the score, in the shape of the inputs; (n, C, ...) where all classes
        are explained.
    classes : (n,) the class explained for each input; (n, C) where all are.
    scores : (n, C) the network's scores of the inputs.
    expected : (C,) its mean scores of the background.
    completeness_error : (n,) or (n, C), by how much the contributions of an input miss its score less the expected.
    background : (m,) rows of the given background that were used.
    """

    maps: Float[np.ndarray, n * shape]
    classes: Int[np.ndarray, n * explained]
    scores: Float[np.ndarray, "n C"]
    expected: Float[np.ndarray, " C"]
    completeness_error: Float[np.ndarray, n * explained]
    background: Int[np.ndarray, " m"]


def deep_shap(
    model: nn.Module,
    inputs: ArrayLike | Tensor,
    background: ArrayLike | Tensor,
    *,
    target: Target = "pred",
    max_background: int = 100,
    batch_size: int = 64,
    method: Method = "deeplift",
    steps: int = 16,
    random_state: int = 0,
    progress: bool = False,
) -> Attributions:
    """Share each input's score, less the mean score of a background, among the input's values.

    With multipliers m of an input x towards a background sample b, the contributions to the score f_c are::

        φ_c(x) = mean over b of  m_c(x, b) · (x - b),        Σ φ_c(x) = f_c(x) - mean over b of f_c(b)

    averaged after multiplying, sample by sample: DeepLIFT towards the mean of the background would be complete for
    another reference. The methods differ in m:

    ``"deeplift"``
        the rescale rule: gradients in which an elementwise function has the slope of its chord from b to x, and max
        pooling sends differences to where the maxima are (DeepSHAP). Complete up to rounding.
    ``"expected-gradients"``
        the gradient at one random point between b and x; unbiased, complete on average only, for any network.
    ``"integrated-gradients"``
        its mean over `steps` points of the path (Gauss-Legendre); complete as far as these suffice, for any network.

    Parameters
    ----------
    model : gives scores (n, C), logits rather than probabilities, of a batch of inputs. It is explained in evaluation
        mode and left as it was.
    inputs : (n, ...) to explain.
    background : (m, ...) what they are compared with, such as training images.
    target : ``"pred"`` explains the class of the highest score, an integer that class, ``"all"`` every class.
    max_background : of a larger background so many samples are drawn, in equal shares of the classes the model gives
        them where possible.
    batch_size : inputs at once; memory grows with it.
    method : as above.
    steps : points of a path, of integrated gradients.
    random_state : seeds the draw of the background and the random points.
    progress : show a bar.

    Returns
    -------
    Attributions

    Raises
    ------
    InvalidInputError
        If the background is empty, shapes do not fit, values are not finite, the model does not give (n, C), or
        DeepLIFT meets a function it has no rule for; the message names it and its layer.

    Warns
    -----
    UserWarning
        If the model is in training mode, or DeepLIFT's contributions do not add up, as when part of the network is
        compiled and cannot be seen.

    Notes
    -----
    DeepLIFT costs n + m forward and n m backward passes, times C for all classes; expected gradients n m of both,
    integrated gradients n m times `steps`. Results do not depend on the batch size, up to rounding.

    References
    ----------
    Lundberg and Lee (2017), "A unified approach to interpreting model predictions", arXiv:1705.07874; Shrikumar,
    Greenside and Kundaje (2017), "Learning important features through propagating activation differences",
    arXiv:1704.02685; Erion et al. (2019), expected gradients, arXiv:1906.10670; Sundararajan, Taly and Yan (2017),
    integrated gradients, arXiv:1703.01365. Other implementations: shap's DeepExplainer, captum's DeepLiftShap.

    Examples
    --------
    Of a linear model the contributions are w · (x - mean b):

    >>> import torch
    >>> model = torch.nn.Linear(3, 2, bias=False).eval()
    >>> _ = torch.nn.init.ones_(model.weight)
    >>> found = deep_shap(model, [[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]], target=0)
    >>> found.maps
    array([[1., 1., 3.]], dtype=float32)
    >>> float(found.completeness_error.max())
    0.0
    """
    if method not in METHODS:
        raise InvalidInputError(f"method is one of {', '.join(METHODS)}; got {method!r}.")
    if max_background < 1 or steps < 1:
        raise InvalidInputError(f"max_background and steps are at least 1; got {max_background} and {steps}.")
    network = Explained(model, batch_size)
    x, b = network.tensor(inputs, "Inputs"), network.tensor(background, "Background samples")
    if x.shape[1:] != b.shape[1:]:
        raise InvalidInputError(f"Inputs {tuple(x.shape)} and background {tuple(b.shape)} differ in shape.")
    with held_still(model):
        scores, b_scores = network.scores(x), network.scores(b)
        chosen = _balanced(b_scores.argmax(dim=1).numpy(), max_background, random_state)
        classes = explained_classes(target, scores)
        share = _rule(network, b[chosen].to(network.device), len(x), method, steps, random_state)
        cotangents = functional.one_hot(classes.T, scores.shape[1]).to(network.dtype)
        maps = torch.empty((classes.shape[1], *x.shape), dtype=network.dtype)
        for rows, batch in network.batches(x, method if progress else None):
            maps[:, rows] = share(batch, cotangents[:, rows].to(network.device), rows).detach().cpu()
    expected = b_scores[chosen].mean(dim=0)
    owed = (scores - expected).gather(1, classes)
    error = (maps.flatten(2).sum(dim=2).T - owed).abs()
    if method == "deeplift":
        _warn_if_incomplete(error, owed, scores)
    only = target != "all"
    return Attributions(
        maps=(maps[0] if only else maps.transpose(0, 1)).numpy(),
        classes=(classes[:, 0] if only else classes).numpy(),
        scores=scores.numpy(),
        expected=expected.numpy(),
        completeness_error=(error[:, 0] if only else error).numpy(),
        background=chosen,
    )


def _rule(
    network: Explained, background: Tensor, n: int, method: str, steps: int, seed: int
) -> Callable[[Tensor, Tensor, slice], Tensor]:
    """Give the function from a batch, its cotangents and its rows to contributions."""
    if method == "deeplift":
        rescale = RescaleRule(network.model, background)
        return lambda batch, cotangents, rows: rescale.contributions(batch, cotangents)
    m = len(background)
    points, weights = random_points(n, m, seed) if method == "expected-gradients" else quadrature_points(n, m, steps)
    path = PathRule(network.model, background, torch.as_tensor(weights, dtype=network.dtype))

    def share(batch: Tensor, cotangents: Tensor, rows: slice) -> Tensor:
        at = torch.as_tensor(np.array(points[rows])).to(network.device, network.dtype)
        return path.contributions(batch, cotangents, at)

    return share


def _balanced(classes: Int[np.ndarray, " m"], size: int, seed: int) -> Int[np.ndarray, " chosen"]:
    """Draw rows so that the classes have shares as equal as their numbers allow; sorted."""
    rng = np.random.default_rng(seed)
    if len(classes) <= size:
        return np.arange(len(classes))
    shuffled = rng.permutation(len(classes))
    # The k-th member of each class comes before the (k + 1)-th of any.
    rank = np.empty(len(classes), dtype=np.int64)
    for label in np.unique(classes):
        members = shuffled[classes[shuffled] == label]
        rank[members] = np.arange(len(members))
    return np.sort(shuffled[np.argsort(rank[shuffled], kind="stable")[:size]])


def _warn_if_incomplete(error: Tensor, owed: Tensor, scores: Tensor) -> None:
    scale = owed.abs().max().clamp(min=1e-3 * float(scores.abs().max()) + 1e-12)
    if (missed := float(error.max() / scale)) > INCOMPLETE:
        warnings.warn(
            f"DeepLIFT's contributions miss {missed:.0%} of the largest difference of scores: part of the network (a "
            "compiled module, a detached value, samples that see each other) is out of its sight.",
            stacklevel=3,
        )
