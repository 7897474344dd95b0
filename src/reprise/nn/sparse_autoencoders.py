"""Sparse autoencoders: activations as sums of few directions out of a large, learned dictionary.

References
----------
- T. Bricken et al. (2023), Towards Monosemanticity: Decomposing Language Models With Dictionary Learning,
  transformer-circuits.pub (rectified features, L1 penalty, unit directions).
- L. Gao et al. (2024), Scaling and Evaluating Sparse Autoencoders, arXiv:2406.04093 (top-k features, the auxiliary loss
  that brings idle features back).
- S. De Sabbata et al. (2025), arXiv:2505.03368 (top-k with the loss relative to the length of the input).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from reprise.errors import InvalidInputError
from reprise.training import History, train

_BLOCK = 4096  # rows encoded at once, where only sums over rows are asked for


class SparseAutoencoder(nn.Module):
    r"""A dictionary of directions, of which each input uses few: rectified features held back by an L1 penalty.

    .. math:: f = \operatorname{relu}\big(W_e (x - \beta b_d) + b_e\big), \qquad \hat x = W_d f + b_d, \qquad
              \ell = \frac{\lVert \hat x - x \rVert^2 + \lambda \, s \lVert f \rVert_1}{s^2}

    where the scale s is :math:`\lVert x \rVert` if `relative`, so that the loss does not depend on the units of x, else
    1; and β is 1 if `centred`, else 0. Encoder and decoder are apart ("untied"); the encoder starts as the decoder's
    transpose, whose directions start at random on the sphere. Time O(n d m) for n rows and m features.

    Parameters
    ----------
    d_in : d, numbers in an input.
    n_features : m, directions in the dictionary.
    l1 : λ, weight of the penalty.
    relative : divide the loss by the input's own squared length; rows of zeros are then not allowed.
    centred : the encoder reads what is left after the decoder's bias.
    unit_directions : `fit_sae` keeps each direction's length at 1, so that the penalty cannot be evaded by small
        features with long directions.
    seed : of the first weights.

    Examples
    --------
    >>> sae = SparseAutoencoder(8, 32)
    >>> x = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    >>> sae.encode(x).shape, sae(x).shape
    (torch.Size([5, 32]), torch.Size([5, 8]))
    """

    idle: Tensor

    def __init__(
        self,
        d_in: int,
        n_features: int,
        *,
        l1: float = 0.01,
        relative: bool = True,
        centred: bool = False,
        unit_directions: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        if d_in < 1 or n_features < 1:
            raise InvalidInputError(f"d_in is {d_in} and n_features {n_features}; positive numbers are expected.")
        if not l1 >= 0:
            raise InvalidInputError(f"l1 is {l1}; a number from 0 on is expected.")
        self.l1, self.relative, self.centred, self.unit_directions = l1, relative, centred, unit_directions
        self.encoder = nn.utils.skip_init(nn.Linear, d_in, n_features)
        self.decoder = nn.utils.skip_init(nn.Linear, n_features, d_in)
        with torch.no_grad():
            directions = torch.randn(n_features, d_in, generator=torch.Generator().manual_seed(seed))
            directions = nn.functional.normalize(directions, dim=1)
            self.encoder.weight.copy_(directions)
            self.decoder.weight.copy_(directions.T)
            self.encoder.bias.zero_()
            self.decoder.bias.zero_()
        self.register_buffer("idle", torch.zeros(n_features, dtype=torch.long))

    @property
    def d_in(self) -> int:
        """Numbers in an input."""
        return self.encoder.in_features

    @property
    def n_features(self) -> int:
        """Directions in the dictionary."""
        return self.encoder.out_features

    @property
    def directions(self) -> Float[Tensor, "m d"]:
        """The dictionary: what each feature adds to the reconstruction, a unit of it."""
        return self.decoder.weight.detach().T

    def preactivations(self, x: Float[Tensor, "*rows d"]) -> Float[Tensor, "*rows m"]:
        """Give what the features are before they are made sparse."""
        return self.encoder(x - self.decoder.bias if self.centred else x)

    def sparsify(self, preactivations: Float[Tensor, "*rows m"]) -> Float[Tensor, "*rows m"]:
        """Turn preactivations into features: no feature is negative."""
        return preactivations.relu()

    def encode(self, x: Float[Tensor, "*rows d"]) -> Float[Tensor, "*rows m"]:
        """Give the features of inputs."""
        return self.sparsify(self.preactivations(x))

    def decode(self, features: Float[Tensor, "*rows m"]) -> Float[Tensor, "*rows d"]:
        """Give the inputs that features stand for."""
        return self.decoder(features)

    def forward(self, x: Float[Tensor, "*rows d"]) -> Float[Tensor, "*rows d"]:
        """Reconstruct inputs from their features."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def firing_rates(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " m"]:
        """Give the share of rows in which each feature is not zero; 0 is a dead feature."""
        return sum((self.encode(rows) != 0).sum(0) for rows in x.split(_BLOCK)) / x.new_tensor(len(x))

    @torch.no_grad()
    def unexplained(self, x: Float[Tensor, "n d"]) -> float:
        r"""Give the normalised error, the mean over rows of :math:`\lVert \hat x - x \rVert^2 / \lVert x \rVert^2`."""
        _check_lengths(x)
        errors = [((self(rows) - rows).square().sum(1) / rows.square().sum(1)).sum() for rows in x.split(_BLOCK)]
        return float(sum(errors) / len(x))


