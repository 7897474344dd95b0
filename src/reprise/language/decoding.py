"""Continuing prompts token by token with a key-value cache, and reading the model at each step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.attention import weights_given
from reprise.language.batch import Batch
from reprise.language.interventions import residual_reader
from reprise.nn.activations import capture

if TYPE_CHECKING:
    from reprise.language.model import LanguageModel

Stop = str | Collection[int] | Callable[[int], bool] | None


@dataclass(frozen=True)
class Step:
    """What one decoding step read.

    Parameters
    ----------
    tokens : the next token of each prompt: the most likely, or the one drawn.
    logits : of the next token.
    attention : weights of the fed token's query, ``[batch, layers asked, heads, columns]``; columns are those of the
        padded batch, then the generated tokens, the fed one last.
    residual : residual streams at the fed token, ``[batch, streams asked, d_model]``.
    active : whether each prompt was still being continued.
    """

    tokens: Int[Tensor, " batch"]
    logits: Float[Tensor, "batch vocabulary"]
    attention: Float[Tensor, "batch layers heads columns"] | None
    residual: Float[Tensor, "batch streams d_model"] | None
    active: Bool[Tensor, " batch"]


class Decoding:
    """A batch of prompts being continued; `LanguageModel.decoding` makes it.

    All prompt tokens but the last are read at once, without attention weights; the first `step` reads the last one.
    Attention weights are then those of a single query, so that no (length x length) matrix is ever made. Every
    intervention that is active while a step runs affects that step alone: the cache keeps what was computed before.

    Parameters
    ----------
    model : the language model.
    batch : the prompts.
    """

    def __init__(self, model: LanguageModel, batch: Batch):
        self._model = model
        self._prompt = batch
        self._generated = batch.mask.new_empty((len(batch), 0), dtype=torch.long)
        self._cache = new_cache()
        self.length = 0
        if batch.width > 1:
            self._feed(batch.width - 1)

    @property
    def generated(self) -> Int[Tensor, "batch steps"]:
        """The tokens that were fed after the prompt."""
        return self._generated

    def step(
        self,
        tokens: Int[Tensor, " batch"] | None = None,
        *,
        attention: Sequence[int] = (),
        residual: Sequence[int] = (),
    ) -> Step:
        """Feed one token a prompt and read what follows.

        Parameters
        ----------
        tokens : the tokens to feed; None feeds the next prompt token that has not been read.
        attention : layers whose attention weights to give.
        residual : residual streams to give, 0 being the embeddings.

        Raises
        ------
        InvalidInputError
            If `tokens` is None though the prompt was read to its end, or the context is full.
        """
        if tokens is not None:
            self._append(tokens[:, None])
        elif self.length >= self._known:
            raise InvalidInputError("The whole prompt has been read; give the tokens to feed.")
        readers = {layer: residual_reader(self._model.parts, layer) for layer in residual}
        with ExitStack() as watch:
            streams = watch.enter_context(capture(readers, site="input", keep=lambda hidden: hidden[:, -1]))
            rows = watch.enter_context(self._attention_rows(attention)) if attention else {}
            logits = self._model.unembed(self._feed(self.length + 1)[:, -1], normalised=True)
        return Step(
            tokens=logits.argmax(-1),
            logits=logits,
            attention=torch.stack([rows[layer] for layer in attention], 1) if attention else None,
            residual=torch.stack([streams[layer] for layer in residual], 1) if residual else None,
            active=torch.ones(len(self._prompt), dtype=torch.bool, device=logits.device),
        )

    def greedy(
        self,
        max_new_tokens: int,
        *,
        stop: Stop = None,
        attention: Sequence[int] = (),
        residual: Sequence[int] = (),
    ) -> Iterator[Step]:
        """Continue with the most likely token until every prompt has ended, one `Step` a token.

        `Step.active` tells which prompts this token still belongs to: it is False after a prompt's end-of-text token
        or the token that `stop` accepts, which itself still counts.
        """
        yield from self._continue(lambda step: step.tokens, max_new_tokens, stop, attention, residual)

    def sample(
        self,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        stop: Stop = None,
        attention: Sequence[int] = (),
        residual: Sequence[int] = (),
    ) -> Iterator[Step]:
        """Continue with tokens drawn from the model's distribution; `Step.tokens` are those drawn; see `greedy`.

        Parameters
        ----------
        max_new_tokens, stop, attention, residual : as in `greedy`.
        temperature : divides the logits.
        generator : a CPU generator that draws, so that a seed gives the same text on every device.

        Raises
        ------
        InvalidInputError
            If the temperature is not above 0.
        """
        if not temperature > 0:
            raise InvalidInputError(f"`temperature` is above 0; {temperature} was given. `greedy` takes the likeliest.")

        def draw(step: Step) -> Tensor:
            probabilities = (step.logits / temperature).softmax(-1).cpu()
            return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(step.tokens)

        yield from self._continue(draw, max_new_tokens, stop, attention, residual)

    def repeat(self, times: int) -> Decoding:
        """Turn each prompt into `times` rows that share what was read, to be continued differently; gives itself."""
        prompt = self._prompt
        self._prompt = Batch(
            None if prompt.ids is None else prompt.ids.repeat_interleave(times, 0),
            prompt.mask.repeat_interleave(times, 0),
            None if prompt.embeddings is None else prompt.embeddings.repeat_interleave(times, 0),
        )
        self._generated = self._generated.repeat_interleave(times, 0)
        self._cache.batch_repeat_interleave(times)
        return self

    def _continue(
        self,
        choose: Callable[[Step], Tensor],
        max_new_tokens: int,
        stop: Stop,
        attention: Sequence[int],
        residual: Sequence[int],
    ) -> Iterator[Step]:
        ends = self._model.stop_rule(stop)
        active = torch.ones(len(self._prompt), dtype=torch.bool, device=self._prompt.mask.device)
        tokens: Tensor | None = None
        for _ in range(max_new_tokens):
            step = self.step(tokens, attention=attention, residual=residual)
            chosen = choose(step)
            yield Step(chosen, step.logits, step.attention, step.residual, active)
            ended = [ends(token) for token in chosen.tolist()]
            active = active & ~torch.tensor(ended, device=active.device)
            if not active.any():
                return
            tokens = chosen

    def log_probs(self, continuations: Sequence[Sequence[int]]) -> list[Float[Tensor, " tokens"]]:
        """Give the log-probability of each token of one forced continuation a prompt; the cache is left at the prompt.

        Raises
        ------
        InvalidInputError
            If there is not one continuation with at least one token for each prompt.
        """
        if len(continuations) != len(self._prompt) or not all(len(tokens) for tokens in continuations):
            raise InvalidInputError(
                f"One continuation of at least one token is needed for each of the {len(self._prompt)} prompts."
            )
        self.crop(self._prompt.width - 1)
        steps = max(map(len, continuations))
        # Causal attention keeps the filling on the right from touching what is scored.
        rows = [list(tokens) + [0] * (steps - len(tokens)) for tokens in continuations]
        targets = torch.tensor(rows, device=self._prompt.mask.device)
        self._append(targets[:, :-1])
        logits = self._model.unembed(self._feed(self._known), normalised=True)
        scores = logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
        self.crop(self._prompt.width - 1)
        return [row[: len(tokens)] for row, tokens in zip(scores, continuations, strict=True)]

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` columns; prompt tokens among it can be read again by `step`.

        Raises
        ------
        InvalidInputError
            If fewer columns have been read.
        """
        if not 0 <= length <= self.length:
            raise InvalidInputError(f"{self.length} columns have been read; the cache cannot be cut to {length}.")
        if length < self.length:
            self._cache.crop(length - self.length)
        self.length = length
        self._generated = self._generated[:, : max(0, length - self._prompt.width)]

    @property
    def _known(self) -> int:
        return self._prompt.width + self._generated.shape[1]

    def _append(self, tokens: Tensor) -> None:
        if self.length < self._prompt.width - 1:
            raise InvalidInputError("Prompt tokens were forgotten; read them again with step() before feeding others.")
        kept = self._generated[:, : max(0, self.length - self._prompt.width)]
        self._generated = torch.cat([kept, tokens.to(kept)], 1)

    def _feed(self, end: int) -> Float[Tensor, "batch fed d_model"]:
        """Read the columns from `length` to `end`, and give the normalised last hidden states."""
        self._model.check_length(end)
        start, width = self.length, self._prompt.width
        inputs: dict[str, Any] = {}
        if self._prompt.ids is not None:
            inputs["input_ids"] = torch.cat([self._prompt.ids, self._generated], 1)[:, start:end]
        else:
            assert self._prompt.embeddings is not None
            later = self._model.model.get_input_embeddings()(self._generated)
            inputs["inputs_embeds"] = torch.cat([self._prompt.embeddings, later], 1)[:, start:end]
        if self._prompt.padded:
            mask = torch.cat([self._prompt.mask, self._prompt.mask.new_ones(len(self._prompt), max(0, end - width))], 1)
            inputs["attention_mask"] = mask[:, :end].long()
            inputs["position_ids"] = (mask[:, :end].cumsum(1) - 1).clamp(min=0)[:, start:end]
        hidden = self._model.run_cached(inputs, self._cache)
        self.length = end
        return hidden

    @contextmanager
    def _attention_rows(self, layers: Sequence[int]) -> Iterator[dict[int, Tensor]]:
        rows: dict[int, Tensor] = {}

        def watch(layer: int) -> Callable[[nn.Module, Any, Any], None]:
            def look(module: nn.Module, _: Any, output: Any) -> None:
                weights = output[1] if isinstance(output, tuple) and len(output) > 1 else None
                if not isinstance(weights, Tensor):
                    raise InvalidInputError(f"{type(module).__name__} gives no attention weights.")
                rows[layer] = weights[:, :, -1]

            return look

        with ExitStack() as stack:
            stack.enter_context(weights_given(self._model.model))
            for layer in layers:
                handle = self._model.block(layer).attention.register_forward_hook(watch(layer))
                stack.callback(handle.remove)
            yield rows


def new_cache() -> Any:
    """Give an empty key-value cache."""
    from reprise.models.language import import_transformers

    # Without a configuration every layer keeps all columns, also where attention slides over a window.
    return import_transformers().DynamicCache()
