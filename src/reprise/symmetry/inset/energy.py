"""The value F(S, V) of a subset S within its pool V."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.nn.encoders import MLP
from reprise.symmetry.inset.elements import ElementEncoder, check_counts, check_pool, check_subset

Background = Literal["complement", "superset", "none"]
BACKGROUNDS: tuple[str, ...] = get_args(Background)


class SetEnergy(nn.Module):
    r"""The value F(S, V) of a subset within its pool, invariant to the order of both; higher is better.

    With encodings e_j of the elements, sums s = sum_{j in S} e_j and v = sum_{j in V} e_j, and networks of ReLU layers,

    ================  =========================================  ==========================================
    ``"complement"``  F = FF_1(s) + FF_2(v - s)                  INSET as the authors' code has it
    ``"superset"``    F = beta([rho_1(s), rho_2(v)])             INSET as the paper writes it
    ``"none"``        F = FF_1(s)                                EquiVSet, which forgets the pool
    ================  =========================================  ==========================================

    A pool's own value *added* to F would be the same for each of its subsets and say nothing about which is best; so
    the pool enters by the complement, or before a hidden layer that joins it with the subset.

    Parameters
    ----------
    encoder : number of features d of an element, or a module that encodes a stack of them (see `ElementEncoder`).
    hidden : width of the elements' encodings.
    width : of the hidden layers.
    depth : hidden layers from sum to value; at least 1, with ``"superset"`` at least 2, of which the last is beta's.
    background : what F knows of the pool, as above.

    Raises
    ------
    InvalidInputError
        If a width is below 1, the depth too small, or (when called) shapes do not fit or a feature is not finite.
    UnknownNameError
        If there is no such background.

    Notes
    -----
    A value costs O(n h + h w + depth w^2).

    References
    ----------
    B. Xie et al., "Enhancing Neural Subset Selection: Integrating Background Information into Set Representations",
    ICLR 2024, arXiv:2402.03139; code https://github.com/XieBinghui/INSET.

    Examples
    --------
    >>> energy = SetEnergy(2, hidden=8, width=16)
    >>> pool = torch.randn(4, 6, 2)
    >>> subset = torch.tensor([1.0, 1, 0, 0, 0, 0]).expand(4, 3, 6)
    >>> energy(pool, subset).shape
    torch.Size([4, 3])
    """

    def __init__(
        self,
        encoder: int | nn.Module,
        hidden: int = 256,
        width: int = 500,
        depth: int = 2,
        background: Background = "complement",
    ):
        super().__init__()
        if background not in BACKGROUNDS:
            raise UnknownNameError("background", background, BACKGROUNDS)
        check_counts(width=width, depth=depth)
        if background == "superset" and depth < 2:
            raise InvalidInputError(f"depth is {depth}; the background 'superset' needs at least 2 hidden layers.")
        self.background, self.width = background, width
        self.encoder = ElementEncoder(encoder, hidden)
        layers = (width,) * depth
        if background == "superset":
            self.chosen = MLP(hidden, width, hidden=layers[2:])
            self.pool = MLP(hidden, width, hidden=layers[2:])
            self.joint = MLP(2 * width, 1, hidden=(width,))
        else:
            self.chosen = MLP(hidden, 1, hidden=layers)
            if background == "complement":
                self.rest = MLP(hidden, 1, hidden=layers)

    def forward(
        self,
        pool: Float[Tensor, "B n *features"],
        subset: Shaped[Tensor, "B *sets n"],
        pool_mask: Bool[Tensor, "B n"] | None = None,
    ) -> Float[Tensor, " B *sets"]:
        """Give the value of each subset.

        Parameters
        ----------
        pool : elements.
        subset : 1 for elements inside and 0 for those outside; numbers between (relaxed subsets) weigh the sums.
        pool_mask : which elements are there, where pools of several sizes are padded to one.
        """
        check_pool(pool, pool_mask)
        check_subset(subset, pool.shape)
        elements = self.encode(pool, pool_mask)
        rows = subset.to(elements).flatten(1, -2) if subset.ndim > 2 else subset.to(elements)[:, None]
        s, v = rows @ elements, elements.sum(1, keepdim=True)
        if self.background == "superset":
            value = self.joint.layers[1:](self._into_joint(self.chosen(s).relu(), self._of_pool(v)))
        elif self.background == "complement":
            value = self.chosen(s) + self.rest(v - s)
        else:
            value = self.chosen(s)
        return value.reshape(subset.shape[:-1])

    def encode(
        self, pool: Float[Tensor, "B n *features"], pool_mask: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B n h"]:
        """Encode the elements, for `gains`."""
        encoded: Tensor = self.encoder(pool, pool_mask)
        return encoded

    def gains(
        self, elements: Float[Tensor, "B n h"], subset: Shaped[Tensor, "B M k n"], start: int = 0
    ) -> Float[Tensor, "B M k"]:
        """Give F(S + i) - F(S), where row r of the last but one axis holds subsets S without element i = start + r.

        All sums follow from those of S: S + i adds one encoding, and the complement is what S leaves of the pool. The
        first layer is linear, so it is applied to elements or to sums, whichever is less work.

        Parameters
        ----------
        elements : encodings, from `encode`.
        subset : 0 and 1; entry (r, start + r) must be 0.
        """
        rows = subset.to(elements).flatten(1, 2)
        own = elements[:, start : start + subset.shape[2]]
        first = self.chosen.layers[0]
        assert isinstance(first, nn.Linear)
        if self.background != "complement":
            s = _sums(first.weight, elements, rows).unflatten(1, subset.shape[1:3]) + first.bias
            with_own = s + functional.linear(own, first.weight)[:, None]
            if self.background == "none":
                return _change(self.chosen, s, with_own)
            v = self._of_pool(elements.sum(1, keepdim=True)[:, None])
            before, after = (self._into_joint(self.chosen.layers[1:](x).relu(), v) for x in (s, with_own))
            return _change(self.joint, before, after)
        rest = self.rest.layers[0]
        assert isinstance(rest, nn.Linear)
        weights = torch.cat([first.weight, rest.weight])
        s, left_out = _sums(weights, elements, rows).unflatten(1, subset.shape[1:3]).split(self.width, dim=-1)
        own_s, own_rest = functional.linear(own, weights)[:, None].split(self.width, dim=-1)
        s, outside = s + first.bias, rest(elements.sum(1, keepdim=True))[:, None] - left_out
        return _change(self.chosen, s, s + own_s) + _change(self.rest, outside, outside - own_rest)

    def _of_pool(self, v: Tensor) -> Tensor:
        return self.pool(v).relu()

    def _into_joint(self, chosen: Tensor, pool: Tensor) -> Tensor:
        """Give beta's first layer of [chosen, pool]; the pool's half is worked out once a pool, not once a set."""
        first = self.joint.layers[0]
        assert isinstance(first, nn.Linear)
        half, pools_half = first.weight.split(self.width, dim=1)
        return functional.linear(chosen, half) + functional.linear(pool, pools_half, first.bias)


def _change(network: MLP, before: Float[Tensor, "*sets w"], after: Float[Tensor, "*sets w"]) -> Float[Tensor, " *sets"]:
    """Give how much a network's value changes with what its first layer gives; the last layer reads the difference."""
    last = network.layers[-1]
    assert isinstance(last, nn.Linear)
    hidden = network.layers[1:-1]
    return functional.linear(hidden(after) - hidden(before), last.weight)[..., 0]


def _sums(weight: Float[Tensor, "w h"], elements: Float[Tensor, "B n h"], rows: Float[Tensor, "B R n"]) -> Tensor:
    """Give ``(rows @ elements) @ weight.T`` in the cheaper order."""
    (w, h), n = weight.shape, elements.shape[1]
    if n * w <= (n + w) * h:
        return rows @ functional.linear(elements, weight)
    return functional.linear(rows @ elements, weight)
