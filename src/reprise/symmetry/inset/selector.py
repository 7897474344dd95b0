"""INSET as an estimator: learns from pools and the subsets that were chosen of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.metrics import mean_jaccard
from reprise.nn.encoders import MLP
from reprise.symmetry.inset.energy import Background, SetEnergy
from reprise.symmetry.inset.fitting import Settings, fit_alternating, infer
from reprise.symmetry.inset.pools import PackedPools, Pools, Subsets, check_k
from reprise.symmetry.inset.recognition import RecognitionNet

Mode = Literal["copula", "ind", "diffMF"]


class SubsetSelector(BaseEstimator):
    r"""Learn to select a good subset of a pool from examples of pools and the subsets chosen of them.

    No values of elements or of subsets are needed: the model is p(S | V) proportional to exp F(S, V) with a `SetEnergy`
    F, whose subset of highest probability is to be the chosen one. INSET lets F see the pool as well as the subset;
    with ``background="none"`` it is EquiVSet.

    Each batch trains two networks in turn: `RecognitionNet` on the evidence bound E F(s) + sum_i H(mu_i), and the
    energy on the cross-entropy, over the chosen elements and as many others, of the probabilities that mean-field
    steps (`mean_field`) make of mu.

    Parameters
    ----------
    background : ``"complement"``, ``"superset"`` or ``"none"``; see `SetEnergy`.
    mode : ``"copula"`` or ``"ind"`` for the noise of the recognition network, ``"diffMF"`` for none: mean field then
        starts from one half, and wants several `steps`.
    hidden, width, depth : of the networks, as of `SetEnergy`.
    encoder : of elements, one for each network: ``"linear"`` as in the authors' code, which tells F no more of a subset
        than its size and its mean; ``"mlp"``, one hidden layer, which tells it as much as `hidden` allows; or a
        function that makes a module from a stack (N, ...) to (N, hidden).
    samples : subsets M drawn for each expectation.
    steps : mean-field iterations.
    rank, tau : of the copula and of the relaxed samples.
    negatives : elements outside that count in the loss, for each one inside.
    epochs : at most; it stops earlier after more than `patience` epochs without a better held-out mean Jaccard.
    batch_size, lr, weight_decay : of Adam, for both networks.
    clip : largest norm of the gradient of each network.
    patience : None goes on to the end; the best epoch's weights are kept all the same.
    validation_fraction : share of the pools held out for that; 0 holds out none and keeps the last weights.
    device : such as ``"cpu"`` or ``"cuda"``, where it trains and predicts.
    random_state : seeds weights, batches, samples, and what is held out.
    verbose : show a progress bar with the held-out mean Jaccard.

    Attributes
    ----------
    energy_ : the fitted `SetEnergy`.
    recognition_ : the fitted `RecognitionNet`; None with ``"diffMF"``.
    history_ : one dictionary an epoch: negative ELBO, cross-entropy and held-out Jaccard.
    n_features_in_ : features of an element (of the first axis, where there are more).
    seed_ : of the random numbers in predictions, which therefore do not change from call to call.

    Raises
    ------
    InvalidInputError
        If a pool is empty or not finite, pools differ in features, or a subset is empty, is its whole pool, is larger
        or names an element that is not there.
    DivergedError
        If a loss is not finite.

    Notes
    -----
    Features enter sums as they are: bring them to a common scale first. A batch costs O(B M n (n w + depth w^2)).
    Where the authors clip the gradient of both networks as one, each is clipped by itself here; and their encoder of
    CelebA's images, which mixes the mean of the pool's images into its last layer, is left out: an `encoder` sees
    elements one by one.

    References
    ----------
    B. Xie et al., "Enhancing Neural Subset Selection: Integrating Background Information into Set Representations",
    ICLR 2024, arXiv:2402.03139; code https://github.com/XieBinghui/INSET. Training follows Z. Ou et al., "Learning
    neural set functions under the optimal subset oracle", NeurIPS 2022, arXiv:2203.01693.

    Examples
    --------
    Which two are not like the others?

    >>> rng = np.random.default_rng(0)
    >>> pools = rng.normal(size=(200, 8, 1)) * 0.1 + rng.choice([-1.0, 1.0], size=(200, 1, 1))
    >>> pools[:, :2] *= -1
    >>> model = SubsetSelector(hidden=8, width=16, lr=0.01, epochs=15, batch_size=20, random_state=0)
    >>> model.fit(pools, [[0, 1]] * 200).score(pools, [[0, 1]] * 200) > 0.95
    True
    >>> model.select([[[1.0], [-1.0], [1.1], [0.9], [1.0], [-0.9], [1.0], [1.0]]], k=2)[0].tolist()
    [1, 5]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "background": [StrOptions({"complement", "superset", "none"})],
        "mode": [StrOptions({"copula", "ind", "diffMF"})],
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "width": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "encoder": [callable, StrOptions({"linear", "mlp"})],
        "samples": [Interval(Integral, 1, None, closed="left")],
        "steps": [Interval(Integral, 1, None, closed="left")],
        "rank": [Interval(Integral, 1, None, closed="left")],
        "tau": [Interval(Real, 0, None, closed="neither")],
        "negatives": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, None, closed="neither")],
        "patience": [None, Interval(Integral, 0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        background: Background = "complement",
        mode: Mode = "copula",
        *,
        hidden: int = 256,
        width: int = 500,
        depth: int = 2,
        encoder: Literal["linear", "mlp"] | Callable[[], nn.Module] = "linear",
        samples: int = 8,
        steps: int = 1,
        rank: int = 8,
        tau: float = 0.1,
        negatives: int = 1,
        epochs: int = 100,
        batch_size: int = 4,
        lr: float = 1e-4,
        weight_decay: float = 1e-5,
        clip: float = 10.0,
        patience: int | None = 6,
        validation_fraction: float = 0.2,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.background = background
        self.mode = mode
        self.hidden = hidden
        self.width = width
        self.depth = depth
        self.encoder = encoder
        self.samples = samples
        self.steps = steps
        self.rank = rank
        self.tau = tau
        self.negatives = negatives
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.clip = clip
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, pools: Pools, subsets: Subsets, *, held_out: tuple[Pools, Subsets] | None = None) -> SubsetSelector:
        """Learn from examples.

        Parameters
        ----------
        pools : (B, n, d) array, or a list of (n_i, d) arrays of any sizes.
        subsets : for each pool the chosen elements, as indices or as a boolean mask.
        held_out : pools and subsets to tell the best epoch by, in place of a share of the others.

        Returns
        -------
        self
        """
        self._validate_params()
        packed = PackedPools.of(pools, subsets)
        features = tuple(packed.values.shape[2:])
        if len(features) > 1 and isinstance(self.encoder, str):
            raise InvalidInputError(
                f"Elements have features of shape {features}; give a function that makes an `encoder` for anything but "
                "vectors."
            )
        state = check_random_state(self.random_state)
        self.seed_ = int(state.randint(np.iinfo(np.int32).max))
        learnt, validation = self._split(packed, held_out, state)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed_)
            self.energy_ = self._make_energy(self._make_encoder(features))
            self.recognition_ = None
            if self.mode != "diffMF":
                self.recognition_ = RecognitionNet(
                    self._make_encoder(features), self.hidden, self.width, self.depth, self.mode, self.rank, self.tau
                )
        self.history_ = fit_alternating(
            self.energy_,
            self.recognition_,
            learnt,
            validation,
            Settings(
                samples=self.samples,
                steps=self.steps,
                negatives=self.negatives,
                epochs=self.epochs,
                batch_size=self.batch_size,
                lr=self.lr,
                weight_decay=self.weight_decay,
                clip=self.clip,
                patience=self.patience,
                seed=self.seed_,
                device=self.device,
                verbose=self.verbose,
            ),
        )
        self.n_features_in_ = features[0]
        self._features = features
        return self

    def predict_proba(self, pools: Pools) -> list[Float[np.ndarray, " n"]]:
        """Give the probability of each element to belong to its pool's subset: one array for each pool."""
        check_is_fitted(self)
        packed = PackedPools.of(pools, features=self._features)
        return [log_odds.sigmoid().numpy() for log_odds in self._log_odds(packed)]

    def select(self, pools: Pools, k: int | Sequence[int]) -> list[Int[np.ndarray, " k"]]:
        """Give the indices of the `k` most probable elements of each pool (one k for all, or one each), best first."""
        check_is_fitted(self)
        packed = PackedPools.of(pools, features=self._features)
        counts = check_k(k, packed.sizes.tolist())
        answers = self._log_odds(packed)
        return [
            np.argsort(-log_odds.numpy(), kind="stable")[:count]
            for log_odds, count in zip(answers, counts, strict=True)
        ]

    def score(self, pools: Pools, subsets: Subsets) -> float:
        """Give the mean Jaccard coefficient of the true subsets with selections of the same size, from 0 to 1."""
        check_is_fitted(self)
        packed = PackedPools.of(pools, subsets, self._features)
        true = [chosen.nonzero()[:, 0].numpy() for chosen in packed.chosen]
        return mean_jaccard(true, self.select(pools, [len(subset) for subset in true]))

    def _log_odds(self, packed: PackedPools) -> list[Tensor]:
        networks = [network.to(self.device) for network in (self.energy_, self.recognition_) if network is not None]
        answers = infer(
            self.energy_,
            self.recognition_,
            packed,
            samples=self.samples,
            steps=self.steps,
            seed=self.seed_,
            device=self.device,
        )
        for network in networks:
            network.to("cpu")
        return answers

    def _split(
        self, packed: PackedPools, held_out: tuple[Pools, Subsets] | None, state: np.random.RandomState
    ) -> tuple[PackedPools, PackedPools | None]:
        """Give the pools to learn from and those to tell the best epoch by."""
        if held_out is not None:
            return packed, PackedPools.of(*held_out, features=tuple(packed.values.shape[2:]))
        if not self.validation_fraction:
            return packed, None
        count = round(self.validation_fraction * len(packed))
        if not 1 <= count < len(packed):
            raise InvalidInputError(
                f"validation_fraction={self.validation_fraction} of {len(packed)} pools leaves {count} to hold out; "
                "at least one to hold out and one to learn from are expected (0 holds out none)."
            )
        order = torch.from_numpy(state.permutation(len(packed)))
        return packed.take(order[count:]), packed.take(order[:count])

    def _make_encoder(self, features: tuple[int, ...]) -> int | nn.Module:
        if self.encoder == "linear":
            return features[0]
        if self.encoder == "mlp":
            return MLP(features[0], self.hidden, hidden=(self.width,))
        assert callable(self.encoder)
        return self.encoder()

    def _make_energy(self, encoder: int | nn.Module) -> nn.Module:
        return SetEnergy(encoder, self.hidden, self.width, self.depth, self.background)
