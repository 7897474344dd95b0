"""Reading residual streams, the outputs of layers' parts and heads, and logits in one forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.batch import Batch, Positions, take_columns
from reprise.language.decoding import new_cache
from reprise.language.interventions import check_layer, residual_reader
from reprise.nn.activations import capture, edit

if TYPE_CHECKING:
    from reprise.language.model import LanguageModel

Layers = int | Iterable[int] | Literal["all"] | None


@dataclass(frozen=True)
class Trace:
    """What `LanguageModel.trace` read; what was not asked for is None.

    Shapes are ``[batch, layers asked, positions asked, ...]``, layers in the order in which they were asked for.

    Parameters
    ----------
    residual : residual streams.
    attention_output, mlp_output : what the attention and feed-forward parts compute.
    mlp_input : what the feed-forward part reads: the residual stream, normalised.
    head_output : each head's output before the projection that joins them.
    logits : of the next token, ``[batch, positions asked, vocabulary]``.
    """

    residual: Float[Tensor, "batch streams positions d_model"] | None = None
    attention_output: Float[Tensor, "batch layers positions d_model"] | None = None
    mlp_output: Float[Tensor, "batch layers positions d_model"] | None = None
    mlp_input: Float[Tensor, "batch layers positions d_model"] | None = None
    head_output: Float[Tensor, "batch layers positions heads d_head"] | None = None
    logits: Float[Tensor, "batch positions vocabulary"] | None = None


def read_trace(
    model: LanguageModel,
    batch: Batch,
    *,
    residual: Layers,
    attention_output: Layers,
    mlp_output: Layers,
    mlp_input: Layers,
    head_output: Layers,
    logits: bool,
    positions: Positions,
    gradients: bool,
) -> Trace:
    """Run one forward pass and keep what was asked for; see `LanguageModel.trace`."""
    keep = partial(take_columns, columns=batch.columns(positions))
    blocks, n_layers = model.parts.blocks, model.n_layers
    streams = numbered(residual, n_layers, "Residual stream")
    attentions, mlps, mlp_reads, heads = (
        numbered(layers, n_layers - 1) for layers in (attention_output, mlp_output, mlp_input, head_output)
    )
    with ExitStack() as watch, torch.set_grad_enabled(gradients):

        def look(modules: Mapping[int, nn.Module], site: Literal["input", "output"]) -> dict[int, Tensor]:
            return watch.enter_context(capture(modules, site=site, keep=keep))

        seen_streams = look({layer: residual_reader(model.parts, layer) for layer in streams}, "input")
        seen_attentions = look({layer: blocks[layer].attention for layer in attentions}, "output")
        seen_mlps = look({layer: blocks[layer].mlp for layer in mlps}, "output")
        seen_reads = look({layer: blocks[layer].mlp for layer in mlp_reads}, "input")
        seen_heads = look({layer: blocks[layer].output for layer in heads}, "input")
        seen_norm = look({0: model.parts.final_norm} if logits else {}, "output")
        last = max([*streams, *(layer + 1 for layer in (*attentions, *mlps, *mlp_reads, *heads))], default=0)
        with nullcontext() if logits else stopping_at(residual_reader(model.parts, last)):
            model.run(batch)
        head_rows = _stack(seen_heads, heads)
        return Trace(
            residual=_stack(seen_streams, streams),
            attention_output=_stack(seen_attentions, attentions),
            mlp_output=_stack(seen_mlps, mlps),
            mlp_input=_stack(seen_reads, mlp_reads),
            head_output=None if head_rows is None else head_rows.unflatten(-1, (model.n_heads, model.d_head)),
            logits=model.unembed(seen_norm[0], normalised=True) if logits else None,
        )


def numbered(layers: Layers, last: int, what: str = "Layer") -> list[int]:
    """Spell out which layers are meant.

    Raises
    ------
    InvalidInputError
        If one does not exist.
    """
    if layers is None:
        return []
    if isinstance(layers, str):
        if layers != "all":
            raise InvalidInputError(f"Layers are numbers or 'all'; {layers!r} was given.")
        return list(range(last + 1))
    return [check_layer(layer, last, what) for layer in ([layers] if isinstance(layers, int) else layers)]


def _stack(seen: dict[int, Tensor], layers: Sequence[int]) -> Tensor | None:
    return torch.stack([seen[layer] for layer in layers], 1) if layers else None


class _Seen(Exception):
    """Ends a forward pass in which everything asked for has been seen."""


@contextmanager
def stopping_at(module: nn.Module) -> Iterator[None]:
    """End the block quietly as soon as `module` is reached; nothing after it runs."""

    def stop(_: Tensor) -> None:
        raise _Seen

    with suppress(_Seen), edit(module, stop, site="input"):
        yield


def read_continuations(
    model: LanguageModel,
    prefix: Sequence[int],
    continuations: Sequence[Sequence[int]],
    layers: Layers,
    batch_size: int,
) -> list[Float[Tensor, "streams tokens d_model"]]:
    """Read the residual streams of what follows a shared prefix; see `LanguageModel.continuation_residuals`."""
    streams = numbered(layers, model.n_layers, "Residual stream")
    readers = {layer: residual_reader(model.parts, layer) for layer in streams}
    if not streams or not continuations or not prefix or not all(len(tokens) for tokens in continuations):
        raise InvalidInputError(
            "At least one layer, a prefix of at least one token and continuations of at least one token are expected; "
            f"{len(streams)} layers, {len(prefix)} tokens and {len(continuations)} continuations were given."
        )
    model.check_length(len(prefix) + max(map(len, continuations)))
    last = residual_reader(model.parts, max(streams))
    cache, found = new_cache(), []
    ids = model.batch([list(prefix)]).ids
    with stopping_at(last):
        model.run_cached({"input_ids": ids}, cache)
    for start in range(0, len(continuations), batch_size):
        rows = continuations[start : start + batch_size]
        width = max(map(len, rows))
        # Causal attention keeps the filling on the right from touching what is read.
        filled = model.batch([list(tokens) + [0] * (width - len(tokens)) for tokens in rows]).ids
        copied = deepcopy(cache)
        copied.batch_repeat_interleave(len(rows))
        with capture(readers, site="input") as seen, stopping_at(last):
            model.run_cached({"input_ids": filled}, copied)
        read = _stack(dict(seen), streams)
        assert read is not None
        found += [row[:, : len(tokens)] for row, tokens in zip(read, rows, strict=True)]
    return found
