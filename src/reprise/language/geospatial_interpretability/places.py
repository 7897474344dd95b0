"""What a language model's layers hold while it reads the name of a place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.errors import InvalidInputError, counted
from reprise.language import LanguageModel

Site = Literal["mlp_in", "resid"]
Pool = Literal["mean", "last", "max"]


def place_prompts(names: Sequence[str], regions: Sequence[str] | None = None) -> list[str]:
    """Write the paper's prompts, ``"{name}, {region}"``, or the names alone.

    The region's word puts the same tokens into all prompts of a region, and so a spatial pattern into whatever reacts
    to it. Names alone, and regions dealt out anew among the places, show how much of a map is that.

    Raises
    ------
    InvalidInputError
        If there is not one region for each name.

    Examples
    --------
    >>> place_prompts(["York", "Cardiff"], ["England", "Wales"])
    ['York, England', 'Cardiff, Wales']
    """
    if regions is None:
        return list(names)
    if len(names) != len(regions):
        raise InvalidInputError(f"{counted(len(names), 'name')} and {counted(len(regions), 'region')} were given.")
    return [f"{name}, {region}" for name, region in zip(names, regions, strict=True)]


def place_activations(
    model: LanguageModel,
    prompts: Sequence[str],
    layers: int | Iterable[int],
    *,
    site: Site = "mlp_in",
    pool: Pool = "mean",
    batch_size: int = 32,
    first_token: int | None = None,
) -> dict[int, Float[np.ndarray, "places d_model"]]:
    """Read one vector a place and layer, all layers in one pass.

    Parameters
    ----------
    model : the handle, with a tokenizer.
    prompts : one a place; see `place_prompts`.
    layers : of ``"mlp_in"`` 0 to n_layers - 1; of ``"resid"`` streams 0 (embeddings) to n_layers.
    site : ``"mlp_in"`` reads the normalised input of the layers' feed-forward parts, which is where the authors' code
        hooks Mistral (the output of its ``post_attention_layernorm``); ``"resid"`` reads the residual streams.
    pool : over the prompt's tokens, those that the tokenizer adds included: their ``"mean"`` (the paper), their
        ``"max"``, or the ``"last"`` one alone.
    batch_size : prompts a pass; they are sorted by length first, which changes no result.
    first_token : id of a token to put before each prompt, where the tokenizer adds none: many models treat the first
        token apart, whatever it is, and with names it would be the name's own.

    Returns
    -------
    dict[int, ndarray]
        Layer to (n, d_model) float32, rows in the order of the prompts.

    Raises
    ------
    InvalidInputError
        If there is no prompt or layer, one of them does not exist, or `site` or `pool` is unknown.

    Notes
    -----
    One forward pass up to the deepest layer; memory for all results and one batch of the layers asked for.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("York Bath Cardiff , England Wales"))
    >>> read = place_activations(lm, ["York, England", "Cardiff, Wales"], layers=[0, 1])
    >>> {layer: rows.shape for layer, rows in read.items()}
    {0: (2, 32), 1: (2, 32)}
    """
    _check_choice("site", site, get_args(Site))
    _check_choice("pool", pool, get_args(Pool))
    if isinstance(prompts, str) or not len(prompts):
        raise InvalidInputError("`prompts` is a list with one text for each place, at least one.")
    if batch_size < 1:
        raise InvalidInputError(f"`batch_size` is 1 or more; {batch_size} was given.")
    chosen = list(dict.fromkeys([layers] if isinstance(layers, int) else layers))
    begin = [] if first_token is None else [first_token]
    rows = [begin + model.encode(prompt) for prompt in prompts]
    order = np.argsort([len(row) for row in rows], kind="stable")
    read = torch.empty(len(rows), len(chosen), model.d_model)
    for start in range(0, len(rows), batch_size):
        places = order[start : start + batch_size]
        batch = model.batch([rows[place] for place in places])
        positions = -1 if pool == "last" else None
        if site == "mlp_in":
            seen = model.trace(batch, mlp_input=chosen, positions=positions).mlp_input
        else:
            seen = model.trace(batch, residual=chosen, positions=positions).residual
        if seen is None:
            raise InvalidInputError("No layers were asked for; give at least one.")
        read[torch.from_numpy(places)] = _pooled(seen.float(), batch.mask, pool).cpu()
    return {layer: np.ascontiguousarray(read[:, place].numpy()) for place, layer in enumerate(chosen)}


def _pooled(
    hidden: Float[Tensor, "batch layers positions d_model"], mask: Bool[Tensor, "batch columns"], pool: Pool
) -> Float[Tensor, "batch layers d_model"]:
    if pool == "last":
        return hidden[:, :, 0]
    real = mask[:, None, :, None].to(hidden.device)
    if pool == "max":
        return hidden.masked_fill(~real, -torch.inf).amax(dim=2)
    return hidden.masked_fill(~real, 0).sum(dim=2) / real.sum(dim=2)


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidInputError(f"`{name}` is one of {', '.join(known)}; {value!r} was given.")
