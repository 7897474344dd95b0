"""The network that predicts the next word from a window of words, and the activations of its layers.

References
----------
K. Surendra, A. Schilling, P. Stoewer, A. Maier and P. Krauss (2023), arXiv:2302.07588.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError

Cell = Literal["lstm", "gru", "transformer"]


class NextWordModel(nn.Module):
    """Predict the next word from the `context` words before it.

    Word vectors, then a stack of recurrent or attention layers of which the last time step is read, a dense layer of
    rectified units, and a linear map to the vocabulary::

        embedding -> lstm1 -> lstm2 -> dense -> logits

    Attention layers look backwards only, as recurrent ones do, and are pre-normalised with learned positions. Cost of
    a window: about ``context * 8 * hidden^2`` operations a recurrent layer and ``dense * vocab_size`` at the end.

    Parameters
    ----------
    vocab_size : words.
    embedding_dim : width of trained word vectors.
    hidden : width of each recurrent or attention layer.
    dense : width of the dense layer.
    context : words in a window.
    cell : ``"lstm"`` as in the paper, ``"gru"`` or ``"transformer"``.
    pretrained : (vocab_size, any width) word vectors, which are then kept as they are; in the place of trained ones.
    n_heads : of attention layers.
    seed : of the first weights.

    Raises
    ------
    InvalidInputError
        If a size or the cell is not as described.

    Examples
    --------
    >>> model = NextWordModel(vocab_size=50, embedding_dim=8, hidden=(16, 16), dense=12)
    >>> model(torch.zeros(3, 9, dtype=torch.long)).shape
    torch.Size([3, 50])
    >>> {layer: value.shape for layer, value in model.activations(np.zeros((3, 9), dtype=int)).items()}
    {'embedding': (3, 72), 'lstm1': (3, 16), 'lstm2': (3, 16), 'dense': (3, 12), 'logits': (3, 50)}
    """

    def __init__(
        self,
        vocab_size: int = 4000,
        embedding_dim: int = 64,
        hidden: Sequence[int] = (128, 128),
        dense: int = 128,
        context: int = 9,
        cell: Cell = "lstm",
        pretrained: Float[Tensor, "vocab_size width"] | None = None,
        n_heads: int = 4,
        seed: int = 0,
    ):
        super().__init__()
        if cell not in get_args(Cell):
            raise InvalidInputError(f"cell is {cell!r}; one of {', '.join(get_args(Cell))} is expected.")
        if not hidden or min(vocab_size, embedding_dim, dense, context, *hidden) < 1:
            raise InvalidInputError("Every size of the network must be at least 1, and one hidden layer is needed.")
        if pretrained is not None and (pretrained.ndim != 2 or len(pretrained) != vocab_size):
            raise InvalidInputError(
                f"pretrained has shape {tuple(pretrained.shape)}; one vector for each of {vocab_size} words is "
                "expected."
            )
        if cell == "transformer" and any(width % n_heads for width in hidden):
            raise InvalidInputError(f"Widths {tuple(hidden)} cannot be shared by {n_heads} heads.")
        self.vocab_size, self.context, self.cell = vocab_size, context, cell
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = (
                nn.Embedding(vocab_size, embedding_dim)
                if pretrained is None
                else nn.Embedding.from_pretrained(pretrained.float().clone(), freeze=True)
            )
            widths = [self.embedding.embedding_dim, *hidden]
            self.layers = nn.ModuleList(
                _layer(cell, inside, outside, context if number == 0 else 0, n_heads)
                for number, (inside, outside) in enumerate(pairwise(widths))
            )
            self.dense = nn.Linear(widths[-1], dense)
            self.output = nn.Linear(dense, vocab_size)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers from the input to the output, as `activations` names them."""
        return ("embedding", *(f"{self.cell}{number + 1}" for number in range(len(self.layers))), "dense", "logits")

    def forward(self, ids: Int[Tensor, "windows context"]) -> Float[Tensor, "windows vocab_size"]:
        """Give the logits of the next word."""
        return self._layers(ids)[-1]

    @torch.no_grad()
    def activations(
        self, ids: Int[np.ndarray, "windows context"] | Int[Tensor, "windows context"], batch_size: int = 1024
    ) -> dict[str, Float[np.ndarray, "windows width"]]:
        """Give the activations of every layer at the last word; of the word vectors, the whole window in a row.

        Parameters
        ----------
        ids : word numbers.
        batch_size : windows at a time.

        Raises
        ------
        InvalidInputError
            If windows have another length, or a number is outside the vocabulary.
        """
        ids = torch.as_tensor(ids)
        if ids.ndim != 2 or ids.shape[1] != self.context or not len(ids):
            raise InvalidInputError(f"ids have shape {tuple(ids.shape)}; (windows, {self.context}) is expected.")
        if int(ids.min()) < 0 or int(ids.max()) >= self.vocab_size:
            raise InvalidInputError(f"Word numbers lie in 0..{self.vocab_size - 1}; others were given.")
        mode, device = self.training, self.output.weight.device
        self.eval()
        try:
            batches = [self._layers(batch.to(device)) for batch in ids.split(batch_size)]
        finally:
            self.train(mode)
        joined = (torch.cat(parts).cpu().numpy() for parts in zip(*batches, strict=True))
        return dict(zip(self.layer_names, joined, strict=True))

    def _layers(self, ids: Int[Tensor, "windows context"]) -> list[Float[Tensor, "windows width"]]:
        states = self.embedding(ids)
        found = [states.flatten(1)]
        for layer in self.layers:
            states = layer(states)
            found.append(states[:, -1])
        found.append(torch.relu(self.dense(found[-1])))
        found.append(self.output(found[-1]))
        return found


class _Recurrent(nn.Module):
    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], inside: int, outside: int):
        super().__init__()
        self.cells = kind(inside, outside, batch_first=True)

    def forward(self, states: Float[Tensor, "windows words inside"]) -> Float[Tensor, "windows words outside"]:
        return self.cells(states)[0]


class _Attention(nn.Module):
    """A causal attention block, after a linear map where widths differ and with positions where it is the first."""

    def __init__(self, inside: int, outside: int, positions: int, n_heads: int):
        super().__init__()
        self.enter = nn.Linear(inside, outside) if inside != outside else nn.Identity()
        self.positions = nn.Parameter(0.02 * torch.randn(positions, outside)) if positions else None
        self.block = nn.TransformerEncoderLayer(
            outside, n_heads, 2 * outside, dropout=0.0, batch_first=True, norm_first=True
        )

    def forward(self, states: Float[Tensor, "windows words inside"]) -> Float[Tensor, "windows words outside"]:
        states = self.enter(states)
        if self.positions is not None:
            states = states + self.positions
        mask = nn.Transformer.generate_square_subsequent_mask(states.shape[1], device=states.device)
        return self.block(states, src_mask=mask, is_causal=True)


def _layer(cell: Cell, inside: int, outside: int, positions: int, n_heads: int) -> nn.Module:
    if cell == "transformer":
        return _Attention(inside, outside, positions, n_heads)
    return _Recurrent(nn.LSTM if cell == "lstm" else nn.GRU, inside, outside)
