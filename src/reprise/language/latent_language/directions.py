"""Directions of languages in a residual stream, and moving a model from one language to another along them.

References
----------
C. Zhong et al. (2024), arXiv:2408.10811.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.interventions import Where
from reprise.language.latent_language.identity import Pool, parallel_states
from reprise.language.latent_language.lens import BATCH
from reprise.language.model import LanguageModel


def language_directions(
    model: LanguageModel,
    parallel: Mapping[str, Sequence[str]],
    layer: int,
    *,
    pool: Pool = "mean",
    batch_size: int = BATCH,
) -> dict[str, Float[Tensor, " d_model"]]:
    """Give, for each language, the mean state of its texts minus the mean over languages.

    The texts mean the same in every language, so that their meaning cancels out.

    Parameters
    ----------
    model : the model.
    parallel : two or more languages with parallel texts.
    layer : residual stream.
    pool, batch_size : see `parallel_states`.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("the rain fell . la pluie tombait ."))
    >>> directions = language_directions(model, {"en": ["the rain fell"], "fr": ["la pluie tombait"]}, layer=1)
    >>> bool((directions["en"] + directions["fr"]).abs().max() < 1e-5)
    True
    """
    if len(parallel) < 2:
        raise InvalidInputError(f"Two or more languages are expected; {', '.join(parallel) or 'none'} was given.")
    means = parallel_states(model, parallel, layers=[layer], pool=pool, batch_size=batch_size)[:, :, 0].mean(1)
    centred = torch.from_numpy(means - means.mean(0)).to(model.device)
    return dict(zip(parallel, centred, strict=True))


@contextmanager
def shift_language(
    model: LanguageModel,
    layer: int,
    directions: Mapping[str, Float[Tensor, " d_model"]],
    source: str,
    target: str,
    scale: float = 1.0,
    *,
    dimensions: Sequence[int] | np.ndarray | None = None,
    positions: Where = None,
) -> Iterator[None]:
    """Move residual stream `layer` from one language to another: ``h + scale * (v_target - v_source)``.

    Parameters
    ----------
    model : the model.
    layer : residual stream.
    directions : of languages in that stream, as `language_directions` gives them.
    source, target : languages; equal ones change not one bit.
    scale : 1 moves one language's mean onto the other's.
    dimensions : change only these, such as the first of `language_dimensions`.
    positions : see `reprise.language.LanguageModel.edit_residual`.

    Raises
    ------
    InvalidInputError
        If a language has no direction, or a dimension does not exist.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("the rain fell . la pluie tombait ."))
    >>> directions = language_directions(model, {"en": ["the rain fell"], "fr": ["la pluie tombait"]}, layer=1)
    >>> before = model.residuals("the rain", layers=1)
    >>> with shift_language(model, 1, directions, "en", "fr"):
    ...     change = model.residuals("the rain", layers=1) - before
    >>> bool((change - (directions["fr"] - directions["en"])).abs().max() < 1e-5)
    True
    """
    if unknown := {source, target} - set(directions):
        raise InvalidInputError(f"There is no direction of {min(unknown)!r}; there are {', '.join(directions)}.")
    if source == target:
        yield
        return
    change = directions[target] - directions[source]
    if dimensions is not None:
        chosen = torch.as_tensor(np.asarray(dimensions), device=change.device)
        if len(chosen) and not (int(chosen.min()) >= 0 and int(chosen.max()) < model.d_model):
            raise InvalidInputError(f"Dimensions lie in 0..{model.d_model - 1}.")
        change = torch.zeros_like(change).index_copy(0, chosen, change[chosen])
    with model.steer(layer, change, scale, positions):
        yield
