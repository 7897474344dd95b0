"""GPC: the mixture that counts classes and the features that it counts them in take turns to learn."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin, clone
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from reprise.discover.gmm_category_discovery.concentration import concentrations
from reprise.discover.gmm_category_discovery.losses import RepresentationLoss
from reprise.discover.gmm_category_discovery.mixture import SemiSupervisedGMM
from reprise.discover.gmm_category_discovery.networks import FeatureViews, Network, ResidualHead
from reprise.discover.gmm_category_discovery.sampler import Sampler, first_guess
from reprise.errors import InvalidInputError
from reprise.nn.encoders import MLP
from reprise.nn.partial_labels import PartialLabels, partial_labels
from reprise.training import train

__all__ = ["GPC"]

ENCODED_AT_ONCE = 1024


class GPC(ClusterMixin, TransformerMixin, BaseEstimator):
    r"""Discover new classes and their number while learning the features to tell them by.

    Each epoch a sweep of `SemiSupervisedGMM` splits and merges the new classes in the features as they are now, which
    gives prototypes; then the encoder is trained for one epoch on

    .. math:: (1 - w) \text{InfoNCE} + w \, \text{SupCon}_\text{labelled} + \text{prototypical contrast}

    (see `RepresentationLoss`). Labelled samples stay with the prototype of their class throughout.

    Parameters
    ----------
    mixture : `SemiSupervisedGMM` with the settings of the sweeps, the number to start from among them; None for its
        defaults.
    encoder : a function that makes the encoder, from samples to (n, d); None for a `ResidualHead`, which adapts ready
        features.
    augment : a random view of a batch of samples; None for `FeatureViews`, noise on features.
    hidden : width of the hidden layers of `ResidualHead` and projector.
    projection : width of the projection.
    noise, hide : of `FeatureViews`.
    supervised_weight, view_temperature, class_temperature : of `RepresentationLoss`.
    epochs, warmup : all epochs, and those at the start without sweeps and prototypes.
    batch_size, lr, momentum, weight_decay : of SGD, whose rate falls to 0 by a cosine.
    device : where it trains, such as ``"cpu"`` or ``"cuda"``.
    random_state : seeds weights, batches, views and sweeps.
    verbose : show a progress bar.

    Attributes
    ----------
    labels_ : (n,) classes: known ones by their labels, new ones by numbers that follow the largest known label.
    classes_ : (K,) all classes, known ones first.
    n_classes_ : K.
    mixture_ : the fitted mixture of the learnt features.
    network_ : encoder and projector.
    prototypes_ : (K, d) of length 1.
    history_ : one dictionary an epoch: the losses and, after sweeps, ``n_components``, ``splits`` and ``merges``.

    Raises
    ------
    InvalidInputError
        As `SemiSupervisedGMM`; also if samples are not vectors and no `encoder` or no `augment` is given.
    DivergedError
        If the loss is not finite.

    Notes
    -----
    An epoch costs that of the encoder twice forward and backward, O(n b) of contrast for batches of b, and one sweep.

    References
    ----------
    B. Zhao, X. Wen, K. Han, "Learning semi-supervised Gaussian mixture models for generalized category discovery",
    ICCV 2023, arXiv 2305.06144; code https://github.com/DTennant/GPC.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = np.repeat([0, 1, 2, 3], 60)
    >>> X = rng.normal(size=(240, 4)) + 8 * np.eye(4)[truth]
    >>> y = np.where((truth < 2) & (rng.random(240) < 0.5), truth, -1)
    >>> mixture = SemiSupervisedGMM(exchange=True)
    >>> model = GPC(mixture, epochs=4, warmup=1, hidden=16, random_state=0).fit(X, y)
    >>> model.n_classes_, bool((model.predict(X)[truth == 1] == 1).all())
    (4, True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "mixture": [None, SemiSupervisedGMM],
        "encoder": [None, callable],
        "augment": [None, callable],
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "projection": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "hide": [Interval(Real, 0, 1, closed="left")],
        "supervised_weight": [Interval(Real, 0, 1, closed="both")],
        "view_temperature": [Interval(Real, 0, None, closed="neither")],
        "class_temperature": [Interval(Real, 0, None, closed="neither")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "warmup": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        mixture: SemiSupervisedGMM | None = None,
        *,
        encoder: Callable[[], nn.Module] | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        hidden: int = 256,
        projection: int = 64,
        noise: float = 0.2,
        hide: float = 0.2,
        supervised_weight: float = 0.35,
        view_temperature: float = 1.0,
        class_temperature: float = 0.07,
        epochs: int = 20,
        warmup: int = 5,
        batch_size: int = 256,
        lr: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 5e-5,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.mixture = mixture
        self.encoder = encoder
        self.augment = augment
        self.hidden = hidden
        self.projection = projection
        self.noise = noise
        self.hide = hide
        self.supervised_weight = supervised_weight
        self.view_temperature = view_temperature
        self.class_temperature = class_temperature
        self.epochs = epochs
        self.warmup = warmup
        self.batch_size = batch_size
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> GPC:
        """Learn features and classes.

        Parameters
        ----------
        X : (n, D) features; with an `encoder` and an `augment`, samples of any shape.
        y : (n,) integer classes, -1 where unknown; None labels no row.

        Returns
        -------
        self
        """
        self._validate_params()
        samples = self._read(X, fit=True)
        known = partial_labels(y, len(samples))
        state = check_random_state(self.random_state)
        seed = int(state.randint(np.iinfo(np.int32).max))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.network_, views = self._build(samples)
        alternation = _Alternation(self, samples, known, state)
        if not self.warmup:
            alternation.sweep(self.network_)

        def loss(network: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
            x, codes, rows = batch
            (q, a), (k, b) = network(views(x)), network(views(x))
            return alternation.loss((q, k), (a, b), codes, rows)

        data = (samples, torch.from_numpy(known.codes), torch.arange(len(samples)))
        history = train(
            self.network_,
            loss,
            data,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=lambda parameters: torch.optim.SGD(
                parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay
            ),
            schedule="cosine",
            seed=seed,
            device=self.device,
            validate=alternation.after_epoch,
            progress="GPC" if self.verbose else False,
        )
        self.history_ = history.records
        self.mixture_ = alternation.finish(self.network_)
        self.labels_, self.classes_, self.n_classes_ = (
            self.mixture_.labels_,
            self.mixture_.classes_,
            self.mixture_.n_classes_,
        )
        self.prototypes_ = _of_length_one(self.mixture_.cluster_centers_)
        return self

    def transform(self, X: ArrayLike) -> Float[np.ndarray, "n d"]:
        """Give the learnt features, of length 1."""
        check_is_fitted(self)
        return encode(self.network_, self._read(X, fit=False))

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give each sample the class of the prototype of highest cosine."""
        features = self.transform(X)
        return self.classes_[pairwise_distances_argmin(features, self.prototypes_)]

    def _read(self, X: ArrayLike, *, fit: bool) -> Tensor:
        given = self.encoder is not None
        arrays = validate_data(self, X, dtype=np.float32, allow_nd=given, reset=fit, ensure_min_samples=2 if fit else 1)
        if arrays.ndim > 2 and self.augment is None:
            raise InvalidInputError(f"Samples of shape {arrays.shape[1:]} were given; give an `augment` for them too.")
        return torch.from_numpy(np.ascontiguousarray(arrays))

    def _build(self, samples: Tensor) -> tuple[Network, Callable[[Tensor], Tensor]]:
        views = self.augment
        flat = samples.flatten(1)
        mean, spread = flat.mean(0), flat.std(0, correction=0)
        if views is None:
            views = FeatureViews(spread, mean, self.noise, self.hide).to(self.device)
        if self.encoder is None:
            scale = float(spread.square().mean().sqrt()) or 1.0
            encoder: nn.Module = ResidualHead(mean, scale, self.hidden)
        else:
            encoder = self.encoder()
        with torch.no_grad():
            width = encoder.eval()(samples[:1]).shape[-1]
        return Network(encoder, MLP(width, self.projection, (self.hidden,))).train(), views


class _Alternation:
    """The sweeps between epochs: prototypes of the features as they are now."""

    def __init__(self, owner: GPC, samples: Tensor, known: PartialLabels, state: np.random.RandomState):
        self.owner, self.samples, self.known, self.state = owner, samples, known, state
        self.mixture: SemiSupervisedGMM = SemiSupervisedGMM() if owner.mixture is None else clone(owner.mixture)
        self.loss = RepresentationLoss(owner.supervised_weight, owner.view_temperature, owner.class_temperature)
        self.sampler: Sampler | None = None
        self.guess = first_guess(self.mixture.n_init_components, known)
        self.epoch = 0

    def after_epoch(self, network: nn.Module) -> dict[str, float]:
        self.epoch += 1
        assert isinstance(network, Network)
        return self.sweep(network) if self.owner.warmup <= self.epoch < self.owner.epochs else {}

    def sweep(self, network: Network) -> dict[str, float]:
        X = encode(network, self.samples).astype(float)
        proposals = self.mixture.proposals(X, self.known, self.state)
        start = self._placed(X)
        self.sampler, splits, merges = start.swept(X, self.known, proposals, exchange=self.mixture.exchange)
        centres, assigned = self.sampler
        phi = concentrations(X, centres, assigned, self.mixture.temperature)
        self.loss.attract(
            torch.from_numpy(_of_length_one(centres)).float(),
            torch.from_numpy(phi).float(),
            torch.from_numpy(assigned),
        )
        return {"n_components": float(len(centres)), "splits": float(splits), "merges": float(merges)}

    def finish(self, network: Network) -> SemiSupervisedGMM:
        X = encode(network, self.samples).astype(float)
        return self.mixture.settle(X, self.known, self._placed(X), self.state)

    def _placed(self, X: NDArray[np.float64]) -> Sampler:
        if self.sampler is None:
            return Sampler.start(X, self.known, self.guess, self.state)
        return self.sampler.moved_to(X, self.known, self.state)


@torch.no_grad()
def encode(network: Network, samples: Tensor) -> Float[np.ndarray, "n d"]:
    """Give features of length 1 of all samples, some at once, in evaluation mode."""
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    parts = [network.features(batch.to(device)).cpu() for batch in samples.split(ENCODED_AT_ONCE)]
    network.train(training)
    return torch.cat(parts).numpy()


def _of_length_one(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), np.finfo(float).tiny)
