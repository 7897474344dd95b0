"""Attributions by gradients along straight paths from the background: expected and integrated gradients."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn


class PathRule:
    """The mean over the background of the gradient along the path, times the difference.

    Parameters
    ----------
    model : in evaluation mode, its parameters without gradient.
    background : (m, ...) where paths start.
    weights : (s,) of the points of a path; they sum to 1.
    """

    def __init__(self, model: nn.Module, background: Float[Tensor, m * shape], weights: Float[Tensor, " s"]):
        self.model, self.background, self.weights = model, background, weights

    def contributions(
        self,
        inputs: Float[Tensor, n * shape],
        cotangents: Float[Tensor, "explained n classes"],
        points: Float[Tensor, "n m s"],
    ) -> Float[Tensor, "explained n *shape"]:
        """Give the contributions to each choice of scores, for paths read at `points` from 0 (background) to 1."""
        shares = inputs.new_zeros((len(cotangents), *inputs.shape))
        for start, along in zip(self.background, points.unbind(1), strict=True):
            difference = inputs - start
            for at, weight in zip(along.unbind(1), self.weights.tolist(), strict=True):
                shares += weight * difference * self._gradients(start + _times(at, difference), cotangents)
        return shares / len(self.background)

    @torch.enable_grad()
    def _gradients(
        self, inputs: Float[Tensor, n * shape], cotangents: Float[Tensor, "explained n classes"]
    ) -> Float[Tensor, "explained n *shape"]:
        inputs = inputs.detach().requires_grad_()
        scores = self.model(inputs.clone())
        if not scores.requires_grad:  # a constant
            return inputs.new_zeros((len(cotangents), *inputs.shape))
        gradients = [torch.autograd.grad(scores, inputs, c, retain_graph=True)[0] for c in cotangents]
        return torch.stack(gradients)


def random_points(n: int, m: int, seed: int) -> tuple[Float[np.ndarray, "n m 1"], Float[np.ndarray, " 1"]]:
    """Give one uniform point of each path, as expected gradients take."""
    return np.random.default_rng(seed).random((n, m, 1)), np.ones(1)


def quadrature_points(n: int, m: int, steps: int) -> tuple[Float[np.ndarray, "n m s"], Float[np.ndarray, " s"]]:
    """Give the points and weights of Gauss-Legendre quadrature, as integrated gradients take."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return np.broadcast_to((nodes + 1) / 2, (n, m, steps)), weights / 2


def _times(scales: Float[Tensor, " n"], values: Float[Tensor, n * shape]) -> Float[Tensor, n * shape]:
    return scales.view(-1, *(1,) * (values.ndim - 1)) * values
