"""What each head would write if it attended to one token alone: the effective OV circuit.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230. N. Elhage et al. (2021), A Mathematical Framework for
Transformer Circuits.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.interventions import check_layer
from reprise.language.model import LanguageModel
from reprise.nn.activations import edit

Embedding = Literal["mlp0", "resid", "contextual"]
_BATCH = 256  # tokens that are embedded at a time


@torch.no_grad()
def effective_embeddings(
    model: LanguageModel, token_ids: Sequence[int], embedding: Embedding = "mlp0"
) -> Float[Tensor, "streams tokens d_model"]:
    """Give what a head reads of each token, without a context.

    ===============  ==================================================================================================
    ``"mlp0"``       ``MLP_0(W_E t)``: the first layer's feed-forward part on the token's embedding, as in the paper
    ``"resid"``      ``W_E t + MLP_0(W_E t)``: the first layer without its attention
    ``"contextual"`` the residual stream that enters each layer at t, in the prompt of a beginning-of-text token and t
    ===============  ==================================================================================================

    The feed-forward part includes its normalisation. Learned position embeddings count as zero but for
    ``"contextual"``.

    Parameters
    ----------
    model : the language model.
    token_ids : the tokens.
    embedding : what stands for a token.

    Returns
    -------
    Float[Tensor, "streams tokens d_model"]
        One stream that all layers read, or for ``"contextual"`` one for each layer. Cost: one layer, or all, on each
        token.

    Raises
    ------
    InvalidInputError
        If the embedding is not known, there is no token or one outside the vocabulary, or the model has no
        beginning-of-text token where one is needed.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("Monday Tuesday Wednesday"))
    >>> effective_embeddings(lm, [3, 4]).shape, effective_embeddings(lm, [3, 4], "contextual").shape
    (torch.Size([1, 2, 32]), torch.Size([2, 2, 32]))
    """
    if embedding not in get_args(Embedding):
        raise InvalidInputError(f"`embedding` is one of {', '.join(get_args(Embedding))}; {embedding!r} was given.")
    ids = torch.as_tensor(token_ids, device=model.device).reshape(-1)
    if not len(ids):
        raise InvalidInputError("There is no token to embed; at least one is expected.")
    if embedding == "contextual":
        start = torch.full_like(ids, beginning_of_text(model))
        layers = range(model.n_layers)
        rows = [
            model.residuals(part, layers, positions=1)[:, :, 0] for part in torch.stack([start, ids], 1).split(_BATCH)
        ]
        return torch.cat(rows).transpose(0, 1)
    with ExitStack() as edits:
        positions = getattr(model.parts.decoder, "wpe", None)
        if isinstance(positions, nn.Module):
            edits.enter_context(edit(positions, torch.zeros_like))
        edits.enter_context(model.ablate_layers(0, "attention"))
        traces = [
            model.trace(part, residual=1) if embedding == "resid" else model.trace(part, mlp_output=0)
            for part in ids[:, None].split(_BATCH)
        ]
    read = [part for trace in traces for part in (trace.residual, trace.mlp_output) if part is not None]
    return torch.cat([part[:, 0, 0] for part in read])[None]


def head_writes(
    model: LanguageModel, layer: int, entering: Float[Tensor, "tokens d_model"]
) -> Float[Tensor, "tokens heads d_model"]:
    """Give what each head of a layer writes if it attends only to a token with this residual stream.

    ``W_O (W_V LN(e) + b_V)`` with the layer's own normalisation; heads that share keys and values use the same `W_V`.
    Cost: ``tokens * heads * d_head * d_model``.

    Raises
    ------
    InvalidInputError
        If the layer does not exist, or its normalisation or value projection is not known.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("Monday Tuesday Wednesday"))
    >>> writes = head_writes(lm, 1, effective_embeddings(lm, [3, 4])[0])
    >>> writes.shape, torch.equal(lm.unembed(writes[:, 2]), ov_logits(lm, 1, 2, [3, 4]))
    (torch.Size([2, 4, 32]), True)
    """
    norm = model.block(layer).attention_norm
    if norm is None:
        raise InvalidInputError(
            f"The normalisation before the attention of {type(model.model).__name__} is not known; "
            "the Llama, GPT-2 and GPT-NeoX families are."
        )
    circuits = [model.ov_circuit(layer, head) for head in range(model.n_heads)]
    with torch.no_grad():
        normalised = norm(entering)
        shared = model.n_heads // model.parts.n_kv_heads
        values = torch.stack([normalised @ each.value + each.value_bias for each in circuits[::shared]], 1)
        output = torch.stack([each.output for each in circuits])
        return torch.einsum("tkd,kgdm->tkgm", values, output.unflatten(0, (-1, shared))).flatten(1, 2)


def ov_logits(
    model: LanguageModel,
    layer: int,
    head: int,
    token_ids: Sequence[int],
    candidates: Sequence[int] | None = None,
    embedding: Embedding = "mlp0",
) -> Float[Tensor, "tokens candidates"]:
    """Give the logits that one head's effective OV circuit maps each token to.

    ``W_U LN_f(W_O W_V LN_l(e(t)))``, where e is the effective embedding of `effective_embeddings`.

    Parameters
    ----------
    model : the language model.
    layer, head : the head.
    token_ids : tokens that it attends to.
    candidates : tokens whose logits are wanted; None gives the whole vocabulary.
    embedding : what stands for a token.

    Raises
    ------
    InvalidInputError
        If the head does not exist, or a token, candidate or embedding is not as described.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("Monday Tuesday Wednesday"))
    >>> ov_logits(lm, 1, 3, token_ids=[3, 4], candidates=[3, 4, 5]).shape
    torch.Size([2, 3])
    """
    check_layer(head, model.n_heads - 1, "Head")
    check_layer(layer, model.n_layers - 1)
    streams = effective_embeddings(model, token_ids, embedding)
    writes = head_writes(model, layer, streams[layer if len(streams) > 1 else 0])[:, head]
    return model.unembed(writes, tokens=candidates)


def beginning_of_text(model: LanguageModel) -> int:
    """Give the token that begins a text.

    Raises
    ------
    InvalidInputError
        If the model has none.
    """
    token = model.model.config.get_text_config(decoder=True).bos_token_id
    if token is None:
        raise InvalidInputError("This model's configuration names no beginning-of-text token.")
    return int(token)