class TopKSAE(SparseAutoencoder):
    r"""A sparse autoencoder that keeps the k largest features of each input, and of these the positive ones.

    The number of features in use is set, not traded against the error, so the L1 penalty may be 0.

    Parameters
    ----------
    d_in, n_features : as for `SparseAutoencoder`.
    k : features that an input may use.
    l1, relative, centred, unit_directions, seed : as for `SparseAutoencoder`.

    Raises
    ------
    InvalidInputError
        If `k` is not within 1..n_features.

    Examples
    --------
    >>> sae = TopKSAE(8, 32, k=4)
    >>> int((sae.encode(torch.ones(1, 8)) != 0).sum()) <= 4
    True
    """

    def __init__(
        self,
        d_in: int,
        n_features: int,
        k: int,
        *,
        l1: float = 0.0,
        relative: bool = True,
        centred: bool = False,
        unit_directions: bool = False,
        seed: int = 0,
    ):
        super().__init__(
            d_in,
            n_features,
            l1=l1,
            relative=relative,
            centred=centred,
            unit_directions=unit_directions,
            seed=seed,
        )
        if not 1 <= k <= n_features:
            raise InvalidInputError(f"k is {k}; a number within 1..{n_features}, the features there are, is expected.")
        self.k = k

    def sparsify(self, preactivations: Float[Tensor, "*rows m"]) -> Float[Tensor, "*rows m"]:
        """Turn preactivations into features: the k largest of a row, rectified."""
        largest = preactivations.topk(self.k, dim=-1, sorted=False)
        return torch.zeros_like(preactivations).scatter_(-1, largest.indices, largest.values.relu())


def fit_sae(
    sae: SparseAutoencoder,
    x: Float[Tensor, "n d"],
    *,
    epochs: int = 50,
    batch_size: int = 256,
    lr: float = 1e-3,
    schedule: str | Callable[[Optimizer, int | None], LRScheduler] = "cosine",
    revive: float = 1 / 32,
    idle_rows: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool | str = False,
    **settings: Any,
) -> History:
    r"""Fit a sparse autoencoder in place.

    Features that no row has used for long get a loss of their own: those of them that would be largest reconstruct
    what the others leave over, :math:`e = x - \hat x`, and :math:`\alpha \lVert \hat e - e \rVert^2 / \lVert e
    \rVert^2` is added (Gao et al., 2024). At most d/2 idle features take part for a row, through the softplus
    function, so that those learn too whose preactivations are negative everywhere.

    Parameters
    ----------
    sae : is fitted.
    x : activations.
    epochs, batch_size, lr, schedule : of AdamW without decay; as in `reprise.training.train`, or ``"plateau"``, which
        divides the rate by five where the loss over x has not fallen for ten epochs, down to 1e-5.
    revive : α; 0 leaves idle features alone.
    idle_rows : rows without use after which a feature counts as idle; None takes one pass over x.
    seed : of the order of rows.
    device, progress, settings : as in `reprise.training.train`, which also takes ``checkpoint=``.

    Returns
    -------
    History
        One record an epoch: ``loss``, ``error`` (of the reconstruction; relative if the autoencoder is), ``penalty``
        (before λ), ``active`` features a row, and the share of ``idle`` features.

    Raises
    ------
    InvalidInputError
        If `x` is empty, has another width, holds NaN or infinite values, or zero rows for a relative loss.

    Examples
    --------
    >>> rng = torch.Generator().manual_seed(0)
    >>> x = torch.randn(512, 4, generator=rng) @ torch.randn(4, 16, generator=rng)
    >>> sae = TopKSAE(16, 64, k=8)
    >>> history = fit_sae(sae, x, epochs=60, lr=3e-3)
    >>> sae.unexplained(x) < 0.1
    True
    """
    if x.ndim != 2 or not len(x) or x.shape[1] != sae.d_in:
        raise InvalidInputError(f"x has shape {tuple(x.shape)}; rows of {sae.d_in} numbers are expected.")
    if not bool(torch.isfinite(x).all()):
        raise InvalidInputError("x holds NaN or infinite values.")
    if sae.relative:
        _check_lengths(x)
    patience = len(x) if idle_rows is None else idle_rows

    def loss(model: Any, rows: Tensor) -> dict[str, Tensor]:
        return _loss(model, rows, revive, patience)

    if schedule == "plateau":
        plateau = _Plateau(x)
        schedule, settings = plateau.attach, settings | {"validate": plateau.judge}
    return train(
        sae,
        loss,
        x,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        schedule=schedule,
        after_step=_shorten if sae.unit_directions else None,
        seed=seed,
        device=device,
        progress=progress,
        **settings,
    )


