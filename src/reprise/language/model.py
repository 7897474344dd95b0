"""One handle on any Hugging Face causal language model: read it, decode with it, change what it computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.anatomy import Block, OVCircuit, dissect
from reprise.language.batch import Batch, Positions
from reprise.language.decoding import Decoding, Stop
from reprise.language.interventions import Interventions, check_layer
from reprise.language.reading import Layers, Trace, numbered, read_trace
from reprise.models.language import DEFAULT_MODEL, load_language_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Inputs = Batch | str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]] | Tensor


class LanguageModel(Interventions):
    """A handle on a Hugging Face causal language model of the Llama, GPT-2 or GPT-NeoX kind.

    Layers are numbered 0 to ``n_layers - 1`` and heads are query heads. Residual streams are numbered 0 to
    ``n_layers``: stream 0 is the embeddings, layer `l` reads stream `l` and writes stream ``l + 1``, and stream
    ``n_layers`` is what the final normalisation reads (transformers' last "hidden state" is already normalised; no
    stream here is). Positions count each prompt's own tokens, whatever the padding; negative ones count from the end.

    Prompts are given as one text, a list of texts, lists of token ids, an integer tensor, a float tensor of input
    embeddings ``[batch, tokens, d_model]``, or a `Batch`.

    Parameters
    ----------
    model : put into evaluation mode; its weights are never changed.
    tokenizer : needed wherever text is given or asked for.

    Raises
    ------
    InvalidInputError
        If the model's architecture is not known.

    Examples
    --------
    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> config = LlamaConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
    ...                      num_attention_heads=4, num_key_value_heads=2)
    >>> lm = LanguageModel(LlamaForCausalLM(config))
    >>> lm.residuals([[5, 6, 7]], layers=[0, 2], positions=-1).shape
    torch.Size([1, 2, 1, 16])
    >>> with lm.ablate_heads([(1, 3)]):
    ...     without = lm.logits([[5, 6, 7]], positions=-1)
    >>> [len(tokens) for tokens in lm.generate([[5, 6, 7]], max_new_tokens=4)]
    [4]
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None = None):
        self.parts = dissect(model)
        self.model = model.eval()
        self._tokenizer = tokenizer
        parameters = inspect.signature(self.parts.decoder.forward).parameters
        self._cache_name = "cache" if "cache" in parameters else "past_key_values"  # renamed in transformers 5
        config = model.config.get_text_config(decoder=True)
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)
        self.vocabulary_size: int = config.vocab_size
        self._softcap: float | None = getattr(config, "final_logit_softcapping", None)
        scale = getattr(config, "logit_scale", None)
        self._logit_scale = (scale if isinstance(scale, float | int) else 1) / getattr(config, "logits_scaling", 1)

    @classmethod
    def from_pretrained(
        cls, name: str = DEFAULT_MODEL, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> LanguageModel:
        """Load a packaged model, one of the hub's, or a folder; see `reprise.models.language.load_language_model`."""
        return cls(*load_language_model(name, device=device, dtype=dtype))

    # Sizes and parts

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.parts.blocks)

    @property
    def n_heads(self) -> int:
        """Number of query heads of a layer."""
        return self.parts.n_heads

    @property
    def d_head(self) -> int:
        """Width of a head's output."""
        return self.parts.d_head

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.parts.d_model

    @property
    def device(self) -> torch.device:
        """Where the input embeddings are."""
        return self.model.get_input_embeddings().weight.device

    @property
    def has_tokenizer(self) -> bool:
        """Whether texts can be given and asked for."""
        return self._tokenizer is not None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer.

        Raises
        ------
        InvalidInputError
            If the handle was made without one.
        """
        if self._tokenizer is None:
            raise InvalidInputError("This language model has no tokenizer; give token ids, or make it with one.")
        return self._tokenizer

    def block(self, layer: int) -> Block:
        """Give the modules of one layer."""
        return self.parts.blocks[check_layer(layer, self.n_layers - 1)]

    def ov_circuit(self, layer: int, head: int) -> OVCircuit:
        """Give the value and output matrices of one head, as views of the weights."""
        self.block(layer)
        return self.parts.ov_circuit(layer, check_layer(head, self.n_heads - 1, "Head"))

    # Text

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Turn text into token ids, with or without the tokenizer's own special tokens around it."""
        return self.tokenizer.encode(text, add_special_tokens=special)

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Turn token ids into text, leaving special tokens out."""
        return str(self.tokenizer.decode(torch.as_tensor(ids), skip_special_tokens=True))

    def chat(self, messages: str | Sequence[dict[str, str]], answer: str = "") -> str:
        """Write a conversation as the model's chat template has it, ready for the assistant's turn.

        Parameters
        ----------
        messages : one user message, or a list of ``{"role": ..., "content": ...}``.
        answer : the beginning of the assistant's answer, if it is to be forced.

        Raises
        ------
        InvalidInputError
            If the tokenizer has no chat template.
        """
        if not getattr(self.tokenizer, "chat_template", None):
            raise InvalidInputError("This model's tokenizer has no chat template; give the prompt as plain text.")
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return (
            str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)) + answer
        )

    def batch(self, inputs: Inputs) -> Batch:
        """Turn prompts in any of the forms that the class lists into a padded batch on the model's device.

        Raises
        ------
        InvalidInputError
            If a prompt is empty, longer than the model's context, or holds ids outside the vocabulary.
        """
        if isinstance(inputs, Batch):
            return inputs
        if isinstance(inputs, Tensor) and inputs.is_floating_point():
            if inputs.ndim != 3 or inputs.shape[-1] != self.d_model or 0 in inputs.shape:
                raise InvalidInputError(
                    f"Input embeddings have shape (batch, tokens, {self.d_model}); {tuple(inputs.shape)} was given."
                )
            batch = Batch(None, torch.ones(inputs.shape[:2], dtype=torch.bool, device=self.device), inputs)
        else:
            batch = Batch.of_ids(self._rows(inputs), device=self.device)
            assert batch.ids is not None
            if int(batch.ids.min()) < 0 or int(batch.ids.max()) >= self.vocabulary_size:
                raise InvalidInputError(
                    f"Token ids lie in 0..{self.vocabulary_size - 1}; "
                    f"{int(batch.ids.min())}..{int(batch.ids.max())} was given."
                )
        self.check_length(batch.width)
        return batch

    def check_length(self, length: int) -> None:
        """Raise `InvalidInputError` if a text of `length` tokens does not fit into the model's context."""
        if self.context_length is not None and length > self.context_length:
            raise InvalidInputError(f"A text of {length} tokens exceeds the model's context of {self.context_length}.")

    # Reading

    def trace(
        self,
        inputs: Inputs,
        *,
        residual: Layers = None,
        attention_output: Layers = None,
        mlp_output: Layers = None,
        head_output: Layers = None,
        logits: bool = False,
        positions: Positions = None,
        gradients: bool = False,
    ) -> Trace:
        """Read several things in one forward pass, which ends as soon as all of them were seen.

        Cost: one forward pass up to the deepest layer asked for; memory for the layers and positions asked for only.

        Parameters
        ----------
        inputs : prompts.
        residual : residual streams to read (0 to n_layers), or ``"all"``.
        attention_output, mlp_output, head_output : layers to read (0 to n_layers - 1), or ``"all"``.
        logits : whether to give the logits.
        positions : where to read: one position, several, a slice, or a tensor ``[batch, positions]``; None gives all
            columns of the padded batch.
        gradients : keep the autograd graph.
        """
        return read_trace(
            self,
            self.batch(inputs),
            residual=residual,
            attention_output=attention_output,
            mlp_output=mlp_output,
            head_output=head_output,
            logits=logits,
            positions=positions,
            gradients=gradients,
        )

    def residuals(
        self, inputs: Inputs, layers: Layers = "all", positions: Positions = None
    ) -> Float[Tensor, "batch streams positions d_model"]:
        """Give residual streams; see `trace`."""
        return _asked(self.trace(inputs, residual=layers, positions=positions).residual)

    def head_outputs(
        self, inputs: Inputs, layers: Layers = "all", positions: Positions = None
    ) -> Float[Tensor, "batch layers positions heads d_head"]:
        """Give each head's output before the projection that joins them; see `trace`."""
        return _asked(self.trace(inputs, head_output=layers, positions=positions).head_output)

    def logits(self, inputs: Inputs, positions: Positions = None) -> Float[Tensor, "batch positions vocabulary"]:
        """Give the logits of the next token; at None, for every column of the padded batch."""
        return _asked(self.trace(inputs, logits=True, positions=positions).logits)

    def attention_rows(
        self, inputs: Inputs, layers: Layers = "all", query: int = -1
    ) -> Float[Tensor, "batch layers heads columns"]:
        """Give the attention weights of one query, in one pass and without any (length x length) matrix.

        Parameters
        ----------
        inputs : prompts.
        layers : layers to read.
        query : the token that attends, counted in columns of the padded batch; the result ends in its column.
        """
        batch = self.batch(inputs)
        if not -batch.width <= query < batch.width:
            raise InvalidInputError(f"Query {query} lies outside the prompt's {batch.width} columns.")
        chosen = numbered(layers, self.n_layers - 1)
        step = self.decoding(batch.first_columns(query % batch.width + 1)).step(attention=chosen)
        return _asked(step.attention)

    def logit_lens(
        self, inputs: Inputs, layers: Layers = "all", positions: Positions = -1
    ) -> Float[Tensor, "batch streams positions vocabulary"]:
        """Give the log-probabilities that the unembedding reads off residual streams (nostalgebraist, 2020).

        Each stream goes through the final normalisation and the unembedding; the last stream gives the model's own
        prediction. Cost: one forward pass and ``streams * positions * d_model * vocabulary`` operations.
        """
        return self.unembed(self.residuals(inputs, layers, positions)).log_softmax(-1)

    def unembed(
        self, hidden: Float[Tensor, "*any d_model"], *, normalised: bool = False
    ) -> Float[Tensor, "*any vocabulary"]:
        """Turn residual streams into logits, through the final normalisation unless that was done."""
        with torch.set_grad_enabled(hidden.requires_grad):
            logits = self.parts.unembedding(hidden if normalised else self.parts.final_norm(hidden)).float()
        logits = logits * self._logit_scale if self._logit_scale != 1 else logits
        return logits if self._softcap is None else self._softcap * torch.tanh(logits / self._softcap)

    # Decoding

    def decoding(self, inputs: Inputs) -> Decoding:
        """Read prompts into a key-value cache, to be continued token by token."""
        return Decoding(self, self.batch(inputs))

    def generate(self, inputs: Inputs, max_new_tokens: int, *, stop: Stop = None) -> list[list[int]]:
        """Continue each prompt greedily, up to and including its end-of-text token or the one that `stop` accepts.

        Parameters
        ----------
        inputs : prompts.
        max_new_tokens : at most so many tokens are made.
        stop : beside the end-of-text token: a text (a token that contains it ends the answer), token ids, or a
            function of a token id.
        """
        batch = self.batch(inputs)
        tokens: list[list[int]] = [[] for _ in range(len(batch))]
        for step in self.decoding(batch).greedy(max_new_tokens, stop=stop):
            for row, token, active in zip(tokens, step.tokens.tolist(), step.active.tolist(), strict=True):
                if active:
                    row.append(token)
        return tokens

    def log_probs(self, inputs: Inputs, continuations: Sequence[Sequence[int]]) -> list[Float[Tensor, " tokens"]]:
        """Give the log-probability of each token of a forced continuation of each prompt."""
        return self.decoding(inputs).log_probs(continuations)

    def stop_rule(self, stop: Stop) -> Callable[[int], bool]:
        """Turn a `stop` argument into a function of a token id that also accepts the end-of-text tokens."""
        ends = self.model.generation_config.eos_token_id if self.model.generation_config else None
        final = set(ends if isinstance(ends, list) else [ends]) - {None}
        if isinstance(stop, str):
            tokenizer, text = self.tokenizer, stop
            contains = lru_cache(maxsize=None)(lambda token: text in tokenizer.decode([token]))
            return lambda token: token in final or contains(token)
        if callable(stop):
            return lambda token: token in final or bool(stop(token))
        final |= set(stop or ())
        return lambda token: token in final

    # Running

    def run(self, batch: Batch) -> Float[Tensor, "batch columns d_model"]:
        """Run the decoder over a batch without a cache, and give the normalised last hidden states."""
        inputs: dict[str, Any] = (
            {"input_ids": batch.ids} if batch.ids is not None else {"inputs_embeds": batch.embeddings}
        )
        if batch.padded:
            inputs["attention_mask"] = batch.mask.long()
            inputs["position_ids"] = (batch.mask.cumsum(1) - 1).clamp(min=0)
        return self.parts.decoder(**inputs, use_cache=False)[0]

    def run_cached(self, inputs: dict[str, Any], cache: Any) -> Float[Tensor, "batch columns d_model"]:
        """Run the decoder over what follows the columns in `cache`, without gradients; the cache grows."""
        with torch.no_grad():
            return self.parts.decoder(**inputs, **{self._cache_name: cache}, use_cache=True)[0]

    def _rows(self, inputs: Any) -> list[list[int]]:
        """Spell out prompts as lists of token ids."""
        if isinstance(inputs, Tensor):
            inputs = inputs.tolist()
        if isinstance(inputs, str) or (inputs and isinstance(inputs[0], int)):
            inputs = [inputs]
        return [self.encode(row) if isinstance(row, str) else list(row) for row in inputs]


def _asked(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise InvalidInputError("No layers were asked for; give at least one.")
    return tensor
