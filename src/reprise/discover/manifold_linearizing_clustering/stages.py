"""The two stages of training: self-supervision of the features, then features and membership together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from reprise.discover.manifold_linearizing_clustering.losses import ManifoldLinearizingLoss, TotalCodingRateLoss
from reprise.discover.manifold_linearizing_clustering.network import TwoHeadedNetwork
from reprise.training import History, train

Views = Callable[[Int[Tensor, " b"]], Tensor]


def pretrain(
    network: TwoHeadedNetwork, views: Views, samples: int, loss: TotalCodingRateLoss, **training: Any
) -> History:
    """Stage one: bring the feature head to total coding rate. Trains `network` in place.

    Parameters
    ----------
    network : what is trained; its cluster head has no part in it.
    views : a function of row numbers that gives a new random view of each such sample, as `NeighbourViews` does.
    samples : how many there are.
    loss : the objective.
    training : further arguments of `reprise.training.train`; ``epochs`` at least.

    Examples
    --------
    >>> from reprise.discover.manifold_linearizing_clustering import AugmentedViews
    >>> views = AugmentedViews(torch.randn(32, 3), lambda x: x + 0.1 * torch.randn_like(x))
    >>> network = TwoHeadedNetwork(nn.Identity(), width=3, hidden_dim=8, feature_dim=4)
    >>> len(pretrain(network, views, 32, TotalCodingRateLoss(), epochs=2))
    2
    """

    def objective(model: nn.Module, rows: Tensor) -> Tensor:
        first, second = model(torch.cat([views(rows), views(rows)]))[0].chunk(2)
        return loss(first, second)

    return _train(network, objective, samples, **training)


def linearize(
    network: TwoHeadedNetwork,
    views: Views,
    samples: int,
    loss: ManifoldLinearizingLoss,
    *,
    n_views: int = 2,
    one_shot: bool = True,
    **training: Any,
) -> History:
    """Stage two: rate reduction over features and membership. Trains `network` in place.

    Parameters
    ----------
    network : what is trained, after `pretrain`.
    views, samples, training : as for `pretrain`.
    loss : the objective.
    n_views : A, views of each sample that are averaged.
    one_shot : start the cluster head from the feature head.

    Returns
    -------
    History
        With the terms ``rate`` and ``conditional_rate``.

    Examples
    --------
    >>> from reprise.discover.manifold_linearizing_clustering import AugmentedViews
    >>> views = AugmentedViews(torch.randn(32, 3), lambda x: x + 0.1 * torch.randn_like(x))
    >>> network = TwoHeadedNetwork(nn.Identity(), width=3, hidden_dim=8, feature_dim=4)
    >>> sorted(linearize(network, views, 32, ManifoldLinearizingLoss(), epochs=1).last)
    ['conditional_rate', 'epoch', 'loss', 'lr', 'rate', 'seconds']
    """
    if one_shot:
        network.copy_feature_head()

    def objective(model: nn.Module, rows: Tensor) -> dict[str, Tensor]:
        Z, C = model(torch.cat([views(rows) for _ in range(n_views)]))
        value = loss(torch.stack(Z.chunk(n_views)), torch.stack(C.chunk(n_views)))
        assert loss.rate is not None
        assert loss.conditional_rate is not None
        return {"loss": value, "rate": loss.rate, "conditional_rate": loss.conditional_rate}

    return _train(network, objective, samples, **training)


def _train(network: TwoHeadedNetwork, objective: Callable, samples: int, **training: Any) -> History:
    training.setdefault("batch_size", 512)
    # The last batch of an epoch is left out where it is smaller, as rates of few samples are others.
    training["batch_size"] = min(training["batch_size"], samples)
    return train(network, objective, torch.arange(samples), drop_last=True, **training)