class _Plateau:
    """Lowers the rate where the loss over all rows has not fallen for some epochs."""

    def __init__(self, x: Tensor):
        self.x = x
        self.rule: ReduceLROnPlateau | None = None

    def attach(self, optimizer: Optimizer, _: int | None) -> LRScheduler:
        self.rule = ReduceLROnPlateau(optimizer, factor=0.2, patience=10, min_lr=1e-5)
        return _AsItIs(optimizer)

    def judge(self, sae: Any) -> dict[str, float]:
        device = sae.encoder.weight.device
        blocks = [_loss(sae, rows.to(device), 0.0, len(self.x), count=False) for rows in self.x.split(_BLOCK)]
        sizes = [len(rows) for rows in self.x.split(_BLOCK)]
        whole = sum(float(terms["loss"]) * n for terms, n in zip(blocks, sizes, strict=True)) / len(self.x)
        assert self.rule is not None
        self.rule.step(whole)
        return {"whole_loss": whole}


class _AsItIs(LRScheduler):
    """Leaves the rate as another rule has set it."""

    def get_lr(self) -> list[float | Tensor]:
        return [group["lr"] for group in self.optimizer.param_groups]


def _loss(sae: SparseAutoencoder, x: Tensor, revive: float, patience: int, *, count: bool = True) -> dict[str, Tensor]:
    preactivations = sae.preactivations(x)
    features = sae.sparsify(preactivations)
    residue = x - sae.decode(features)
    length = x.norm(dim=1) if sae.relative else x.new_ones(len(x))
    error = (residue.square().sum(1) / length.square()).mean()
    penalty = (features.sum(1) / length).mean()
    used = features.detach() != 0
    if count:
        with torch.no_grad():
            sae.idle.add_(len(x)).masked_fill_(used.any(0), 0)
    idle = sae.idle > patience
    terms = {
        "loss": error + sae.l1 * penalty,
        "error": error,
        "penalty": penalty,
        "active": used.sum(1).float().mean(),
        "idle": idle.float().mean(),
    }
    if revive and bool(idle.any()):
        terms["loss"] = terms["loss"] + revive * _left_over(sae, preactivations[:, idle], idle, residue.detach())
    return terms


def _left_over(sae: SparseAutoencoder, preactivations: Tensor, idle: Tensor, residue: Tensor) -> Tensor:
    """How badly the largest idle features reconstruct what the others left over, relative to its length."""
    largest = preactivations.topk(min(max(1, sae.d_in // 2), preactivations.shape[1]), dim=1, sorted=False)
    features = torch.zeros_like(preactivations).scatter(1, largest.indices, nn.functional.softplus(largest.values))
    left = residue - features @ sae.decoder.weight[:, idle].T
    return (left.square().sum(1) / residue.square().sum(1).clamp_min(torch.finfo(residue.dtype).tiny)).mean()


def _shorten(sae: nn.Module, _: int) -> None:
    assert isinstance(sae, SparseAutoencoder)
    with torch.no_grad():
        sae.decoder.weight.div_(sae.decoder.weight.norm(dim=0).clamp_min(torch.finfo(sae.decoder.weight.dtype).tiny))


def _check_lengths(x: Tensor) -> None:
    zero = (x == 0).all(1)
    if bool(zero.any()):
        raise InvalidInputError(
            f"Row {int(zero.nonzero()[0])} of x is all zeros, and an error relative to its length has no meaning; "
            "drop such rows, or give relative=False."
        )
