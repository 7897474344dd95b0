"""Changing what a language model computes, for the length of a ``with`` block.

Every change works by hooks and never touches a weight, so that the model computes exactly as before once the block is
left, also by an exception; an empty list of heads or layers changes not one bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.anatomy import Anatomy
from reprise.nn.activations import Transform, edit

Head = tuple[int, int]
HeadMode = Literal["zero", "uniform"]
Part = Literal["block", "attention", "mlp"]
Where = int | Collection[int] | slice | None


class Interventions:
    """The ways to change what a language model computes; `reprise.language.LanguageModel` inherits them.

    Layers, heads and residual streams are numbered as that class says. Where `positions` are given, they count from
    the start of each text through all decoding steps: numbers from 0 on, or a slice (``slice(n, None)`` is everything
    after the first n tokens); None is everywhere.
    """

    parts: Anatomy

    @contextmanager
    def ablate_heads(
        self,
        heads: Collection[Head],
        mode: HeadMode = "zero",
        values: Float[Tensor, "layers heads d_head"] | None = None,
    ) -> Iterator[None]:
        """Take away what heads contribute, at every position.

        Parameters
        ----------
        heads : (layer, head) pairs; none leaves every bit as it was.
        mode : ``"zero"`` sets the head's slice of the output projection's input to zero, or to `values`;
            ``"uniform"`` sets its queries to zero, so that it attends to all past tokens alike.
        values : replaces the heads' outputs instead of zero, for instance by their means over a corpus.

        Raises
        ------
        InvalidInputError
            If a head does not exist, or for ``"uniform"`` if the layout of the query projection is not known.
        """
        parts = self.parts
        if mode not in get_args(HeadMode):
            raise InvalidInputError(f"`mode` is one of {', '.join(get_args(HeadMode))}; {mode!r} was given.")
        shape = (len(parts.blocks), parts.n_heads, parts.d_head)
        if values is not None and (mode == "uniform" or tuple(values.shape) != shape):
            raise InvalidInputError(
                f"`values` has shape {shape} and goes with mode='zero'; {tuple(values.shape)} was given for {mode!r}."
            )
        with ExitStack() as edits:
            for layer, chosen in _by_layer(parts, heads).items():
                if mode == "uniform":
                    projection, slices = parts.query_slices(layer)
                    edits.enter_context(edit(projection, _fill([slices[head] for head in chosen])))
                else:
                    slices = [parts.head_columns(head) for head in chosen]
                    fill = None if values is None else [values[layer, head] for head in chosen]
                    edits.enter_context(edit(parts.blocks[layer].output, _fill(slices, fill), site="input"))
            yield

    @contextmanager
    def ablate_layers(self, layers: int | Collection[int], part: Part = "block") -> Iterator[None]:
        """Take away whole layers (each gives back what it received), or what their attention or MLP adds."""
        if part not in get_args(Part):
            raise InvalidInputError(f"`part` is one of {', '.join(get_args(Part))}; {part!r} was given.")
        with ExitStack() as edits:
            for layer in sorted(set(_several(layers))):
                block = self.parts.blocks[check_layer(layer, len(self.parts.blocks) - 1)]
                if part == "block":
                    edits.enter_context(_bypass(block.block))
                else:
                    module = block.attention if part == "attention" else block.mlp
                    edits.enter_context(edit(module, torch.zeros_like))
            yield

    @contextmanager
    def edit_residual(self, layer: int, function: Transform, positions: Where = None) -> Iterator[None]:
        """Replace residual stream `layer`, shaped (batch, columns, d_model), by a function of it at `positions`."""
        module = residual_reader(self.parts, layer)
        if positions is None:
            with edit(module, function, site="input"):
                yield
            return
        clock = _Clock(positions)

        def at_positions(hidden: Tensor) -> Tensor:
            return torch.where(clock.chosen(hidden)[..., None], function(hidden), hidden)

        with clock.watching(self.parts.decoder), edit(module, at_positions, site="input"):
            yield

    @contextmanager
    def steer(
        self,
        layers: int | Collection[int],
        direction: Float[Tensor, " d_model"],
        scale: float = 1.0,
        positions: Where = None,
    ) -> Iterator[None]:
        """Add ``scale * direction`` (the direction as it is, not normalised) to residual streams at `positions`."""
        if tuple(direction.shape) != (self.parts.d_model,):
            raise InvalidInputError(
                f"`direction` has shape ({self.parts.d_model},); {tuple(direction.shape)} was given."
            )
        _check_finite("direction", direction)
        with self._edited(layers, lambda hidden: hidden + scale * direction.to(hidden), positions):
            yield

    @contextmanager
    def project_out(
        self,
        layers: int | Collection[int],
        directions: Float[Tensor, "*k d_model"],
        positions: Where = None,
    ) -> Iterator[None]:
        """Remove the span of one direction, or of several (k, d_model), from residual streams at `positions`."""
        rows = directions.reshape(-1, directions.shape[-1]) if directions.ndim else directions
        if rows.ndim != 2 or rows.shape[1] != self.parts.d_model or not len(rows):
            raise InvalidInputError(
                f"`directions` has shape ({self.parts.d_model},) or (k, {self.parts.d_model}); "
                f"{tuple(directions.shape)} was given."
            )
        _check_finite("directions", rows)
        if bool((rows.norm(dim=1) == 0).any()):
            raise InvalidInputError("`directions` holds a zero vector, which is no direction.")
        left, singular, _ = torch.linalg.svd(rows.double().T, full_matrices=False)
        basis = left[:, singular > singular[0] * torch.finfo(torch.float32).eps]

        def remove(hidden: Tensor) -> Tensor:
            span = basis.to(hidden)
            return hidden - (hidden @ span) @ span.T

        with self._edited(layers, remove, positions):
            yield

    @contextmanager
    def _edited(self, layers: int | Collection[int], function: Transform, positions: Where) -> Iterator[None]:
        with ExitStack() as edits:
            for layer in _several(layers):
                edits.enter_context(self.edit_residual(layer, function, positions))
            yield


def residual_reader(parts: Anatomy, layer: int) -> nn.Module:
    """Give the module whose input is residual stream `layer`: a block, or the final normalisation."""
    n_layers = len(parts.blocks)
    check_layer(layer, n_layers, "Residual stream")
    return parts.final_norm if layer == n_layers else parts.blocks[layer].block


def check_layer(layer: int, last: int, what: str = "Layer") -> int:
    """Give `layer` back if it is in 0..last.

    Raises
    ------
    InvalidInputError
        If it is not.
    """
    if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer <= last:
        raise InvalidInputError(f"{what} {layer!r} does not exist; they are numbered 0 to {last}.")
    return layer


def _by_layer(parts: Anatomy, heads: Collection[Head]) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = defaultdict(list)
    for layer, head in heads:
        check_layer(layer, len(parts.blocks) - 1)
        check_layer(head, parts.n_heads - 1, f"In layer {layer} head")
        grouped[layer].append(head)
    return grouped


def _several(layers: int | Collection[int]) -> Collection[int]:
    return [layers] if isinstance(layers, int) else layers


def _fill(slices: Sequence[slice], values: Sequence[Tensor] | None = None) -> Transform:
    def fill(features: Tensor) -> Tensor:
        features = features.clone()
        for index, columns in enumerate(slices):
            features[..., columns] = 0 if values is None else values[index].to(features)
        return features

    return fill


@contextmanager
def _bypass(block: nn.Module) -> Iterator[None]:
    """Let a block give back what it received."""
    received: list[Tensor] = []

    def remember(hidden: Tensor) -> None:
        received[:] = [hidden]

    with edit(block, remember, site="input"), edit(block, lambda _: received.pop()):
        yield


def _check_finite(name: str, tensor: Tensor) -> None:
    if not bool(torch.isfinite(tensor).all()):
        raise InvalidInputError(f"`{name}` holds NaN or infinite values.")


class _Clock:
    """Says which entries of a chunk of hidden states are the chosen positions of the whole text.

    Decoding with a cache feeds a text in chunks; positions are counted in each row's own tokens, from its first.
    """

    def __init__(self, positions: Where):
        if isinstance(positions, slice):
            bounds = (positions.start, positions.stop)
            if positions.step not in (None, 1) or any(bound is not None and bound < 0 for bound in bounds):
                raise InvalidInputError("A slice of positions here has bounds from 0 on and no step.")
        else:
            positions = [positions] if isinstance(positions, int) else list(positions or ())
            if any(position < 0 for position in positions):
                raise InvalidInputError(
                    "Positions of an intervention count from the start of the text and cannot be negative, "
                    "because the end moves while decoding."
                )
        self.positions = positions
        self.past = 0
        self.padding: Tensor | int = 0

    @contextmanager
    def watching(self, decoder: nn.Module) -> Iterator[None]:
        def look(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            cache = kwargs.get("cache", kwargs.get("past_key_values"))
            self.past = 0 if cache is None else int(cache.get_seq_length())
            mask = kwargs.get("attention_mask")
            self.padding = 0
            if isinstance(mask, Tensor) and mask.ndim == 2:
                # Padding is on the left, so that the first real token is where the mask first is 1.
                self.padding = mask.long().argmax(1)[:, None]

        handle = decoder.register_forward_pre_hook(look, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def chosen(self, hidden: Float[Tensor, "batch chunk d_model"]) -> Tensor:
        place = torch.arange(self.past, self.past + hidden.shape[1], device=hidden.device)[None] - self.padding
        if isinstance(self.positions, slice):
            start, stop = self.positions.start or 0, self.positions.stop
            return (place >= start) & (place < stop) if stop is not None else place >= start
        return torch.isin(place, torch.tensor(self.positions, device=place.device, dtype=place.dtype))
