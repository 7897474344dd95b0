"""Where the parts of a Hugging Face causal language model are, whatever its authors called them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ATTENTION = ("self_attn", "attn", "attention", "self_attention")
_ATTENTION_NORM = ("input_layernorm", "ln_1")
_MLP = ("mlp", "feed_forward", "block_sparse_moe", "ffn")
_OUTPUT = ("o_proj", "c_proj", "dense", "out_proj")
_FINAL_NORM = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f")
_HEADWISE_FUSED = ("gpt_neox", "gpt_neox_japanese", "bloom")  # one head's query, key and value lie side by side


class OVCircuit(NamedTuple):
    """What a head writes for each token it attends to: ``(norm(x) @ value + value_bias) @ output``."""

    value: Float[Tensor, "d_model d_head"]
    value_bias: Float[Tensor, " d_head"]
    output: Float[Tensor, "d_head d_model"]


@dataclass(frozen=True)
class Block:
    """One layer: its attention, the projection that joins the heads' outputs, and its feed-forward part.

    `attention_norm`, what normalises the attention's input, is None where the layer has none or calls it otherwise.
    """

    block: nn.Module
    attention: nn.Module
    output: nn.Module
    mlp: nn.Module
    attention_norm: nn.Module | None = None


@dataclass(frozen=True)
class Anatomy:
    """A decoder's parts and sizes; `dissect` finds them.

    Heads are query heads. Under grouped-query attention ``n_heads / n_kv_heads`` of them share keys and values.
    """

    decoder: nn.Module
    blocks: tuple[Block, ...]
    final_norm: nn.Module
    unembedding: nn.Module
    n_heads: int
    n_kv_heads: int
    d_head: int
    d_model: int
    model_type: str

    def head_columns(self, head: int) -> slice:
        """Give the columns of one head in the joint output of all heads."""
        return slice(head * self.d_head, (head + 1) * self.d_head)

    def query_slices(self, layer: int) -> tuple[nn.Module, list[slice]]:
        """Give the projection that makes the queries of `layer`, and each head's columns of its output.

        Raises
        ------
        InvalidInputError
            If this architecture's projection is not known.
        """
        attention = self.blocks[layer].attention
        if (projection := _child(attention, ("q_proj", "query"))) is not None:
            return projection, [self.head_columns(head) for head in range(self.n_heads)]
        fused = self._fused(layer)
        stride = 3 if self.model_type in _HEADWISE_FUSED else 1
        return fused, [self.head_columns(stride * head) for head in range(self.n_heads)]

    def ov_circuit(self, layer: int, head: int) -> OVCircuit:
        """Cut the value and output matrices of one head out of its layer's weights (views, not copies).

        Raises
        ------
        InvalidInputError
            If this architecture's value projection is not known.
        """
        attention = self.blocks[layer].attention
        shared = head * self.n_kv_heads // self.n_heads
        if (projection := _child(attention, ("v_proj", "value"))) is not None:
            columns = self.head_columns(shared)
        else:
            projection = self._fused(layer)
            headwise = self.model_type in _HEADWISE_FUSED
            columns = self.head_columns(3 * head + 2 if headwise else self.n_heads + self.n_kv_heads + shared)
        value = _input_by_output(projection)[:, columns]
        bias = getattr(projection, "bias", None)
        output = _input_by_output(self.blocks[layer].output)[self.head_columns(head)]
        return OVCircuit(value, value.new_zeros(self.d_head) if bias is None else bias[columns], output)

    def _fused(self, layer: int) -> nn.Module:
        attention = self.blocks[layer].attention
        names = ("query_key_value",) if self.model_type in _HEADWISE_FUSED else ("c_attn", "qkv_proj")
        if (projection := _child(attention, names)) is None:
            raise InvalidInputError(
                f"The layout of {type(attention).__name__}'s query, key and value projections is not known; "
                "the Llama, GPT-2 and GPT-NeoX families are."
            )
        return projection


def dissect(model: PreTrainedModel) -> Anatomy:
    """Find the parts of a causal language model.

    Known are the families that name their parts as Llama (Mistral, Qwen, Gemma, Phi, OLMo, SmolLM, ...), GPT-2 or
    GPT-NeoX (Pythia) do, also inside a vision-language model.

    Raises
    ------
    InvalidInputError
        If `model` is no causal language model of such a family; the message names the part that was not found.
    """
    if not hasattr(model, "config") or not hasattr(model, "get_output_embeddings"):
        raise InvalidInputError(f"A Hugging Face causal language model is expected; {type(model).__name__} was given.")
    config = model.config.get_text_config(decoder=True)
    decoder = model.get_decoder()
    layers = [
        list(child)
        for child in decoder.children()
        if isinstance(child, nn.ModuleList) and len(child) == config.num_hidden_layers
    ]
    if not layers:
        raise _unknown(model, "list of layers")
    final_norm = _child(decoder, _FINAL_NORM)
    if final_norm is None:
        raise _unknown(model, "final normalisation")
    unembedding = model.get_output_embeddings()
    if unembedding is None:
        raise _unknown(model, "output embedding")
    blocks = tuple(_block(model, layer) for layer in layers[0])
    n_heads = config.num_attention_heads
    return Anatomy(
        decoder=decoder,
        blocks=blocks,
        final_norm=final_norm,
        unembedding=unembedding,
        n_heads=n_heads,
        n_kv_heads=getattr(config, "num_key_value_heads", None) or n_heads,
        d_head=_input_by_output(blocks[0].output).shape[0] // n_heads,
        d_model=config.hidden_size,
        model_type=config.model_type,
    )


def _block(model: nn.Module, layer: nn.Module) -> Block:
    attention = _child(layer, _ATTENTION)
    if attention is None:
        raise _unknown(model, "attention")
    output = _child(attention, _OUTPUT)
    if output is None:
        raise _unknown(model, "projection of the heads' outputs")
    mlp = _child(layer, _MLP)
    if mlp is None:
        raise _unknown(model, "feed-forward part")
    return Block(layer, attention, output, mlp, _child(layer, _ATTENTION_NORM))


def _child(module: nn.Module, names: Iterable[str]) -> nn.Module | None:
    children = dict(module.named_children())
    return next((children[name] for name in names if name in children), None)


def _input_by_output(projection: nn.Module) -> Tensor:
    """View a weight as (inputs, outputs); GPT-2's `Conv1D` keeps it so, `nn.Linear` transposed."""
    weight = projection.weight
    assert isinstance(weight, Tensor)
    return weight if type(projection).__name__ == "Conv1D" else weight.T


def _unknown(model: nn.Module, part: str) -> InvalidInputError:
    return InvalidInputError(
        f"{type(model).__name__} has no {part} under a known name; the Llama, GPT-2 and GPT-NeoX families are known."
    )
